// SPDX-License-Identifier: Apache-2.0

package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
)

// Step is one step of a follower: Changed holds every row that differs between
// the View of the step before and this one. A row that is gone is not in View.
type Step struct {
	View    *View
	All     bool // the first step: everything is new, Changed is empty
	Changed []Ref
}

// Follower hears of every change once. However slow it is, it holds no more than
// the names of the rows that changed, and holds nobody up.
type Follower struct {
	s       *Store
	all     bool
	changed map[Ref]struct{}
	wake    chan struct{} // holds one token while there is something to take
}

// Follow returns a follower, whose first step is everything. It must be closed.
func (s *Store) Follow() *Follower {
	f := &Follower{s: s, all: true, changed: map[Ref]struct{}{}, wake: make(chan struct{}, 1)}
	f.wake <- struct{}{}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.followers[f] = struct{}{}
	return f
}

// Close ends the subscription.
func (f *Follower) Close() {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	delete(f.s.followers, f)
}

// Next waits until something has changed since the last Next, and returns all of
// it as one step. One goroutine may call it at a time.
func (f *Follower) Next(ctx context.Context) (Step, error) {
	for {
		select {
		case <-ctx.Done():
			return Step{}, ctx.Err()
		case <-f.wake:
		}
		if step := f.take(); step.All || len(step.Changed) > 0 {
			return step, nil
		} // else the step before has already taken what the token stood for
	}
}

func (f *Follower) take() Step {
	f.s.mu.Lock()
	step, changed := Step{View: f.s.View(), All: f.all}, f.changed
	f.all, f.changed = false, map[Ref]struct{}{}
	f.s.mu.Unlock()
	step.Changed = slices.SortedFunc(maps.Keys(changed), func(a, b Ref) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	return step
}

// publish makes v what readers see, and tells the followers what changed.
func (s *Store) publish(v *View, changed map[Ref]struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view.Store(v)
	for f := range s.followers {
		if !f.all {
			for r := range changed {
				f.changed[r] = struct{}{}
			}
		}
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}
