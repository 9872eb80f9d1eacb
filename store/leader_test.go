// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// elected are options of a store that has to be elected.
func elected() Options {
	o := fresh()
	o.Alone = false
	return o
}

func TestADeposedServerCannotWrite(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		oust func(t *testing.T, s *Store)
	}{
		{"another one took over", fresh(), func(t *testing.T, s *Store) { reopen(t, s) }},
		{"its lease ended and nobody leads", elected(), revoke},
		{"its lease ended and another one leads", elected(), func(t *testing.T, s *Store) {
			revoke(t, s)
			mustOpen(t, Options{Client: s.o.Client, Prefix: s.o.Prefix})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustOpen(t, c.o)
			stop := run(t, s)
			decide(t, s, func(tx *Tx) { _ = put("vpc-1")(tx) })
			c.oust(t, s)
			if err := s.Decide(t.Context(), put("vpc-2")); !errors.Is(err, ErrUnavailable) {
				t.Errorf("Decide: %v", err)
			}
			if err := stop(); !errors.Is(err, ErrDeposed) {
				t.Errorf("Run: %v", err)
			}
			if got := vpcIDs(reopen(t, s)); got != "vpc-1" {
				t.Errorf("etcd has %s", got)
			}
			if got := vpcIDs(s.View()); got != "vpc-1" {
				t.Errorf("readers see %s", got)
			}
		})
	}
}

func revoke(t *testing.T, s *Store) {
	t.Helper()
	if _, err := s.o.Client.Revoke(t.Context(), s.leader.lease); err != nil {
		t.Fatal(err)
	}
}

func TestOneServerDecidesAtATime(t *testing.T) {
	o := elected()
	first := mustOpen(t, o)
	stop := run(t, first)
	decide(t, first, func(tx *Tx) { _ = put("vpc-1")(tx) })

	opened := make(chan *Store, 1)
	go func() {
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Error(err)
		}
		opened <- s
	}()
	select {
	case <-opened:
		t.Fatal("two decide")
	case <-time.After(50 * time.Millisecond): // it could only pass too early
	}
	decide(t, first, func(tx *Tx) { _ = put("vpc-2")(tx) })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	second := <-opened // at once, as the first has resigned
	run(t, second)
	decide(t, second, func(tx *Tx) { _ = put("vpc-3")(tx) })
	if got := vpcIDs(second.View()); got != "vpc-1 vpc-2 vpc-3" {
		t.Errorf("got %s", got)
	}
	if a, b := first.View(), second.View(); a.Incarnation() != b.Incarnation() || a.Revision() >= b.Revision() {
		t.Errorf("positions %s %d, then %s %d", a.Incarnation(), a.Revision(), b.Incarnation(), b.Revision())
	}
}

func TestWaitingForElectionEndsWithTheContext(t *testing.T) {
	o := elected()
	mustOpen(t, o)
	before := leases(t, o.Client)
	ctx, cancel := context.WithCancel(t.Context())
	o.Log = slog.New(slog.NewTextHandler(writer(func(line string) {
		if strings.Contains(line, "another control server decides, waiting") {
			cancel()
		}
	}), nil))
	if _, err := Open(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if after := leases(t, o.Client); after != before {
		t.Errorf("%d leases before, %d after: one is left over", before, after)
	}
}

type writer func(string)

func (w writer) Write(b []byte) (int, error) { w(string(b)); return len(b), nil }

func leases(t *testing.T, c *clientv3.Client) int {
	t.Helper()
	re, err := c.Leases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(re.Leases)
}
