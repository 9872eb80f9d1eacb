// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// errTooLarge is what decisions are refused with while etcd's database is at its
// quota: etcd writes nothing then, until somebody takes its alarm back.
var errTooLarge = errors.New("the database is at its quota; it is being made smaller")

// reliefEvery is how often a database that stays too large is tried.
const reliefEvery = 10 * time.Second

// relief is the making smaller of a database, beside those who ask.
type relief struct {
	mu      sync.Mutex
	running bool
	last    time.Time
	all     sync.WaitGroup
}

func (r *relief) wait() { r.all.Wait() }

// relieve returns nil if etcd's database is within its quota. Else it begins, in a
// goroutine of its own, to drop what nobody reads any more.
func (e *Embedded) relieve() error {
	if !e.atQuota() {
		return nil
	}
	r := &e.relief
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running || time.Since(r.last) < reliefEvery {
		return errTooLarge
	}
	r.running = true
	r.all.Go(func() {
		if err := e.shrink(context.Background()); err != nil {
			e.failed.log.Error("the database stays too large", "err", err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.running, r.last = false, time.Now()
	})
	return errTooLarge
}

func (e *Embedded) atQuota() bool {
	return slices.ContainsFunc(e.etcd.Server.Alarms(), func(a *pb.AlarmMember) bool { return a.Alarm == pb.AlarmType_NOSPACE })
}

// shrink forgets what rows were, gives back the room, and takes the alarm back if
// there is some. The store reads rows as they are only.
func (e *Embedded) shrink(ctx context.Context) error {
	server := e.etcd.Server
	if _, err := e.client.Compact(ctx, server.KV().Rev(), clientv3.WithCompactPhysical()); err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	quota := server.Cfg.QuotaBackendBytes
	for n := 0; server.Backend().SizeInUse() > quota/10*9; n++ {
		if n == 50 {
			return fmt.Errorf("%d of %d MiB are in use", server.Backend().SizeInUse()>>20, quota>>20)
		}
		// Pages that one commit gives back are free with the next, unless somebody reads them.
		server.Backend().ForceCommit()
		time.Sleep(20 * time.Millisecond)
	}
	if err := server.Defragment(); err != nil {
		return fmt.Errorf("defragment: %w", err)
	}
	if _, err := e.client.AlarmDisarm(ctx, &clientv3.AlarmMember{MemberID: uint64(server.MemberID()), Alarm: pb.AlarmType_NOSPACE}); err != nil {
		return fmt.Errorf("take the alarm back: %w", err)
	}
	return nil
}
