// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"context"
	"errors"
	"slices"
	"testing"

	"enishi.dev/enishi/hoststate"
)

func TestFlowsUnderChange(t *testing.T) {
	b := newWorld(t)
	p := tcpPair("eni-1", "eni-2", "10.0.1.10", "10.0.1.20", 2000, 80)
	shut := &hoststate.GroupSet{ID: "set-2", Groups: []uint32{2}}
	again := unit[*hoststate.GroupSet]("set-2")
	b.sub(t, "a tracked connection outlives the rule that let it in", func(t *testing.T) {
		b.steps(p.open("to eni-2", "to eni-1")...)
		b.apply(shut)
		b.steps(p.send(ack, "to eni-2"), p.reply(ack, "to eni-1"))
		other := p
		other.there.sport++
		b.steps(other.send(syn, "drop: security group"))
		b.steps(p.send(syn, "drop: security group"), p.send(ack, "to eni-2")) // a new one with its ports does not
		b.apply(again)
	})
	b.sub(t, "an untracked one ends with it", func(t *testing.T) {
		open := *unit[*hoststate.Interface]("eni-2")
		open.GroupSet = "set-open"
		b.apply(&open)
		q := tcpPair("eni-r", "eni-2", "10.0.1.30", "10.0.1.20", 2100, 9000)
		b.steps(q.open("to eni-2", "to eni-r")...)
		set := *unit[*hoststate.GroupSet]("set-open")
		set.Ingress = nil
		b.apply(&set)
		b.steps(q.send(ack, "drop: security group"), q.reply(ack, "drop: security group"))
		b.apply(unit[*hoststate.GroupSet]("set-open"))
		b.steps(q.send(ack, "to eni-2"), q.reply(ack, "to eni-r"))
		b.apply(unit[*hoststate.Interface]("eni-2"))
	})
	b.sub(t, "a route that goes takes its connections along, and brings them back", func(t *testing.T) {
		q := tcpPair("eni-1", "eni-r", "10.0.1.10", "192.168.1.1", 2200, 80)
		b.steps(q.open("to eni-r", "to eni-1")...)
		table := *unit[*hoststate.RouteTable]("rtb-a")
		table.Routes = table.Routes[:2]
		b.apply(&table)
		b.steps(q.send(ack, "drop: no route"))
		b.apply(unit[*hoststate.RouteTable]("rtb-a"))
		b.steps(q.send(ack, "to eni-r"))
	})
	b.sub(t, "a closing endpoint lets its connections end and takes no new ones", func(t *testing.T) {
		q := tcpPair("eni-1", "door-a", "10.0.1.10", "10.0.1.50", 2300, 443)
		b.steps(q.open("to door-a", "to eni-1")...)
		e := *unit[*hoststate.Endpoint]("vpce-1")
		e.Closing = true
		b.apply(&e)
		b.steps(q.send(ack, "to door-a"), q.reply(rst, "to eni-1"))
		q.there.sport++
		b.steps(q.send(syn, "drop: endpoint closing"))
		if _, err := b.Apply(nil, []hoststate.Key{e.Key(), {Kind: hoststate.KindInterface, ID: "eni-e"}}); err != nil {
			t.Error(err)
		}
		b.steps(q.send(syn, "drop: no such address"))
		q.there.sport--
		b.steps(q.send(ack, "drop: no such address"), q.reply(ack, "drop: spoofed source"))
	})
	attach := func(ports ...Port) {
		for _, p := range ports {
			p.Ifindex = b.index[p.Name]
			b.must(b.Attach(p))
		}
	}
	b.sub(t, "who gets a port that another had gets none of its flows", func(t *testing.T) {
		q := tcpPair("eni-1", "eni-2", "10.0.1.10", "10.0.1.20", 2300, 80)
		b.steps(q.open("to eni-2", "to eni-1")...)
		one, router := b.index["eni-1"], b.index["eni-r"]
		b.must(errors.Join(b.Detach("eni-1"), b.Detach("eni-r")))
		b.index["eni-r"] = one
		attach(worldPorts()[2])
		stolen := q.send(ack, "drop: not a SYN")
		stolen.port, stolen.in.mac = "eni-r", mac(3)
		b.steps(stolen)
		b.must(b.Detach("eni-r"))
		b.index["eni-r"] = router
		attach(worldPorts()...)
		b.steps(q.send(ack, "to eni-2"))
	})
	b.sub(t, "an interface that goes takes its flows along", func(t *testing.T) {
		if _, err := b.Apply(nil, []hoststate.Key{{Kind: hoststate.KindInterface, ID: "eni-2"}}); err != nil {
			t.Error(err)
		}
		b.steps(p.send(ack, "drop: no such address"), p.reply(ack, "drop: unknown port"))
		b.must(b.Sweep(context.Background()))
		b.must(readMap(b.objs.Flows, func(k bpfFlowKey, f bpfFlow) {
			if f.Owner == handle("eni-2") {
				t.Errorf("it still has a flow: %v", k)
			}
		}))
		var u bpfUsage
		if err := b.objs.Usages.Lookup(bpfUsageKey{Owner: handle("eni-2")}, &u); err == nil {
			t.Errorf("it still counts %d flows", u.Flows)
		}
	})
}

// The change of a generation comes after the changes that ask for it: an agent that
// is killed between the two leaves it to the next one.
func TestFlowsObeyWhatAKilledAgentChanged(t *testing.T) {
	b := newWorld(t)
	p := tcpPair("eni-1", "eni-r", "10.0.1.10", "10.0.1.30", 2400, 80)
	b.sub(t, "a connection", func(t *testing.T) { b.steps(p.open("to eni-r", "to eni-1")...) })
	b.must(b.objs.Interfaces.Delete(bpfInterfaceKey{Id: handle("eni-r")}))
	b.open(Options{})
	b.attach(worldPorts()...)
	b.sub(t, "is refused", func(t *testing.T) { b.steps(p.send(ack, "drop: no such address")) })
	if _, err := b.ApplyFull(world()); err != nil {
		t.Error(err)
	}
	b.sub(t, "goes on when all is as it was", func(t *testing.T) { b.steps(p.send(ack, "to eni-r")) })
}

// unit returns a unit of the world by its id.
func unit[U hoststate.Unit](id string) U {
	all := world()
	i := slices.IndexFunc(all, func(u hoststate.Unit) bool {
		_, ok := u.(U)
		return ok && u.Key().ID == id
	})
	return all[i].(U)
}
