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
	// shared, half of the processors are left to that.
	alone  = 8
	shared = 100 * time.Millisecond
	// longestTurn is when a turn ends by itself: by then whoever has it waits for
	// somebody else, as a long poll does, and is in nobody's way.
	longestTurn = 10 * time.Millisecond
)

// turns shares the gateway out among sources. The zero value is ready.
type turns struct {
	among int // how many turns a source may have beside others; at least one

	mu     sync.Mutex
	shares map[source]*share
	last   source    // that asked
	turned time.Time // when it was another one before
}

// share is a source's turns that are taken, in the order in which they began, and who
// waits for one, in order.
type share struct {
	taken   []*turn
	waiting []chan *turn
	next    *time.Timer // when the first of taken ends by itself; nil while nobody waits for that
}

type turn struct{ begun time.Time }

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
	l.expire(now)
	if len(l.waiting) == 0 && len(l.taken) < t.most(now) {
		x := l.begin(now)
		t.mu.Unlock()
		return func() { t.end(s, l, x) }, nil
	}
	mine := make(chan *turn, 1)
	l.waiting = append(l.waiting, mine)
	t.pass(s, l, now)
	t.mu.Unlock()
	select {
	case x := <-mine:
		return func() { t.end(s, l, x) }, nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(w chan *turn) bool { return w == mine })
	select {
	case x := <-mine: // it came all the same
		l.drop(x)
	default:
	}
	t.pass(s, l, time.Now())
	return nil, ctx.Err()
}

// end ends a turn, unless it has ended by itself.
func (t *turns) end(s source, l *share, x *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.drop(x)
	t.pass(s, l, time.Now())
}

func (l *share) begin(now time.Time) *turn {
	x := &turn{now}
	l.taken = append(l.taken, x)
	return x
}

// expire drops the turns that have ended by themselves.
func (l *share) expire(now time.Time) {
	for len(l.taken) > 0 && now.Sub(l.taken[0].begun) >= longestTurn {
		l.taken = l.taken[1:]
	}
}

func (l *share) drop(x *turn) {
	if i := slices.Index(l.taken, x); i >= 0 {
		l.taken = slices.Delete(l.taken, i, i+1)
	}
}

// pass gives turns to those who have waited longest, as many as there may be, and
// sees to it that the rest is looked at again. The lock is held.
func (t *turns) pass(s source, l *share, now time.Time) {
	l.expire(now)
	for most := t.most(now); len(l.waiting) > 0 && len(l.taken) < most; l.waiting = l.waiting[1:] {
		l.waiting[0] <- l.begin(now)
	}
	switch {
	case len(l.waiting) > 0 && l.next == nil:
		l.next = time.AfterFunc(l.taken[0].begun.Add(longestTurn).Sub(now), func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			l.next = nil
			t.pass(s, l, time.Now())
		})
	case len(l.waiting) == 0 && l.next != nil:
		l.next.Stop()
		l.next = nil
	}
	if len(l.taken) == 0 && t.shares[s] == l {
		delete(t.shares, s)
	}
}

// most is how many turns a source may have now. The lock is held.
func (t *turns) most(now time.Time) int {
	if now.Sub(t.turned) < shared {
		return max(1, t.among)
	}
	return alone
}
