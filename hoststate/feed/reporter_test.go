// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"enishi.dev/enishi/hoststate"
)

func TestReporter(t *testing.T) {
	endpoint, instance := hoststate.Key{Kind: hoststate.KindEndpoint, ID: "vpce-1"}, hoststate.Key{Kind: hoststate.KindInstance, ID: "i-1"}
	first := hoststate.Position{Incarnation: "life", Revision: 1}
	running := hoststate.InstanceReport{State: hoststate.InstanceRunning}
	for _, c := range []struct {
		name string
		do   func(r *Reporter)
		want hoststate.Report
	}{
		{"says the newest of what is said twice", func(r *Reporter) {
			r.Ready("vpce-1", 1)
			r.Ready("vpce-1", 2)
			r.Instance("i-1", hoststate.InstanceReport{State: hoststate.InstanceFailed})
			r.Instance("i-1", running)
		}, hoststate.Report{Ready: map[string]int64{"vpce-1": 2}, Instances: map[string]hoststate.InstanceReport{"i-1": running}}},
		{"says nothing twice", func(r *Reporter) {
			r.Closed("vpce-1")
			r.pending()
		}, hoststate.Report{}},
		{"takes a reason back that was said", func(r *Reporter) {
			r.Refused(endpoint, "no room")
			r.pending()
			r.Refused(endpoint, "")
		}, hoststate.Report{Refused: map[string]string{"endpoint/vpce-1": ""}}},
		{"says all that holds when it has to", func(r *Reporter) {
			r.Ready("vpce-1", 1)
			r.Refused(instance, "no room")
			r.Refused(endpoint, "no room")
			r.pending()
			r.Refused(endpoint, "")
			r.restart()
		}, hoststate.Report{Full: true, Ready: map[string]int64{"vpce-1": 1}, Refused: map[string]string{"instance/i-1": "no room"}}},
		{"forgets what concerns a unit that is gone", func(r *Reporter) {
			r.Ready("vpce-1", 1)
			r.Closed("vpce-1")
			r.Instance("i-1", running)
			r.settle(Batch{Gone: []hoststate.Key{endpoint, instance}}, nil)
			r.restart()
		}, hoststate.Report{Full: true}},
		{"forgets what concerns no unit of a full batch", func(r *Reporter) {
			r.Ready("vpce-1", 1)
			r.Ready("vpce-2", 1)
			r.Closed("vpce-2")
			r.Instance("i-1", running)
			r.Refused(instance, "no room")
			r.settle(Batch{Full: true, Set: []hoststate.Unit{&hoststate.Endpoint{ID: "vpce-1"}}}, nil)
			r.restart()
		}, hoststate.Report{Full: true, Ready: map[string]int64{"vpce-1": 1}}},
		{"lets a new version of a unit speak for itself", func(r *Reporter) {
			r.Refused(endpoint, "no room")
			r.settle(Batch{Set: []hoststate.Unit{&hoststate.Endpoint{ID: "vpce-1"}}}, nil)
			r.restart()
		}, hoststate.Report{Full: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := new(Reporter)
			r.reached(first)
			c.do(r)
			c.want.Position = first
			got, ok := r.pending()
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); !ok || diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestBeforeTheFirstBatchHoldsAProcessOnlyIsAlive(t *testing.T) {
	r := new(Reporter)
	r.Refused(hoststate.Key{Kind: hoststate.KindNetwork, ID: "vpc-1"}, "no room")
	if rep, ok := r.pending(); ok {
		t.Errorf("to no control it says %+v", rep)
	}
	r.restart()
	for range 2 {
		rep, ok := r.pending()
		if diff := cmp.Diff(hoststate.Report{}, rep); !ok || diff != "" {
			t.Errorf("%v (-want +got):\n%s", ok, diff)
		}
	}
	r.reached(hoststate.Position{Revision: 1})
	want := hoststate.Report{Position: hoststate.Position{Revision: 1}, Full: true, Refused: map[string]string{"network/vpc-1": "no room"}}
	if rep, _ := r.pending(); !cmp.Equal(want, rep) {
		t.Errorf("then it says %+v", rep)
	}
}

// TestWhoHearsEveryReportKnowsAll says things in any order, loses any reports,
// and holds what control puts together against what holds.
func TestWhoHearsEveryReportKnowsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, heard := new(Reporter), facts{}
		r.reached(hoststate.Position{Revision: 1})
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			act(t, r)
			if rapid.Bool().Draw(t, "send") {
				rep, _ := r.pending()
				if rapid.IntRange(0, 3).Draw(t, "lost") == 0 {
					r.restart() // as the sender does
				} else {
					hear(&heard, rep)
				}
			}
		}
		rep, _ := r.pending()
		hear(&heard, rep)
		forgotten(&heard, r.all)
		if diff := cmp.Diff(lines(r.all), lines(heard)); diff != "" {
			t.Fatalf("(-holds +heard):\n%s", diff)
		}
	})
}

// act says one thing, or has something to forget.
func act(t *rapid.T, r *Reporter) {
	id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id")
	k := hoststate.Key{Kind: rapid.SampledFrom([]hoststate.Kind{hoststate.KindEndpoint, hoststate.KindInstance}).Draw(t, "kind"), ID: id}
	n := rapid.Int64Range(0, 2).Draw(t, "n")
	switch rapid.IntRange(0, 6).Draw(t, "act") {
	case 0:
		r.Ready(id, n)
	case 1:
		r.Closed(id)
	case 2:
		r.Instance(id, hoststate.InstanceReport{Reason: fmt.Sprint(n)})
	case 3:
		r.Refused(k, []string{"", "no room", "no right"}[n])
	case 4:
		r.settle(Batch{Gone: []hoststate.Key{k}}, nil)
	case 5:
		r.settle(Batch{Set: []hoststate.Unit{&hoststate.Endpoint{ID: id}}}, map[hoststate.Key]string{k: "foreign"})
	case 6:
		r.settle(Batch{Full: true, Set: []hoststate.Unit{&hoststate.Endpoint{ID: id}}}, nil)
		r.restart() // as the stream does before one
	}
}

// hear does what control does with a report.
func hear(f *facts, r hoststate.Report) {
	if r.Full {
		*f = facts{}
	}
	for k, why := range r.Refused {
		if set(&f.refused, k, why); why == "" {
			delete(f.refused, k)
		}
	}
	for id, n := range r.Ready {
		set(&f.ready, id, n)
	}
	for _, id := range r.Closed {
		set(&f.closed, id, true)
	}
	for id, i := range r.Instances {
		set(&f.instances, id, i)
	}
}

// forgotten drops what was said of units that are gone: control knows that they are.
func forgotten(f *facts, holds facts) {
	maps.DeleteFunc(f.ready, func(id string, _ int64) bool { _, ok := holds.ready[id]; return !ok })
	maps.DeleteFunc(f.closed, func(id string, _ bool) bool { return !holds.closed[id] })
	maps.DeleteFunc(f.instances, func(id string, _ hoststate.InstanceReport) bool { _, ok := holds.instances[id]; return !ok })
}

func lines(f facts) []string {
	var all []string
	for k, why := range f.refused {
		all = append(all, "refused "+k+" "+why)
	}
	for id, n := range f.ready {
		all = append(all, fmt.Sprint("ready ", id, " ", n))
	}
	for id := range f.closed {
		all = append(all, "closed "+id)
	}
	for id, i := range f.instances {
		all = append(all, "instance "+id+" "+i.Reason)
	}
	slices.Sort(all)
	return all
}
