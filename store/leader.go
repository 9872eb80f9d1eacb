// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// leaseTime is how long a server that has vanished still counts as the leader.
const leaseTime = 10 * time.Second

// leader is this server's term of deciding. Every write of the term changes the
// leader key, and demands that it is as the write before left it: so another
// server that takes over, or a write that was given up, is noticed by the log itself.
type leader struct {
	id       string
	commits  int64 // writes that were tried in this term
	revision int64 // of the leader key, and so of the newest commit
	lease    clientv3.LeaseID
}

func (s *Store) leaderValue() string { return fmt.Sprintf("%s/%d", s.leader.id, s.leader.commits) }

func (s *Store) isOurs(value string) bool { return strings.HasPrefix(value, s.leader.id+"/") }

func (s *Store) isLeader() clientv3.Cmp {
	return clientv3.Compare(clientv3.ModRevision(s.keys.leader()), "=", s.leader.revision)
}

func (s *Store) putLeader() clientv3.Op {
	return clientv3.OpPut(s.keys.leader(), s.leaderValue(), clientv3.WithLease(s.leader.lease))
}

// elect returns once this server decides.
func (s *Store) elect(ctx context.Context) error {
	s.leader.id = randomHex(16)
	if s.o.Alone {
		re, err := s.o.Client.Put(ctx, s.keys.leader(), s.leaderValue())
		if err != nil {
			return err
		}
		s.leader.revision = re.Header.Revision
		return nil
	}
	lease, err := s.o.Client.Grant(ctx, int64(leaseTime/time.Second))
	if err != nil {
		return err
	}
	s.leader.lease = lease.ID
	ctx, cancel := context.WithCancelCause(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		s.keepLease(ctx, cancel)
	}()
	err = s.campaign(ctx)
	cancel(nil)
	<-kept
	if err != nil {
		return errors.Join(err, s.resign(context.WithoutCancel(ctx)))
	}
	return nil
}

// campaign waits until nobody leads and is the first to step in.
func (s *Store) campaign(ctx context.Context) error {
	for {
		re, err := s.o.Client.Txn(ctx).
			If(clientv3.Compare(clientv3.CreateRevision(s.keys.leader()), "=", 0)).
			Then(s.putLeader()).
			Commit()
		if err != nil {
			return err
		}
		if re.Succeeded {
			s.leader.revision = re.Header.Revision
			return nil
		}
		s.log.Info("another control server decides, waiting", "rev", re.Header.Revision)
		if err := s.awaitVacancy(ctx, re.Header.Revision+1); err != nil {
			return err
		}
	}
}

// awaitVacancy returns when the leader key has been deleted at revision from or later.
func (s *Store) awaitVacancy(ctx context.Context, from int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for re := range s.o.Client.Watch(ctx, s.keys.leader(), clientv3.WithRev(from), clientv3.WithFilterPut()) {
		if err := re.Err(); err != nil {
			return err
		}
		if len(re.Events) > 0 {
			return nil
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.New("the watch of the leader ended")
}

// keepLease keeps the lease alive until ctx ends; if etcd says that it is gone, it
// ends ctx with [ErrDeposed]. While etcd does not answer, the lease does not end
// either, and readers may go on.
func (s *Store) keepLease(ctx context.Context, end context.CancelCauseFunc) {
	if s.o.Alone {
		return
	}
	for {
		err := s.keepLeaseOnce(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case rpctypes.Error(err) == rpctypes.ErrLeaseNotFound:
			end(fmt.Errorf("%w: the lease ran out", ErrDeposed))
			return
		case err != nil:
			s.log.Warn("the lease of this control server is not kept alive", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(leaseTime / 5):
		}
	}
}

func (s *Store) keepLeaseOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	_, err := s.o.Client.KeepAliveOnce(ctx, s.leader.lease)
	return err
}

// resign lets the next server step in at once.
func (s *Store) resign(ctx context.Context) error {
	if s.o.Alone || s.leader.lease == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	if _, err := s.o.Client.Revoke(ctx, s.leader.lease); err != nil {
		return fmt.Errorf("resign: %w", err)
	}
	return nil
}
