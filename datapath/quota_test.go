// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"context"
	"testing"
	"time"
)

func TestFlowQuota(t *testing.T) {
	b := newWorld(t)
	b.open(Options{Quota: 2})
	if _, err := b.ApplyFull(world()); err != nil {
		t.Fatal(err)
	}
	pairs := []pair{
		tcpPair("eni-1", "eni-2", "10.0.1.10", "10.0.1.20", 3001, 80),
		tcpPair("eni-1", "eni-2", "10.0.1.10", "10.0.1.20", 3002, 80),
		tcpPair("eni-1", "eni-2", "10.0.1.10", "10.0.1.20", 3003, 80),
		tcpPair("eni-1", "door-a", "10.0.1.10", "10.0.1.50", 3004, 443),
	}
	refused := func(p pair) {
		b.t.Helper()
		s := p.send(syn, "")
		if _, _ = b.run(s.port, s.in.bytes()); b.dropped() != "too many flows" { // not foretold
			b.t.Errorf("to %s: it was opened", p.z)
		}
	}
	b.sub(t, "an interface may open no more, whether they were answered or not", func(t *testing.T) {
		b.steps(pairs[0].open("to eni-2", "to eni-1")...)
		b.steps(pairs[1].send(syn, "to eni-2"))
		refused(pairs[2])
		refused(pairs[3])
		b.steps(pairs[1].reply(syn|ack, "to eni-1"), pairs[1].send(ack, "to eni-2"))
	})
	b.sub(t, "those that others opened to it do not count", func(t *testing.T) {
		for port := range uint16(3) {
			p := tcpPair("eni-2", "eni-1", "10.0.1.20", "10.0.1.10", 5000+port, 80)
			if port < 2 {
				b.steps(p.open("to eni-1", "to eni-2")...)
			} else {
				refused(p)
			}
		}
	})
	b.sub(t, "until one has ended", func(t *testing.T) {
		b.steps(pairs[0].reply(rst, "to eni-1"))
		b.age(11 * time.Second)
		b.must(b.Sweep(context.Background()))
		b.steps(pairs[3].send(syn, "to door-a"))
		refused(pairs[2])
	})
}

func TestFlowQuotaOfAnotherHostsInterface(t *testing.T) {
	b := newFarWorld(t)
	b.open(Options{Quota: 2})
	if _, err := b.ApplyFull(farWorld()); err != nil {
		t.Fatal(err)
	}
	call := func(port uint16, who frame, from outer) string {
		b.outer = from
		f := to(who, "10.0.1.20", 80)
		f.sport = port
		if verdict, _ := b.run(tunnelPort, f.bytes()); verdict != 7 {
			return b.dropped()
		}
		return "opened"
	}
	far, far2 := numbered(4, "10.0.1.40"), numbered(20, "10.0.1.41")
	at2, at3 := outer{vniA, "192.0.2.2"}, outer{vniA, "192.0.2.3"}
	b.sub(t, "whatever its own host lets out, it opens no more here; others do", func(t *testing.T) {
		for port, want := range []string{"opened", "opened", "too many flows"} {
			if got := call(5000+uint16(port), far, at2); got != want {
				t.Errorf("%d: %s, want %s", port, got, want)
			}
		}
		if got := call(5000, far2, at3); got != "opened" {
			t.Errorf("another host's: %s", got)
		}
	})
	b.sub(t, "until one has ended", func(t *testing.T) {
		b.age(31 * time.Second)
		b.must(b.Sweep(context.Background()))
		b.wantHalves(0, 0)
		if got := call(5002, far, at2); got != "opened" {
			t.Error(got)
		}
	})
}

func TestFlowTableFull(t *testing.T) {
	b := newWorld(t)
	b.open(Options{Flows: 2, Quota: 100})
	b.attach(worldPorts()...)
	if _, err := b.ApplyFull(world()); err != nil {
		t.Fatal(err)
	}
	b.sub(t, "the established ones stay, the next one waits", func(t *testing.T) {
		p := tcpPair("eni-1", "eni-2", "10.0.1.10", "10.0.1.20", 4000, 80)
		b.steps(p.open("to eni-2", "to eni-1")...)
		q := p
		q.there.sport, q.other.dport = 4001, 4001
		s := q.send(syn, "")
		if _, _ = b.run(s.port, s.in.bytes()); b.dropped() != "flow table full" {
			t.Error("it was opened")
		}
		var u bpfUsage
		if err := b.objs.Usages.Lookup(bpfUsageKey{Owner: handle("eni-1")}, &u); err != nil || u.Flows != 1 {
			t.Errorf("eni-1 counts %d flows, %v, want 1", u.Flows, err)
		}
		b.steps(p.send(ack, "to eni-2"), p.reply(ack, "to eni-1"))
	})
}
