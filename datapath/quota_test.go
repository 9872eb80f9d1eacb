// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"context"
	"net/netip"
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

func TestLinkLocalAllowance(t *testing.T) {
	const allowance, many = 8, 64
	b := newWorld(t)
	b.open(Options{LinkLocal: allowance})
	if _, err := b.ApplyFull(world()); err != nil {
		t.Fatal(err)
	}
	query := func(port string, src, dst string, sport uint16) string {
		f := to(from(port, src), dst, 53)
		f.protocol, f.sport = 17, sport
		b.run(port, f.bytes())
		return b.dropped()
	}
	// flood returns how many were refused; as many pass as seconds have an allowance.
	flood := func(port, src string, sport func(n uint16) uint16) (refused int) {
		begun := time.Now()
		for n := range uint16(many) {
			switch why := query(port, src, []string{"10.0.0.2", "169.254.169.253"}[n%2], sport(n)); why {
			case "":
			case "link-local allowance":
				refused++
			default:
				b.t.Errorf("dropped: %s", why)
			}
		}
		if most := allowance * (int(time.Since(begun)/time.Second) + 2); many-refused > most {
			b.t.Errorf("%d packets passed, of %d at most", many-refused, most)
		}
		return refused
	}
	b.sub(t, "an interface may send so many packets to the resolver, in old flows", func(t *testing.T) {
		flood("eni-1", "10.0.1.10", func(n uint16) uint16 { return 4000 + n%2 })
	})
	b.sub(t, "and in new ones, which are not opened then", func(t *testing.T) {
		refused := flood("eni-2", "10.0.1.20", func(n uint16) uint16 { return 5000 + n })
		if flows := b.flowsOf(t, "10.0.1.20"); flows != many-refused {
			t.Errorf("%d were refused, and %d flows are open", refused, flows)
		}
	})
	b.sub(t, "each interface has its own", func(t *testing.T) {
		if why := query("eni-b", "10.0.1.10", "10.0.0.2", 4000); why != "" {
			t.Errorf("another's first packet: %s", why)
		}
	})
	b.sub(t, "what goes elsewhere does not count", func(t *testing.T) {
		p := tcpPair("eni-1", "eni-2", "10.0.1.10", "10.0.1.20", 3001, 80)
		b.steps(p.open("to eni-2", "to eni-1")...)
	})
	b.sub(t, "it comes back by itself", func(t *testing.T) {
		for range 200 {
			if query("eni-1", "10.0.1.10", "10.0.0.2", 4000) == "" {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Error("not within two seconds")
	})
}

// flowsOf counts the flows that the address opened.
func (b *bench) flowsOf(t *testing.T, src string) (n int) {
	want := netip.MustParseAddr(src).As4()
	err := readMap(b.objs.Flows, func(k bpfFlowKey, f bpfFlow) {
		if [4]byte(k.Src[:4]) == want && f.State&uint32(bpfFlowStateFLOW_INITIATOR) != 0 {
			n++
		}
	})
	if err != nil {
		t.Error(err)
	}
	return n
}
