// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"enishi.dev/enishi/vpc"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// world is the plain model that a store is compared with.
type world struct {
	ENIs      map[string]vpc.ENI
	Endpoints map[string]vpc.Endpoint
	Groups    map[string]vpc.SecurityGroup // whose accounts' are counted
	Counter   uint32
}

func emptyWorld() world {
	return world{map[string]vpc.ENI{}, map[string]vpc.Endpoint{}, map[string]vpc.SecurityGroup{}, 0}
}

func (w world) clone() world {
	return world{maps.Clone(w.ENIs), maps.Clone(w.Endpoints), maps.Clone(w.Groups), w.Counter}
}

// operation changes a transaction and the model in the same way.
type operation func(*Tx, *world)

// operations are drawn over few ids, so that they meet.
func operations() *rapid.Generator[operation] {
	id := rapid.StringMatching(`[a-c]`)
	return rapid.Custom(func(t *rapid.T) operation {
		id, other, n := id.Draw(t, "id"), id.Draw(t, "other"), rapid.Int64Range(0, 2).Draw(t, "n")
		switch rapid.IntRange(0, 7).Draw(t, "operation") {
		case 0:
			return func(tx *Tx, w *world) {
				v := vpc.ENI{ID: vpc.ENIID("eni-" + id), VPC: vpc.VPCID(other), Groups: []vpc.SecurityGroupID{"sg-" + vpc.SecurityGroupID(other)}}
				tx.ENIs.Put(v)
				w.ENIs["eni-"+id] = v
			}
		case 1:
			return func(tx *Tx, w *world) {
				tx.ENIs.Delete("eni-" + id)
				delete(w.ENIs, "eni-"+id)
			}
		case 2:
			return func(tx *Tx, w *world) {
				v := vpc.Endpoint{ID: vpc.EndpointID("vpce-" + id), VPC: vpc.VPCID(other), Generation: n, Status: vpc.EndpointStatus{Ready: 9}}
				tx.Endpoints.Put(v)
				v.Status = w.Endpoints["vpce-"+id].Status
				w.Endpoints["vpce-"+id] = v
			}
		case 3:
			return func(tx *Tx, w *world) {
				tx.Endpoints.PutStatus(vpc.Endpoint{ID: vpc.EndpointID("vpce-" + id), Status: vpc.EndpointStatus{Ready: n}})
				if v, ok := w.Endpoints["vpce-"+id]; ok {
					v.Status = vpc.EndpointStatus{Ready: n}
					w.Endpoints["vpce-"+id] = v
				}
			}
		case 4:
			return func(tx *Tx, w *world) {
				tx.Endpoints.Delete("vpce-" + id)
				delete(w.Endpoints, "vpce-"+id)
			}
		case 5:
			return func(tx *Tx, w *world) {
				v := vpc.SecurityGroup{ID: vpc.SecurityGroupID("sg-" + id), Meta: vpc.Meta{Account: other}, Name: fmt.Sprint(n)}
				tx.SecurityGroups.Put(v)
				w.Groups["sg-"+id] = v
			}
		case 6:
			return func(tx *Tx, w *world) {
				tx.SecurityGroups.Delete("sg-" + id)
				delete(w.Groups, "sg-"+id)
			}
		}
		return func(tx *Tx, w *world) { w.Counter++; tx.Number("n") }
	})
}

// differs compares every way to read v with the model.
func differs(v *View, w world) string {
	got := emptyWorld()
	for e := range v.ENIs.All() {
		got.ENIs[string(e.ID)] = e
	}
	for e := range v.Endpoints.All() {
		got.Endpoints[string(e.ID)] = e
	}
	for g := range v.SecurityGroups.All() {
		got.Groups[string(g.ID)] = g
	}
	n, _ := v.numbers.Get("n")
	got.Counter = n.Last
	diff := cmp.Diff(w, got, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}))
	for _, key := range []string{"a", "b", "c"} {
		var want []string
		for _, id := range slices.Sorted(maps.Keys(w.ENIs)) {
			if e := w.ENIs[id]; string(e.VPC) == key {
				want = append(want, id)
			}
			if e, ok := v.ENIs.Get(id); !ok || string(e.ID) != id {
				diff += fmt.Sprintf("Get(%s): %t\n", id, ok)
			}
		}
		count := 0
		for _, g := range w.Groups {
			if g.Account == key {
				count++
			}
		}
		if n := v.SecurityGroups.Count("account", key+"/"); n != count {
			diff += fmt.Sprintf("account %s has %d groups, want %d\n", key, n, count)
		}
		diff += cmp.Diff(want, ids(v.ENIs.By("vpc", key), eniID), cmpopts.EquateEmpty())
		diff += cmp.Diff(want, ids(v.ENIs.By("group", "sg-"+key), eniID), cmpopts.EquateEmpty())
	}
	return diff
}

// TestStoreIsAsThePlainModel runs random decisions, some of which refuse, from
// several goroutines. The model lives inside the decisions: they run one by one.
func TestStoreIsAsThePlainModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := mustOpen(t, fresh())
		stop := run(t, s)
		model := emptyWorld()
		var mu sync.Mutex // of complaints
		var complaints []string
		complain := func(where, diff string) {
			if diff != "" {
				mu.Lock()
				defer mu.Unlock()
				complaints = append(complaints, where+", -model +store\n"+diff)
			}
		}
		decision := func(ops []operation, refuse bool) {
			err := s.Decide(t.Context(), func(tx *Tx) error {
				complain("before", differs(&tx.View, model))
				after := model.clone()
				for _, op := range ops {
					op(tx, &after)
				}
				complain("its own writes", differs(&tx.View, after))
				if refuse {
					return errRefused
				}
				model = after
				return nil
			})
			if refuse != (err != nil) {
				complain("error", fmt.Sprint(err))
			}
		}
		for range rapid.IntRange(1, 8).Draw(rt, "rounds") {
			var g sync.WaitGroup
			for range rapid.IntRange(1, 5).Draw(rt, "at once") {
				ops := rapid.SliceOfN(operations(), 0, 6).Draw(rt, "operations")
				refuse := rapid.IntRange(0, 2).Draw(rt, "refuse") == 0
				g.Go(func() { decision(ops, refuse) })
			}
			g.Wait()
			complain("readers", differs(s.View(), model))
		}
		if err := stop(); err != nil {
			complain("run", err.Error())
		}
		complain("reopened", differs(reopen(t, s), model))
		if len(complaints) > 0 {
			rt.Fatal(strings.Join(complaints, "\n"))
		}
	})
}
