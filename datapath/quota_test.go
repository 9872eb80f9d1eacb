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
	b.sub(t, "an interface may have no more", func(t *testing.T) {
		b.steps(pairs[0].open("to eni-2", "to eni-1")...)
		b.steps(pairs[1].open("to eni-2", "to eni-1")...)
		for _, p := range pairs[2:] {
			steps := p.open("to "+map[bool]string{true: "door-a", false: "eni-2"}[p.z == "door-a"], "to eni-1")
			steps[2].want = "drop: too many flows"
			for i, s := range steps {
				if i < 2 {
					b.steps(s)
				} else if _, _ = b.run(s.port, s.in.bytes()); b.dropped() != "too many flows" { // not foretold
					t.Errorf("%s: it was established", p.z)
				}
			}
		}
	})
	b.sub(t, "until one has ended", func(t *testing.T) {
		b.steps(pairs[0].reply(rst, "to eni-1"))
		b.age(11 * time.Second)
		b.must(b.Sweep(context.Background()))
		b.steps(pairs[3].send(ack, "to door-a"))
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
		b.steps(q.send(syn, "to eni-2"), q.reply(syn|ack, "to eni-1"))
		s := q.send(ack, "")
		if _, _ = b.run(s.port, s.in.bytes()); b.dropped() != "flow table full" {
			t.Error("it was established")
		}
		b.steps(p.send(ack, "to eni-2"), p.reply(ack, "to eni-1"))
	})
}
