// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"fmt"
	"net/netip"
	"testing"

	"enishi.dev/enishi/control/api/apitest"
	"enishi.dev/enishi/control/compile"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// populate puts interfaces of instances into the first VPC.
func populate(t *testing.T, s *store.Store, from, to int) {
	const together = 1000
	for n := from; n < to; n += together {
		decide(t, s, func(tx *store.Tx) {
			for i := n; i < min(n+together, to); i++ {
				launch(tx, i, 0, "local")
				e, _ := tx.ENIs.Get(id[string]("eni", i))
				e.Addresses = []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})}
				e.MAC = fmt.Sprintf("02:01:00:00:%02x:%02x", byte(i>>8), byte(i))
				tx.ENIs.Put(e)
			}
		})
	}
}

// TestAChangeCostsWhatItChanges counts what is allocated when something changes
// with few and with many interfaces in the model.
func TestAChangeCostsWhatItChanges(t *testing.T) {
	s := apitest.OpenStore(t)
	decide(t, s, func(tx *store.Tx) { newWorld(tx); connect(tx, 1, 0) })
	changes := map[string]struct {
		ref store.Ref
		do  func(tx *store.Tx)
	}{
		"a rule": {store.Ref{Kind: store.KindSecurityGroup, ID: id[string]("sg", 10)}, func(tx *store.Tx) {
			g, _ := tx.SecurityGroups.Get(id[string]("sg", 10))
			g.Rules = append([]vpc.Rule{}, vpc.Rule{ID: "sgr-1", Protocol: 6, From: len(g.Description), To: 443, Group: id[vpc.SecurityGroupID]("sg", 0)})
			g.Description += "x"
			tx.SecurityGroups.Put(g)
		}},
		"an endpoint": {store.Ref{Kind: store.KindEndpoint, ID: id[string]("vpce", 1)}, func(tx *store.Tx) {
			e, _ := tx.Endpoints.Get(id[string]("vpce", 1))
			e.Generation++
			tx.Endpoints.Put(e)
		}},
		"an interface": {store.Ref{Kind: store.KindENI, ID: id[string]("eni", 1)}, func(tx *store.Tx) {
			e, _ := tx.ENIs.Get(id[string]("eni", 1))
			e.NoSourceCheck = !e.NoSourceCheck
			tx.ENIs.Put(e)
		}},
	}
	cost := func() map[string]float64 {
		all := map[string]float64{}
		for name, change := range changes {
			before := s.View()
			decide(t, s, change.do)
			views := [2]*store.View{before, s.View()}
			c := compile.New()
			c.Update(store.Step{View: views[0], All: true}, here)
			n := 0
			all[name] = testing.AllocsPerRun(100, func() {
				n++
				set, gone := c.Update(store.Step{View: views[n%2], Changed: []store.Ref{change.ref}}, here)
				if len(set) != 1 || len(gone) != 0 {
					t.Errorf("%s sets %d units and removes %d", name, len(set), len(gone))
				}
			})
		}
		return all
	}
	populate(t, s, 1, 5)
	decide(t, s, changes["a rule"].do) // one is replaced by one
	few := cost()
	populate(t, s, 1000, 4000)
	for name, n := range cost() {
		if n > few[name]+10 { // what maps do by themselves differs a little
			t.Errorf("%s costs %.0f allocations, with few interfaces %.0f", name, n, few[name])
		}
	}
}
