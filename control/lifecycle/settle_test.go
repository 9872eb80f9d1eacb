// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"fmt"
	"testing"
	"time"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

const many = 4200 // more interfaces than one decision may write

// interfaces puts many, each like e.
func (w *world) interfaces(e vpc.ENI) {
	for half := range 2 {
		w.decide(func(tx *store.Tx) {
			for i := range many / 2 {
				e.ID = vpc.ENIID(fmt.Sprintf("eni-%d-%d", half, i))
				tx.ENIs.Put(e)
			}
		})
	}
}

func TestAnyNumberOfRowsMovesAtOnce(t *testing.T) {
	w := newWorld(t)
	w.l.Live(nil)
	w.interfaces(vpc.ENI{VPC: "vpc-1", Withdrawn: true})
	w.settle()
	if left := w.s.View().ENIs.Len(); left > 0 {
		t.Errorf("%d of %d are left", left, many)
	}
}

func TestRowsMoveHoweverLargeTheyAre(t *testing.T) {
	w := newWorld(t)
	w.l.Live([]string{"a"})
	w.l.since = time.Time{} // hosts had their time
	const n = 100           // more consoles than one decision may write
	for i := range n {
		id := fmt.Sprintf("i-%03d", i)
		w.launch(id, "b")
		w.decide(func(tx *store.Tx) {
			i, _ := tx.Instances.Get(id)
			i.Status.Console = make([]byte, hoststate.MaxConsole)
			tx.Instances.PutStatus(i)
		})
	}
	w.decide(func(tx *store.Tx) {
		for i := range tx.Instances.All() {
			i.PowerWanted = vpc.PowerTerminated
			tx.Instances.Put(i)
		}
	})
	w.connect("vpce-1")
	w.settle()
	w.confirm("a")
	w.settle()
	v := w.s.View()
	for i := range v.Instances.All() {
		if got := i.State().Name; got != "terminated" {
			t.Fatalf("%s is %s", i.ID, got)
		}
	}
	if e, _ := v.Endpoints.Get("vpce-1"); e.State() != "available" {
		t.Errorf("an endpoint of somebody else is %s", e.State())
	}
}

func TestARowThatIsTooMuchByItselfHoldsUpNoOther(t *testing.T) {
	w := newWorld(t)
	w.interfaces(vpc.ENI{VPC: "vpc-1", Endpoint: "vpce-2"}) // to withdraw them is one row's step
	w.l.Live([]string{"a"})
	for _, id := range []string{"vpce-1", "vpce-2", "vpce-3"} {
		w.connect(id)
		w.delete(id)
	}
	w.settle()
	for e := range w.s.View().Endpoints.All() {
		if moved := e.Status.Closed; moved != (e.ID != "vpce-2") {
			t.Errorf("%s has moved: %t", e.ID, moved)
		}
	}
}
