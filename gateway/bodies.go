// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Limits of the bodies that are held. A source may hold its own little whatever
// others hold: a form, with user data.
const (
	maxHeld          = 32 << 20
	maxHeldPerSource = 4 << 20
	ownLittle        = 32 << 10
)

// bodies counts what requests hold of memory from their heads on until they are
// handed on: a body may be long, and take its time. The zero value is ready.
type bodies struct {
	mu      sync.Mutex
	total   int64
	held    map[source]int64
	waiting map[source][]*room // in order
}

// room is what a request waits for.
type room struct {
	size  int64
	there chan struct{} // closed when it has it
}

// take returns whether s may hold so much more, and counts it. Where there is no
// room it waits, until ctx ends at the latest.
func (b *bodies) take(ctx context.Context, s source, size int64, patience time.Duration) bool {
	b.mu.Lock()
	if b.fits(s, size) {
		b.hold(s, size)
		b.mu.Unlock()
		return true
	}
	r := &room{size, make(chan struct{})}
	if b.waiting == nil {
		b.waiting = make(map[source][]*room)
	}
	b.waiting[s] = append(b.waiting[s], r)
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-r.there:
		return true
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.waiting[s], r)
	if i < 0 {
		return true // it came all the same
	}
	b.waiting[s] = slices.Delete(b.waiting[s], i, i+1)
	b.pass(s) // to those who waited behind it
	return false
}

// free gives back what take gave.
func (b *bodies) free(s source, size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hold(s, -size)
	for s := range b.waiting { // in no order: no source is always the last
		b.pass(s)
	}
}

// fits says whether there is room. The lock is held.
func (b *bodies) fits(s source, size int64) bool {
	then := b.held[s] + size
	return then <= maxHeldPerSource && (then <= ownLittle || b.total+size <= maxHeld)
}

// hold counts. The lock is held.
func (b *bodies) hold(s source, size int64) {
	if b.held == nil {
		b.held = make(map[source]int64)
	}
	b.total += size
	if b.held[s] += size; b.held[s] == 0 {
		delete(b.held, s)
	}
}

// pass gives room to those of s who have waited longest. The lock is held.
func (b *bodies) pass(s source) {
	for len(b.waiting[s]) > 0 && b.fits(s, b.waiting[s][0].size) {
		b.hold(s, b.waiting[s][0].size)
		close(b.waiting[s][0].there)
		b.waiting[s] = b.waiting[s][1:]
	}
	if len(b.waiting[s]) == 0 {
		delete(b.waiting, s)
	}
}
