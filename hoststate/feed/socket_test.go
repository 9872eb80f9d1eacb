// SPDX-License-Identifier: Apache-2.0

package feed_test

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/feed"
)

func at(revision int64) hoststate.Position {
	return hoststate.Position{Incarnation: "life", Revision: revision}
}

func network(id string, vni uint32) *hoststate.Network { return &hoststate.Network{ID: id, VNI: vni} }

func delta(revision int64, full bool, units ...hoststate.Unit) hoststate.Delta {
	d := hoststate.Delta{Position: at(revision), Full: full}
	for _, u := range units {
		d.Set = append(d.Set, hoststate.Seal(u))
	}
	return d
}

func key(id string) hoststate.Key { return hoststate.Key{Kind: hoststate.KindNetwork, ID: id} }

func TestAStreamThatBreaksGoesOnWhereItWas(t *testing.T) {
	c := start(t)
	s := c.connection()
	if diff := cmp.Diff(url.Values{"host": {"h"}, "role": {"agent"}, "incarnation": {""}, "revision": {"0"}}, s.query); diff != "" {
		t.Errorf("it first asks for (-want +got)\n%s", diff)
	}
	s.send("\n", delta(5, true, network("a", 1), network("b", 2)), "\n\n")
	c.wantBatch(feed.Batch{Position: at(5), Full: true, Set: []hoststate.Unit{network("a", 1), network("b", 2)}})
	gone := delta(6, false, network("a", 3))
	gone.Gone = []hoststate.Key{key("b")}
	s.send(gone)
	c.wantBatch(feed.Batch{Position: at(6), Set: []hoststate.Unit{network("a", 3)}, Gone: []hoststate.Key{key("b")}})
	s.send(`{"position":{"incarnation":"life","revi`)
	s.end()

	s = c.connection()
	if diff := cmp.Diff(url.Values{"host": {"h"}, "role": {"agent"}, "incarnation": {"life"}, "revision": {"6"}}, s.query); diff != "" {
		t.Errorf("then it asks for (-want +got)\n%s", diff)
	}
	s.send(delta(6, false))
	c.wantBatch(feed.Batch{Position: at(6)})
}

func TestAfterWhatCouldNotBeAppliedEverythingIsSentAgain(t *testing.T) {
	c := start(t)
	s := c.connection()
	s.send(delta(5, true, network("a", 1)))
	c.wantBatch(feed.Batch{Position: at(5), Full: true, Set: []hoststate.Unit{network("a", 1)}})
	c.fail <- errors.New("no room")
	s.send(delta(6, false, network("b", 1)))
	c.wantBatch(feed.Batch{Position: at(6), Set: []hoststate.Unit{network("b", 1)}})
	s = c.connection()
	if got := s.query.Get("revision") + s.query.Get("incarnation"); got != "0" {
		t.Errorf("it asks for what follows %s", got)
	}
	if r := c.lastReport(); r.Position == at(6) {
		t.Errorf("it reports %v", r.Position)
	}
	s.send(delta(6, true, network("b", 1)))
	c.wantBatch(feed.Batch{Position: at(6), Full: true, Set: []hoststate.Unit{network("b", 1)}})
	c.untilReport("the position", func(r hoststate.Report) bool { return r.Position == at(6) && r.Full })
}

func TestAnAnswerThatIsNoStreamIsTriedAgain(t *testing.T) {
	c := start(t)
	c.connection().refuse()
	s := c.connection()
	s.send("no json\n")
	s.end()
	c.connection().send(delta(1, true))
	c.wantBatch(feed.Batch{Position: at(1), Full: true})
}

func TestAUnitThatIsNotUnderstoodLeavesTheOneBefore(t *testing.T) {
	c := start(t)
	s := c.connection()
	newer := func(id string) hoststate.Envelope {
		return hoststate.Envelope{Key: key(id), Unit: []byte(`{"id":"` + id + `","colour":"red"}`)}
	}
	refusal := map[string]string{"network/a": `unit network/a: json: unknown field "colour"`}

	s.send(delta(1, true, network("a", 1), network("b", 1)))
	c.wantBatch(feed.Batch{Position: at(1), Full: true, Set: []hoststate.Unit{network("a", 1), network("b", 1)}})
	d := delta(2, false, network("b", 2))
	d.Set = append([]hoststate.Envelope{newer("a")}, d.Set...)
	s.send(d)
	c.wantBatch(feed.Batch{Position: at(2), Set: []hoststate.Unit{network("b", 2)}})
	c.untilReport("the refusal", func(r hoststate.Report) bool { return cmp.Equal(r.Refused, refusal) && r.Position == at(2) })

	t.Run("also when all is sent again", func(t *testing.T) {
		s.end()
		s = c.connection()
		d := delta(3, true, network("b", 2))
		d.Set = append(d.Set, newer("a"), newer("c"))
		s.send(d)
		c.wantBatch(feed.Batch{Position: at(3), Full: true, Set: []hoststate.Unit{network("b", 2), network("a", 1)}})
		c.untilReport("both refusals", func(r hoststate.Report) bool { return r.Full && len(r.Refused) == 2 && r.Position == at(3) })
	})
	t.Run("until one comes that is", func(t *testing.T) {
		s.send(delta(4, false, network("a", 7)))
		c.wantBatch(feed.Batch{Position: at(4), Set: []hoststate.Unit{network("a", 7)}})
		c.untilReport("it taken back", func(r hoststate.Report) bool { return cmp.Equal(r.Refused, map[string]string{"network/a": ""}) })
	})
	t.Run("or it is gone", func(t *testing.T) {
		d := delta(5, false)
		d.Gone = []hoststate.Key{key("c")}
		s.send(d)
		c.wantBatch(feed.Batch{Position: at(5), Gone: d.Gone})
		c.untilReport("it taken back", func(r hoststate.Report) bool { return cmp.Equal(r.Refused, map[string]string{"network/c": ""}) })
		if left := c.Refusals(); len(left) > 0 {
			t.Errorf("refused is still %v", left)
		}
	})
}

func TestReportsCoalesceWhileOneIsOnItsWay(t *testing.T) {
	c := start(t)
	c.connection().send(delta(1, true, &hoststate.Endpoint{ID: "vpce-1"}, &hoststate.Endpoint{ID: "vpce-2"}, &hoststate.Instance{ID: "i-1"}))
	<-c.batches
	c.untilReport("the position", func(r hoststate.Report) bool { return r.Position == at(1) })
	held := c.holdReports()
	c.Ready("vpce-1", 1)
	<-held // on its way
	for g := range int64(100) {
		c.Ready("vpce-1", g)
		c.Closed("vpce-2")
		c.Instance("i-1", hoststate.InstanceReport{State: hoststate.InstanceFailed, Reason: "x"})
	}
	c.Instance("i-1", hoststate.InstanceReport{State: hoststate.InstanceRunning})
	c.letReports()
	got := c.untilReport("the newest", func(r hoststate.Report) bool { return len(r.Closed) > 0 })
	want := hoststate.Report{Host: "h", Role: hoststate.RoleAgent, Position: at(1), Ready: map[string]int64{"vpce-1": 99}, Closed: []string{"vpce-2"},
		Instances: map[string]hoststate.InstanceReport{"i-1": {State: hoststate.InstanceRunning}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhatWasSaidIsSaidInFullToWhoeverMayNotKnowIt(t *testing.T) {
	c := start(t)
	s := c.connection()
	s.send(delta(1, true, &hoststate.Endpoint{ID: "vpce-1"}))
	<-c.batches
	c.untilReport("the first, in full", func(r hoststate.Report) bool { return r.Full && r.Position == at(1) })
	c.Ready("vpce-1", 1)
	c.untilReport("news", func(r hoststate.Report) bool { return !r.Full && r.Ready["vpce-1"] == 1 })
	t.Run("after another connection", func(t *testing.T) {
		s.end()
		s = c.connection()
		s.send(delta(1, false))
		<-c.batches
		c.untilReport("all of it", func(r hoststate.Report) bool { return r.Full && r.Ready["vpce-1"] == 1 })
	})
	t.Run("after a report that was refused", func(t *testing.T) {
		c.refuseReports(2)
		c.Closed("vpce-1")
		c.untilReport("all of it", func(r hoststate.Report) bool { return r.Full && r.Ready["vpce-1"] == 1 && len(r.Closed) == 1 })
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	for name, where := range map[string]func(*control){
		"before it is answered":    func(c *control) {},
		"while it waits for news":  func(c *control) { c.connection() },
		"while a batch is applied": func(c *control) { c.connection().send(delta(1, true)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			where(c)
			if err := c.stop(); !errors.Is(err, context.Canceled) {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}
