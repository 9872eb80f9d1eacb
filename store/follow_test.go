// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"enishi.dev/enishi/vpc"
	"github.com/google/go-cmp/cmp"
)

func next(t *testing.T, f *Follower) Step {
	t.Helper()
	step, err := f.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return step
}

func TestFollow(t *testing.T) {
	s := open(t)
	decide(t, s, func(tx *Tx) { tx.Endpoints.Put(vpc.Endpoint{ID: "vpce-1"}) })
	f := s.Follow()
	defer f.Close()
	endpoint := func(id string) Ref { return Ref{KindEndpoint, id} }

	t.Run("the first step is everything", func(t *testing.T) {
		if step := next(t, f); !step.All || len(step.Changed) != 0 || step.View.Endpoints.Len() != 1 {
			t.Errorf("%+v", step)
		}
	})
	t.Run("what happened since is one step, each row once", func(t *testing.T) {
		decide(t, s, func(tx *Tx) { tx.Endpoints.Put(vpc.Endpoint{ID: "vpce-3"}) })
		decide(t, s, func(tx *Tx) { tx.Endpoints.Put(vpc.Endpoint{ID: "vpce-2"}); tx.Number("vni") })
		decide(t, s, func(tx *Tx) {
			tx.Endpoints.Delete("vpce-1")
			tx.Endpoints.Put(vpc.Endpoint{ID: "vpce-2", VPC: "vpc-1"})
		})
		decide(t, s, func(tx *Tx) {
			tx.Endpoints.PutStatus(vpc.Endpoint{ID: "vpce-3", Status: vpc.EndpointStatus{Closed: true}})
		})
		step := next(t, f)
		want := []Ref{endpoint("vpce-1"), endpoint("vpce-2"), endpoint("vpce-3"), {kindNumber, "vni"}}
		if d := cmp.Diff(want, step.Changed); d != "" || step.All {
			t.Errorf("-want +got\n%s", d)
		}
		if _, found := step.View.Endpoints.Get("vpce-1"); found {
			t.Error("the view has what is gone")
		}
		if e, _ := step.View.Endpoints.Get("vpce-3"); !e.Status.Closed {
			t.Error("the view lacks the last change")
		}
	})
	t.Run("what was refused, or changed nothing, is no step", func(t *testing.T) {
		_ = s.Decide(t.Context(), func(tx *Tx) error { tx.Endpoints.Delete("vpce-2"); return errRefused })
		decide(t, s, func(tx *Tx) { tx.Endpoints.Put(vpc.Endpoint{ID: "vpce-3"}) })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if step, err := f.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%+v, %v", step, err)
		}
	})
	t.Run("a step that nobody takes holds nobody up", func(t *testing.T) {
		for range 100 {
			decide(t, s, func(tx *Tx) { tx.Number("vni") })
		}
		if step := next(t, f); len(step.Changed) != 1 {
			t.Errorf("%+v", step.Changed)
		}
	})
	t.Run("after Close nothing is kept for it", func(t *testing.T) {
		f.Close()
		decide(t, s, func(tx *Tx) { tx.Number("vni") })
		if len(f.changed) != 0 || len(s.followers) != 0 {
			t.Errorf("%d names kept", len(f.changed))
		}
	})
}

func TestFollowersMissNothing(t *testing.T) {
	s := open(t)
	const writers, each = 8, 50
	var deciding, following sync.WaitGroup
	for range 3 {
		f := s.Follow()
		following.Go(func() {
			defer f.Close()
			have := map[string]uint32{} // as a follower would keep it
			for {
				step, err := f.Next(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				for _, r := range step.Changed {
					if v, ok := step.View.VPCs.Get(r.ID); ok {
						have[r.ID] = v.VNI
					}
				}
				n := 0
				for v := range step.View.VPCs.All() {
					if n++; have[string(v.ID)] != v.VNI && !step.All {
						t.Errorf("%s: heard of %d, is %d", v.ID, have[string(v.ID)], v.VNI)
					}
					have[string(v.ID)] = v.VNI
				}
				if last, _ := step.View.numbers.Get("vni"); last.Last == writers*each {
					return
				}
			}
		})
	}
	for i := range writers {
		deciding.Go(func() {
			for range each {
				err := s.Decide(t.Context(), func(tx *Tx) error {
					tx.VPCs.Put(vpc.VPC{ID: vpc.VPCID(fmt.Sprintf("vpc-%d", i)), VNI: tx.Number("vni")})
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	deciding.Wait()
	following.Wait()
}
