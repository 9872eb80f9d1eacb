// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"net/netip"
	"testing"
	"time"
)

func TestTurns(t *testing.T) {
	a, b := source{"vpc-a", netip.MustParseAddr("10.0.0.1")}, source{"vpc-b", netip.MustParseAddr("10.0.0.1")}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	// full has turns of a that nobody ends.
	full := func(taken int) (*turns, *share) {
		l := &share{taken: taken}
		return &turns{shares: map[source]*share{a: l}, last: a}, l
	}
	waits := func(t *testing.T, all *turns, s source) bool {
		t.Helper()
		done, err := all.take(gone, s)
		if err == nil {
			done()
		}
		return err != nil
	}

	t.Run("a turn that is not ended ends by itself, and nothing is kept then", func(t *testing.T) {
		var all turns
		for range 3 * alone {
			if _, err := all.take(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
		for left := 1; left > 0; {
			all.mu.Lock()
			left = len(all.shares)
			all.mu.Unlock()
		}
	})
	t.Run("a source waits for its own turns, not for another's", func(t *testing.T) {
		all, l := full(alone)
		if !waits(t, all, a) || len(l.waiting) != 0 {
			t.Error("it has more than its turns, or one who has gone still waits")
		}
		if waits(t, all, b) {
			t.Error("another waits for them")
		}
	})
	t.Run("where others ask too, it has fewer", func(t *testing.T) {
		all, _ := full(among)
		if waits(t, all, a) {
			t.Error("alone, it waits")
		}
		all.turned = time.Now().Add(time.Hour)
		if !waits(t, all, a) {
			t.Error("it does not wait")
		}
	})
	t.Run("who has waited longest is next", func(t *testing.T) {
		all, l := full(alone)
		first, second := make(chan struct{}), make(chan struct{})
		l.waiting = []chan struct{}{first, second}
		all.end(a, l)
		<-first
		select {
		case <-second:
			t.Error("both got one turn")
		default:
		}
		if l.taken != alone {
			t.Errorf("%d turns are taken", l.taken)
		}
	})
}
