// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"time"

	"go.etcd.io/etcd/server/v3/etcdserver"
	"go.etcd.io/raft/v3/raftpb"
)

// standEvery is a part of what a server needs to know of itself that it is a member.
const standEvery = 200 * time.Microsecond

// stand has the only member of a cluster lead it now, where etcd would wait for an
// election timeout in which it hears of nobody else. So ticks need not be quick, each of
// which wakes half a dozen goroutines. It asks as one does who hands over the lead (raft's
// MsgTimeoutNow), and again, since a server that has not read yet that it is a member
// hears nothing. It returns when there is a leader or ctx ends.
func stand(ctx context.Context, s *etcdserver.EtcdServer) {
	self := uint64(s.MemberID())
	for s.Leader() == 0 && ctx.Err() == nil {
		_ = s.Process(ctx, &raftpb.Message{Type: raftpb.MsgTimeoutNow.Enum(), From: &self, To: &self}) // if not, the election timeout elects it
		time.Sleep(standEvery)
	}
}
