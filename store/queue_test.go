// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/vpc"
	"github.com/google/go-cmp/cmp"
)

func put(id string) func(*Tx) error {
	return func(tx *Tx) error { tx.VPCs.Put(vpc.VPC{ID: vpc.VPCID(id)}); return nil }
}

func vpcIDs(v *View) string {
	return strings.Join(ids(v.VPCs.All(), func(v vpc.VPC) string { return string(v.ID) }), " ")
}

func TestARefusalHasWrittenNothing(t *testing.T) {
	s := open(t)
	decide(t, s, func(tx *Tx) {
		tx.VPCs.Put(vpc.VPC{ID: "vpc-1", VNI: tx.Number("vni")})
		tx.Endpoints.Put(vpc.Endpoint{ID: "vpce-1", VPC: "vpc-1"})
	})
	before := etcdKeys(t, s)
	err := s.Decide(t.Context(), func(tx *Tx) error {
		tx.VPCs.Put(vpc.VPC{ID: "vpc-2", VNI: tx.Number("vni")})
		tx.VPCs.Put(vpc.VPC{ID: "vpc-2", VNI: tx.Number("vni")})
		tx.VPCs.Delete("vpc-1")
		tx.Endpoints.PutStatus(vpc.Endpoint{ID: "vpce-1", Status: vpc.EndpointStatus{Ready: 1}})
		tx.Endpoints.Delete("vpce-1")
		tx.Endpoints.Put(vpc.Endpoint{ID: "vpce-1", VPC: "vpc-2"})
		if _, found := tx.VPCs.Get("vpc-1"); found {
			t.Error("the decision does not see its own writes")
		}
		return errRefused
	})
	if err != errRefused {
		t.Fatalf("got %v", err)
	}
	if d := cmp.Diff(before, etcdKeys(t, s)); d != "" {
		t.Errorf("etcd, -before +after\n%s", d)
	}
	check := func(v *View) {
		t.Helper()
		n, _ := v.numbers.Get("vni")
		e, _ := v.Endpoints.Get("vpce-1")
		if vpcIDs(v) != "vpc-1" || n.Last != 1 || e.VPC != "vpc-1" || e.Status.Ready != 0 {
			t.Errorf("memory: %s, vni %d, %+v", vpcIDs(v), n.Last, e)
		}
		if n := len(ids(v.Endpoints.By("vpc", "vpc-2"), func(e vpc.Endpoint) string { return string(e.ID) })); n != 0 {
			t.Errorf("an index still has it")
		}
	}
	check(s.View())
	decide(t, s, func(tx *Tx) { check(&tx.View) })
}

func TestAPanicIsItsCallersAndHasWrittenNothing(t *testing.T) {
	s := open(t)
	func() {
		defer func() {
			if v := recover(); v != "mistake" {
				t.Errorf("recovered %v", v)
			}
		}()
		_ = s.Decide(t.Context(), func(tx *Tx) error {
			tx.VPCs.Put(vpc.VPC{ID: "vpc-1"})
			panic("mistake")
		})
	}()
	decide(t, s, func(tx *Tx) { _ = put("vpc-2")(tx) })
	if got := vpcIDs(s.View()); got != "vpc-2" {
		t.Errorf("got %s", got)
	}
}

// behind starts a decision and, while it has the turn, the others, so that all of
// them come into one batch. It returns their errors.
func behind(t *testing.T, s *Store, first func(*Tx) error, others ...func(*Tx) error) []error {
	t.Helper()
	errs := make([]error, 1+len(others))
	var g sync.WaitGroup
	g.Go(func() {
		errs[0] = s.Decide(t.Context(), func(tx *Tx) error {
			for i, f := range others {
				g.Go(func() { errs[1+i] = s.Decide(t.Context(), f) })
				for deadline := time.Now().Add(10 * time.Second); len(s.requests) <= i; time.Sleep(50 * time.Microsecond) {
					if time.Now().After(deadline) {
						t.Error("the others have not come")
						return errRefused
					}
				}
			}
			return first(tx)
		})
	})
	g.Wait()
	return errs
}

func TestWhatWaitsIsCommittedTogetherInOrder(t *testing.T) {
	s := open(t)
	before := s.View().Revision()
	see := func(want string, f func(*Tx) error) func(*Tx) error {
		return func(tx *Tx) error {
			if got := vpcIDs(&tx.View); got != want {
				t.Errorf("sees %q, want %q", got, want)
			}
			if got := vpcIDs(s.View()); got != "" {
				t.Errorf("readers see %q before it is committed", got)
			}
			return f(tx)
		}
	}
	refuse := func(tx *Tx) error { _ = put("vpc-x")(tx); return errRefused }
	errs := behind(t, s, see("", put("vpc-1")), see("vpc-1", put("vpc-2")), see("vpc-1 vpc-2", refuse), see("vpc-1 vpc-2", put("vpc-3")))
	if d := cmp.Diff([]error{nil, nil, errRefused, nil}, errs, cmp.Comparer(func(a, b error) bool { return a == b })); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	for _, v := range []*View{s.View(), reopen(t, s)} {
		if got := vpcIDs(v); got != "vpc-1 vpc-2 vpc-3" {
			t.Errorf("got %s", got)
		}
	}
	if n := s.View().Revision() - before; n < 1 || s.leader.commits != 2 { // the other one wrote the incarnation
		t.Errorf("%d commits, revision grew by %d", s.leader.commits, n)
	}
}

func TestABatchThatGrowsTooLargeIsDivided(t *testing.T) {
	s := open(t)
	const rows = 3000
	many := func(n, size int) func(*Tx) error {
		return func(tx *Tx) error {
			k := tx.Number("many")
			for i := range n {
				tx.Secrets.Put(Secret{Name: fmt.Sprintf("%d-%d", k, i), Data: make([]byte, size)})
			}
			return nil
		}
	}
	errs := behind(t, s, many(rows, 1), many(rows, 1), many(batchOps, 1), many(rows, 1), many(3, 1<<20), many(2, 4<<20), many(1, 1))
	for i, err := range errs {
		tooLarge := i == 2 || i == 5
		if (err != nil) != tooLarge || errors.Is(err, ErrTooLarge) != tooLarge {
			t.Errorf("decision %d: %v", i, err)
		}
	}
	for _, v := range []*View{s.View(), reopen(t, s)} {
		if n, want := v.Secrets.Len(), 3*rows+3+1; n != want {
			t.Errorf("%d rows, want %d", n, want)
		}
		if n, _ := v.numbers.Get("many"); n.Last != 5 {
			t.Errorf("%d decisions counted, want 5", n.Last)
		}
	}
}

func TestCallersThatGiveUp(t *testing.T) {
	t.Run("before their turn: the decision is not run", func(t *testing.T) {
		s := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		var err error
		errs := behind(t, s, func(tx *Tx) error {
			cancel()
			return put("vpc-1")(tx)
		}, func(*Tx) error {
			err = s.Decide(ctx, func(*Tx) error { t.Error("it was run"); return nil })
			return nil
		})
		if errors.Join(errs...) == nil && err == nil {
			t.Error("no error")
		}
	})
	t.Run("nobody decides: the wait ends with the context", func(t *testing.T) {
		s := mustOpen(t, fresh())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Decide(ctx, put("vpc-1")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		run(t, s)
		decide(t, s, func(tx *Tx) { _ = put("vpc-2")(tx) })
		if got := vpcIDs(s.View()); got != "vpc-2" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("the store is closed: Unavailable, as AWS says it", func(t *testing.T) {
		s := mustOpen(t, fresh())
		if err := run(t, s)(); err != nil {
			t.Fatal(err)
		}
		err := s.Decide(t.Context(), put("vpc-1"))
		e, ok := errors.AsType[*awserr.Error](err)
		if !errors.Is(err, ErrUnavailable) || !ok || e.Code != "Unavailable" || e.Status != 503 {
			t.Errorf("got %v", err)
		}
	})
}

func TestManyDecideAtOnce(t *testing.T) {
	s := open(t)
	const callers, each = 32, 20
	var g sync.WaitGroup
	for range callers {
		g.Go(func() {
			for range each {
				var id string
				err := s.Decide(t.Context(), func(tx *Tx) error {
					id = tx.NewID("vpc")
					tx.VPCs.Put(vpc.VPC{ID: vpc.VPCID(id), VNI: tx.Number("vni")})
					return nil
				})
				if _, found := s.View().VPCs.Get(id); err != nil || !found {
					t.Errorf("%s: %v, found %t", id, err, found)
				}
			}
		})
	}
	g.Wait()
	for _, v := range []*View{s.View(), reopen(t, s)} {
		vnis := map[uint32]bool{}
		for n := range v.VPCs.All() {
			vnis[n.VNI] = true
		}
		if len(vnis) != callers*each || !vnis[1] || !vnis[callers*each] {
			t.Errorf("%d different numbers, want %d", len(vnis), callers*each)
		}
	}
}
