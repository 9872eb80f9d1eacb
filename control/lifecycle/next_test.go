// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"testing"
	"time"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// step is something that happens, and what it comes to.
type step struct {
	what string
	do   func(w *world)
	want string
}

func TestStates(t *testing.T) {
	for name, steps := range map[string][]step{
		"an endpoint is available once the hosts of its VPC have reached it": {
			{"nobody is live", func(w *world) {
				w.l.Live(nil)
				w.launch("i-1", "a")
				w.launch("i-2", "b")
				w.connect("vpce-1", "eni-1")
			},
				"vpce-1 pending, i-1 pending, i-2 pending, eni-1, eni-i-1, eni-i-2"},
			{"hosts come", func(w *world) { w.l.Live([]string{"a", "b", "c"}) }, "vpce-1 pending, i-1 pending, i-2 pending, eni-1, eni-i-1, eni-i-2"},
			{"one reaches it", func(w *world) { w.ready("a", "vpce-1", 1) }, "vpce-1 pending, i-1 pending, i-2 pending, eni-1, eni-i-1, eni-i-2"},
			{"one without instances reaches it", func(w *world) { w.ready("c", "vpce-1", 1) }, "vpce-1 pending, i-1 pending, i-2 pending, eni-1, eni-i-1, eni-i-2"},
			{"the other reaches it", func(w *world) { w.ready("b", "vpce-1", 1) }, "vpce-1 available, i-1 pending, i-2 pending, eni-1, eni-i-1, eni-i-2"},
			{"both go away", func(w *world) { w.l.Live([]string{"c"}) }, "vpce-1 available, i-1 pending, i-2 pending, eni-1, eni-i-1, eni-i-2"},
		},
		"a host that is silent is not waited for": {
			{"both are live", func(w *world) {
				w.launch("i-1", "a")
				w.launch("i-2", "b")
				w.connect("vpce-1", "eni-1")
				w.l.Live([]string{"a", "b"})
			},
				"vpce-1 pending, i-1 pending, i-2 pending, eni-1, eni-i-1, eni-i-2"},
			{"one reaches it", func(w *world) { w.ready("a", "vpce-1", 1) }, "vpce-1 pending, i-1 pending, i-2 pending, eni-1, eni-i-1, eni-i-2"},
			{"the other falls silent", func(w *world) { w.l.Live([]string{"a"}) }, "vpce-1 available, i-1 pending, i-2 pending, eni-1, eni-i-1, eni-i-2"},
			{"it is to go", func(w *world) { w.delete("vpce-1"); w.closed("a", "vpce-1") }, "vpce-1 deleting, i-1 pending, i-2 pending, (eni-1), eni-i-1, eni-i-2"},
			{"those that are live let go", func(w *world) { w.confirm("a") }, "vpce-1 deleted, i-1 pending, i-2 pending, eni-i-1, eni-i-2"},
			{"the silent one's instance is to go", func(w *world) { w.terminate("i-2") }, "vpce-1 deleted, i-1 pending, i-2 shutting-down, eni-i-1, (eni-i-2)"},
			{"those that are live let go", func(w *world) { w.confirm("a") }, "vpce-1 deleted, i-1 pending, i-2 terminated, eni-i-1"},
		},
		"an interface that somebody made outlives its instance, and goes once hosts have let go of it": {
			{"it is attached", func(w *world) {
				w.launch("i-1", "a")
				w.attach("i-1", "eni-1")
				w.l.Live([]string{"a"})
			}, "i-1 pending, eni-1, eni-i-1"},
			{"the instance ends", func(w *world) { w.terminate("i-1"); w.runs("a", "i-1", hoststate.InstanceStopped, "") }, "i-1 shutting-down, eni-1, (eni-i-1)"},
			{"hosts let go", func(w *world) { w.confirm("a") }, "i-1 terminated, eni-1"},
			{"it is to go", func(w *world) { w.deleteInterface("eni-1") }, "i-1 terminated, (eni-1)"},
			{"hosts let go", func(w *world) { w.confirm("a") }, "i-1 terminated"},
		},
		"in a VPC without instances the first host reaches it": {
			{"the second does", func(w *world) { w.connect("vpce-1", "eni-1"); w.l.Live([]string{"a", "b"}); w.ready("b", "vpce-1", 1) }, "vpce-1 pending, eni-1"},
			{"the first does", func(w *world) { w.ready("a", "vpce-1", 1) }, "vpce-1 available, eni-1"},
			{"an instance comes and goes: its host is no member", func(w *world) {
				w.launch("i-1", "b")
				w.terminate("i-1")
				w.runs("b", "i-1", hoststate.InstanceStopped, "")
				w.settle()
				w.confirm("a", "b")
			}, "vpce-1 available, i-1 terminated, eni-1"},
			{"its last wish is the first host's again", func(w *world) { w.modify("vpce-1", true); w.ready("a", "vpce-1", 2) }, "vpce-1 available, private, i-1 terminated, eni-1"},
		},
		"only what was reached as it is wanted now counts": {
			{"first wish", func(w *world) { w.connect("vpce-1", "eni-1"); w.l.Live([]string{"a"}); w.ready("a", "vpce-1", 1) }, "vpce-1 available, eni-1"},
			{"a second, reported of the first", func(w *world) { w.modify("vpce-1", true); w.ready("a", "vpce-1", 1) }, "vpce-1 pending, eni-1"},
			{"reported of the second", func(w *world) { w.ready("a", "vpce-1", 2) }, "vpce-1 available, private, eni-1"},
			{"a third takes the private name back", func(w *world) { w.modify("vpce-1", false) }, "vpce-1 pending, private, eni-1"},
			{"reported of the second once more, late", func(w *world) { w.ready("a", "vpce-1", 3); w.ready("a", "vpce-1", 2) }, "vpce-1 available, eni-1"},
			{"a full report that does not have it", func(w *world) {
				w.report(hoststate.Report{Host: "a", Role: hoststate.RoleAgent, Full: true})
				w.modify("vpce-1", false)
			}, "vpce-1 pending, eni-1"},
		},
		"an endpoint goes in order": {
			{"it is wanted", func(w *world) {
				w.launch("i-1", "a")
				w.launch("i-2", "b")
				w.connect("vpce-1", "eni-1", "eni-2")
				w.l.Live([]string{"a", "b", "c"})
				w.ready("a", "vpce-1", 1)
				w.ready("b", "vpce-1", 1)
			}, "vpce-1 available, i-1 pending, i-2 pending, eni-1, eni-2, eni-i-1, eni-i-2"},
			{"it is to go", func(w *world) { w.delete("vpce-1"); w.confirm("a", "b", "c") }, "vpce-1 deleting, i-1 pending, i-2 pending, eni-1, eni-2, eni-i-1, eni-i-2"},
			{"one gateway has closed it", func(w *world) { w.closed("a", "vpce-1"); w.confirm("a", "b", "c") }, "vpce-1 deleting, i-1 pending, i-2 pending, eni-1, eni-2, eni-i-1, eni-i-2"},
			{"both have", func(w *world) { w.closed("b", "vpce-1") }, "vpce-1 deleting, i-1 pending, i-2 pending, (eni-1), (eni-2), eni-i-1, eni-i-2"},
			{"agents let go", func(w *world) {
				for _, h := range []string{"a", "b", "c"} {
					w.reached(h, hoststate.RoleAgent, w.position())
				}
			}, "vpce-1 deleting, i-1 pending, i-2 pending, (eni-1), (eni-2), eni-i-1, eni-i-2"},
			{"gateways of two let go", func(w *world) {
				w.reached("a", hoststate.RoleGateway, w.position())
				w.reached("b", hoststate.RoleGateway, w.position())
			}, "vpce-1 deleting, i-1 pending, i-2 pending, (eni-1), (eni-2), eni-i-1, eni-i-2"},
			{"the third is where another life of the cluster was", func(w *world) {
				w.reached("c", hoststate.RoleGateway, hoststate.Position{Incarnation: "another", Revision: 1 << 40})
			}, "vpce-1 deleting, i-1 pending, i-2 pending, (eni-1), (eni-2), eni-i-1, eni-i-2"},
			{"the third as well", func(w *world) { w.reached("c", hoststate.RoleGateway, w.position()) }, "vpce-1 deleted, i-1 pending, i-2 pending, eni-i-1, eni-i-2"},
			{"almost a minute goes by", func(w *world) { w.age(50 * time.Second) }, "vpce-1 deleted, i-1 pending, i-2 pending, eni-i-1, eni-i-2"},
			{"a minute goes by", func(w *world) { w.age(15 * time.Second) }, "i-1 pending, i-2 pending, eni-i-1, eni-i-2"},
		},
		"a position from before the withdrawal is no confirmation": {
			{"withdrawn", func(w *world) {
				w.connect("vpce-1", "eni-1")
				w.l.Live([]string{"a"})
				w.delete("vpce-1")
				w.mark()
				w.closed("a", "vpce-1")
			}, "vpce-1 deleting, (eni-1)"},
			{"the old position again", func(w *world) {
				w.reached("a", hoststate.RoleAgent, w.at)
				w.reached("a", hoststate.RoleGateway, w.at)
			}, "vpce-1 deleting, (eni-1)"},
			{"the new one", func(w *world) { w.confirm("a") }, "vpce-1 deleted"},
		},
		"an endpoint without interfaces has nothing to reach and nothing to close": {
			{"wanted", func(w *world) { w.connect("vpce-1") }, "vpce-1 available"},
			{"to go", func(w *world) { w.delete("vpce-1") }, "vpce-1 deleted"},
		},
		"an interface that an endpoint has lost goes by itself": {
			{"two", func(w *world) { w.connect("vpce-1", "eni-1", "eni-2"); w.l.Live([]string{"a"}) }, "vpce-1 pending, eni-1, eni-2"},
			{"one", func(w *world) {
				w.decide(func(tx *store.Tx) {
					e, _ := tx.Endpoints.Get("vpce-1")
					e.ENIs, e.Generation = e.ENIs[:1], 2
					tx.Endpoints.Put(e)
					eni, _ := tx.ENIs.Get("eni-2")
					eni.Withdrawn = true
					tx.ENIs.Put(eni)
				})
				w.ready("a", "vpce-1", 2)
			}, "vpce-1 available, eni-1, (eni-2)"},
			{"let go", func(w *world) { w.confirm("a") }, "vpce-1 available, eni-1"},
		},
		"an instance is as its host sees it": {
			{"wanted", func(w *world) { w.launch("i-1", "a"); w.l.Live([]string{"a", "b"}) }, "i-1 pending, eni-i-1"},
			{"another host says it runs", func(w *world) { w.runs("b", "i-1", hoststate.InstanceRunning, "") }, "i-1 pending, eni-i-1"},
			{"it fails", func(w *world) { w.runs("a", "i-1", hoststate.InstanceFailed, "no room") }, "i-1 pending no room, eni-i-1"},
			{"it runs", func(w *world) { w.runs("a", "i-1", hoststate.InstanceRunning, "") }, "i-1 running, eni-i-1"},
			{"its host is silent", func(w *world) { w.l.Live([]string{"b"}) }, "i-1 running, eni-i-1"},
			{"its host comes back and says nothing of it yet", func(w *world) {
				w.l.Live([]string{"a", "b"})
				w.report(hoststate.Report{Host: "a", Role: hoststate.RoleAgent, Full: true})
			}, "i-1 running, eni-i-1"},
			{"it fails while it runs", func(w *world) { w.runs("a", "i-1", hoststate.InstanceFailed, "its first process ended") }, "i-1 pending its first process ended, eni-i-1"},
			{"it is to go; what it last was does not count", func(w *world) { w.terminate("i-1") }, "i-1 shutting-down its first process ended, eni-i-1"},
			{"another host says it has ended", func(w *world) { w.runs("b", "i-1", hoststate.InstanceStopped, ""); w.confirm("a", "b") }, "i-1 shutting-down its first process ended, eni-i-1"},
			{"it has ended", func(w *world) { w.runs("a", "i-1", hoststate.InstanceStopped, "") }, "i-1 shutting-down its first process ended, (eni-i-1)"},
			{"hosts let go", func(w *world) { w.confirm("a", "b") }, "i-1 terminated its first process ended"},
			{"almost an hour goes by", func(w *world) { w.age(59 * time.Minute) }, "i-1 terminated its first process ended"},
			{"an hour goes by", func(w *world) { w.age(2 * time.Minute) }, ""},
		},
		"an instance stops and starts, and keeps its interface": {
			{"it runs", func(w *world) {
				w.launch("i-1", "a")
				w.l.Live([]string{"a"})
				w.runs("a", "i-1", hoststate.InstanceRunning, "")
			}, "i-1 running, eni-i-1"},
			{"it is to stop", func(w *world) { w.power("i-1", vpc.PowerOff) }, "i-1 stopping, eni-i-1"},
			{"its host is silent", func(w *world) { w.l.Live(nil) }, "i-1 stopping, eni-i-1"},
			{"it has stopped", func(w *world) { w.l.Live([]string{"a"}); w.runs("a", "i-1", hoststate.InstanceStopped, "") }, "i-1 stopped, eni-i-1"},
			{"it is to start", func(w *world) { w.power("i-1", vpc.PowerOn) }, "i-1 pending, eni-i-1"},
			{"it runs again", func(w *world) { w.runs("a", "i-1", hoststate.InstanceRunning, "") }, "i-1 running, eni-i-1"},
			{"it ends by itself", func(w *world) { w.runs("a", "i-1", hoststate.InstanceFailed, "its first process ended") }, "i-1 pending its first process ended, eni-i-1"},
			{"it is to stop, and has", func(w *world) {
				w.power("i-1", vpc.PowerOff)
				w.runs("a", "i-1", hoststate.InstanceStopped, "")
			}, "i-1 stopped, eni-i-1"},
			{"it is to go: nothing runs that would have to end", func(w *world) { w.terminate("i-1") }, "i-1 shutting-down, (eni-i-1)"},
			{"hosts let go", func(w *world) { w.confirm("a") }, "i-1 terminated"},
		},
		"what was said of an earlier boot does not count": {
			{"it has stopped", func(w *world) {
				w.launch("i-1", "a")
				w.l.Live([]string{"a"})
				w.runs("a", "i-1", hoststate.InstanceRunning, "")
				w.settle()
				w.power("i-1", vpc.PowerOff)
				w.runs("a", "i-1", hoststate.InstanceStopped, "")
			}, "i-1 stopped, eni-i-1"},
			{"it is to start", func(w *world) { w.start("i-1") }, "i-1 pending, eni-i-1"},
			{"of its first boot is said that it runs, late", func(w *world) { w.runs("a", "i-1", hoststate.InstanceRunning, "") }, "i-1 pending, eni-i-1"},
			{"and that it has stopped", func(w *world) { w.runs("a", "i-1", hoststate.InstanceStopped, "") }, "i-1 pending, eni-i-1"},
			{"it is to stop at once", func(w *world) { w.power("i-1", vpc.PowerOff) }, "i-1 stopping, eni-i-1"},
			{"it has stopped", func(w *world) {
				w.says("a", "i-1", hoststate.InstanceReport{State: hoststate.InstanceStopped, Boots: 1})
			}, "i-1 stopped, eni-i-1"},
			{"it is to start, and to go at once", func(w *world) { w.start("i-1"); w.terminate("i-1") }, "i-1 shutting-down, eni-i-1"},
			{"it has ended", func(w *world) {
				w.says("a", "i-1", hoststate.InstanceReport{State: hoststate.InstanceStopped, Boots: 2})
			}, "i-1 shutting-down, (eni-i-1)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.l.since = time.Time{} // hosts had their time
			for _, s := range steps {
				s.do(w)
				w.settle()
				if got := w.state(); got != s.want {
					t.Fatalf("%s:\nwant %s\ngot  %s", s.what, s.want, got)
				}
			}
			if w.s.View().Endpoints.Len()+w.s.View().Instances.Len() == 0 && len(w.remembered()) > 0 {
				t.Errorf("of rows that are gone is remembered %v", w.remembered())
			}
		})
	}
}

func TestALifecycleThatBeginsGivesHostsTimeToCome(t *testing.T) {
	w := newWorld(t)
	w.launch("i-1", "a")
	w.terminate("i-1")
	w.connect("vpce-1", "eni-1")
	w.delete("vpce-1")
	w.decide(func(tx *store.Tx) { tx.ENIs.Put(vpc.ENI{ID: "eni-9", VPC: "vpc-1", Withdrawn: true}) })
	w.l.since = time.Now().Add(time.Hour)
	w.settle()
	before := "vpce-1 deleting, i-1 shutting-down, eni-1, (eni-9), eni-i-1"
	if got := w.state(); got != before {
		t.Fatalf("before a host could come: %s", got)
	}
	t.Run("one that has come is waited for", func(t *testing.T) {
		w.l.Live([]string{"a"})
		w.settle()
		if got := w.state(); got != before {
			t.Fatal(got)
		}
	})
	t.Run("for others that have instances is waited too", func(t *testing.T) {
		w.launch("i-2", "b")
		w.runs("a", "i-1", hoststate.InstanceStopped, "")
		w.closed("a", "vpce-1")
		w.confirm("a")
		w.settle()
		w.confirm("a")
		w.settle()
		if got, want := w.state(), "vpce-1 deleting, i-1 shutting-down, i-2 pending, eni-1, (eni-9), (eni-i-1), eni-i-2"; got != want {
			t.Fatalf("want %s\ngot  %s", want, got)
		}
	})
	t.Run("when none has come nobody is waited for", func(t *testing.T) {
		w.l.told, w.l.since = false, time.Now().Add(-patience)
		w.l.Live(nil)
		w.settle()
		if got := w.state(); got != "vpce-1 deleted, i-1 terminated, i-2 pending, eni-i-2" {
			t.Fatal(got)
		}
	})
}
