// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// alone is how many of one source's handshakes and requests are worked on at a time:
	// enough for it to use the whole machine. Where another source has asked within
	// shared, it is among: few enough that the other does not stand behind hundreds.
	alone  = 8
	among  = 2
	shared = 100 * time.Millisecond
	// longestTurn is when a turn ends by itself: by then whoever has it waits for
	// somebody else, as a long poll does, and is in nobody's way.
	longestTurn = 10 * time.Millisecond
)

// turns shares the gateway out among sources. The zero value is ready.
type turns struct {
	mu     sync.Mutex
	shares map[source]*share
	last   source    // that asked
	turned time.Time // when it was another one before
}

// share is a source's turns that are taken, and who waits for one, in order.
type share struct {
	taken   int
	waiting []chan struct{}
}

// take waits for a turn of s. Its end is told by calling done, or comes by itself;
// without a turn, since ctx ended, done is nil.
func (t *turns) take(ctx context.Context, s source) (done func(), err error) {
	t.mu.Lock()
	if t.shares == nil {
		t.shares = make(map[source]*share)
	}
	l := t.shares[s]
	if l == nil {
		l = &share{}
		t.shares[s] = l
	}
	now := time.Now()
	if s != t.last {
		t.last, t.turned = s, now
	}
	if l.taken < t.most(now) {
		l.taken++
		t.mu.Unlock()
		return t.begin(s, l), nil
	}
	next := make(chan struct{})
	l.waiting = append(l.waiting, next)
	t.mu.Unlock()
	select {
	case <-next:
		return t.begin(s, l), nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	at := slices.Index(l.waiting, next)
	if at >= 0 {
		l.waiting = slices.Delete(l.waiting, at, at+1)
	}
	t.mu.Unlock()
	if at < 0 { // it came all the same
		t.end(s, l)
	}
	return nil, ctx.Err()
}

// begin is a turn that was taken.
func (t *turns) begin(s source, l *share) (done func()) {
	once := sync.OnceFunc(func() { t.end(s, l) })
	timer := time.AfterFunc(longestTurn, once)
	return func() { timer.Stop(); once() }
}

// end gives a turn to whoever has waited longest.
func (t *turns) end(s source, l *share) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.taken--
	for most := t.most(time.Now()); len(l.waiting) > 0 && l.taken < most; l.taken++ {
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
	}
	if l.taken == 0 {
		delete(t.shares, s)
	}
}

// most is how many turns a source may have now. The lock is held.
func (t *turns) most(now time.Time) int {
	if now.Sub(t.turned) < shared {
		return among
	}
	return alone
}
