// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestTurns(t *testing.T) {
	a, b := source{"vpc-a", netip.MustParseAddr("10.0.0.1")}, source{"vpc-b", netip.MustParseAddr("10.0.0.1")}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	// full has turns of a that nobody ends.
	full := func(taken int, begun time.Time) (*turns, *share) {
		l := &share{}
		for range taken {
			l.begin(begun)
		}
		return &turns{shares: map[source]*share{a: l}, last: a}, l
	}
	later := time.Now().Add(time.Hour) // none of them ends by itself in time
	waits := func(t *testing.T, all *turns, s source) bool {
		t.Helper()
		done, err := all.take(gone, s)
		if err == nil {
			done()
		}
		return err != nil
	}

	t.Run("a turn that is not ended ends by itself, and nothing is kept of those that are", func(t *testing.T) {
		var all turns
		var ends []func()
		for range 3 * alone {
			done, err := all.take(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			ends = append(ends, done)
		}
		for _, done := range ends {
			done()
		}
		if len(all.shares) != 0 {
			t.Errorf("%d sources are remembered", len(all.shares))
		}
	})
	t.Run("a source waits for its own turns, not for another's", func(t *testing.T) {
		all, l := full(alone, later)
		if !waits(t, all, a) || len(l.waiting) != 0 {
			t.Error("it has more than its turns, or one who has gone still waits")
		}
		if waits(t, all, b) {
			t.Error("another waits for them")
		}
	})
	t.Run("where others ask too, it has fewer", func(t *testing.T) {
		all, _ := full(1, later)
		if waits(t, all, a) {
			t.Error("alone, it waits")
		}
		all.turned = time.Now().Add(time.Hour)
		if !waits(t, all, a) {
			t.Error("it does not wait")
		}
	})
	t.Run("who has waited longest is next", func(t *testing.T) {
		all, l := full(alone, later)
		first, second := make(chan *turn, 1), make(chan *turn, 1)
		l.waiting = []chan *turn{first, second}
		all.end(a, l, l.taken[3])
		<-first
		select {
		case <-second:
			t.Error("both got one turn")
		default:
		}
		if len(l.taken) != alone {
			t.Errorf("%d turns are taken", len(l.taken))
		}
	})
	t.Run("nobody has more than its turns, however many ask and leave at once", func(t *testing.T) {
		var all turns
		var now, most atomic.Int32
		var g sync.WaitGroup
		for range 64 {
			g.Go(func() {
				for range 100 {
					done, err := all.take(t.Context(), a)
					if err != nil {
						t.Error(err)
						return
					}
					if n := now.Add(1); n > most.Load() {
						most.Store(n)
					}
					runtime.Gosched()
					now.Add(-1)
					done()
				}
			})
		}
		g.Wait()
		if most.Load() > alone || len(all.shares) != 0 {
			t.Errorf("%d at a time, %d sources remembered", most.Load(), len(all.shares))
		}
	})
}
