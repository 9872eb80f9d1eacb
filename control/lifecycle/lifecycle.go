// SPDX-License-Identifier: Apache-2.0

// Package lifecycle moves resources through their states: it holds what hosts
// report against what is wanted, and writes statuses, never wishes. It knows
// when an endpoint is available and when an address is free again; it does not
// know how a host gets there.
package lifecycle

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
)

// Lifecycle follows the store and the hosts.
type Lifecycle struct {
	store *store.Store
	log   *slog.Logger

	mu   sync.Mutex
	seen Observed
	news []store.Ref   // instances that were reported since the last look
	told bool          // which hosts are live
	wake chan struct{} // holds one token while something new was seen

	expected  map[string]bool        // hosts that had instances when this began
	unsettled map[store.Ref]struct{} // rows that are not where they are wanted
	withdrawn map[string]int64       // interface -> revision by which it was withdrawn
	since     time.Time              // when hosts could begin to come
}

// New returns a lifecycle that has seen no host.
func New(s *store.Store, log *slog.Logger) *Lifecycle {
	return &Lifecycle{
		store: s, log: log, seen: newObserved(), wake: make(chan struct{}, 1), since: time.Now(),
		unsettled: map[store.Ref]struct{}{}, withdrawn: map[string]int64{},
	}
}

const (
	tick = time.Second // how often rows are looked at that only wait for time to pass

	// patience is how long hosts have to come before nobody waits for them: after
	// a restart of control they are all there, and only not connected yet.
	patience = 5 * time.Second
)

// Run works until ctx ends.
func (l *Lifecycle) Run(ctx context.Context) error {
	f := l.store.Follow()
	defer f.Close()
	steps := make(chan store.Step)
	ended := make(chan error, 1)
	go func() {
		for {
			step, err := f.Next(ctx)
			if err != nil {
				ended <- err
				return
			}
			select {
			case steps <- step:
			case <-ctx.Done():
				ended <- ctx.Err()
				return
			}
		}
	}()
	defer func() { <-ended }()
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case step := <-steps:
			l.take(step)
		case <-l.wake:
		case <-t.C:
		}
		if err := l.settle(ctx); err != nil && ctx.Err() == nil {
			l.log.Warn("settle what hosts report; it is tried again", "err", err)
		}
	}
}

// take notes which rows a step leaves unsettled.
func (l *Lifecycle) take(step store.Step) {
	refs := step.Changed
	if step.All {
		l.expected = map[string]bool{}
		for e := range step.View.Endpoints.All() {
			refs = append(refs, store.Ref{Kind: store.KindEndpoint, ID: string(e.ID)})
		}
		for i := range step.View.Instances.All() {
			refs = append(refs, store.Ref{Kind: store.KindInstance, ID: string(i.ID)})
			if i.Status.Gone.IsZero() {
				l.expected[i.Host] = true
			}
		}
		for e := range step.View.ENIs.All() {
			refs = append(refs, store.Ref{Kind: store.KindENI, ID: string(e.ID)})
		}
	}
	for _, r := range refs {
		switch r.Kind {
		case store.KindEndpoint, store.KindInstance:
			l.unsettled[r] = struct{}{}
		case store.KindENI:
			e, ok := step.View.ENIs.Get(r.ID)
			switch {
			case !ok:
				delete(l.withdrawn, r.ID)
			case e.Withdrawn && l.withdrawn[r.ID] == 0:
				l.withdrawn[r.ID] = step.View.Revision() // not before this one
				l.unsettled[r] = struct{}{}
			}
		}
	}
}

// Report takes in what a host says. It is kept in memory only: a host says
// everything again when it connects to another control.
func (l *Lifecycle) Report(r hoststate.Report) {
	l.mu.Lock()
	l.seen.take(r)
	for id := range r.Instances {
		l.news = append(l.news, store.Ref{Kind: store.KindInstance, ID: id})
	}
	l.mu.Unlock()
	l.Wake()
}

// Live sets which hosts are live: their names, ascending.
func (l *Lifecycle) Live(hosts []string) {
	l.mu.Lock()
	l.seen.Live, l.told = hosts, true
	l.mu.Unlock()
	l.Wake()
}

// Wake has unsettled rows looked at again.
func (l *Lifecycle) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// observed is what was seen so far; what it concerns is unsettled.
func (l *Lifecycle) observed() Observed {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.news {
		l.unsettled[r] = struct{}{}
	}
	l.news = nil
	l.seen.Early = l.early()
	return l.seen.about(l.unsettled)
}

// early says that hosts may still be on their way: none was heard of, or not all
// that have something to let go of.
func (l *Lifecycle) early() bool {
	if time.Since(l.since) >= patience {
		return false
	}
	for h := range l.expected {
		if !slices.Contains(l.seen.Live, h) {
			return true
		}
	}
	return !l.told
}
