// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"context"
	"net/netip"
	"testing"
	"time"
)

// step puts a packet in and says what must become of it.
type step struct {
	port string
	in   frame
	want string
}

func (b *bench) steps(steps ...step) {
	b.t.Helper()
	for i, s := range steps {
		if got := b.fate(s.port, s.in.bytes()); got != s.want {
			b.t.Errorf("step %d: got %q, want %q", i+1, got, s.want)
		}
	}
}

// age lets time pass for all flows.
func (b *bench) age(d time.Duration) {
	b.t.Helper()
	all := map[bpfFlowKey]bpfFlow{}
	if err := readMap(b.objs.Flows, func(k bpfFlowKey, f bpfFlow) { all[k] = f }); err != nil {
		b.t.Error(err)
	}
	for k, f := range all {
		f.Seen -= uint64(d)
		if err := b.objs.Flows.Put(k, f); err != nil {
			b.t.Error(err)
		}
	}
	parted := map[bpfFlowKey]bpfParting{}
	b.must(readMap(b.objs.Partings, func(k bpfFlowKey, p bpfParting) { parted[k] = p }))
	for k, p := range parted {
		p.At -= uint64(d)
		b.must(b.objs.Partings.Put(k, p))
	}
}

// halves returns how many halves of flows are half-open, and how many established.
func (b *bench) halves() (half, established int) {
	b.must(readMap(b.objs.Flows, func(_ bpfFlowKey, f bpfFlow) {
		if f.State&uint32(bpfFlowStateFLOW_ESTABLISHED) != 0 {
			established++
		} else {
			half++
		}
	}))
	return half, established
}

func (b *bench) wantHalves(half, established int) {
	b.t.Helper()
	if h, e := b.halves(); h != half || e != established {
		b.t.Errorf("got %d halves half-open and %d established, want %d and %d", h, e, half, established)
	}
	b.wantCounted()
}

// wantCounted holds the program's count of connections against the flows.
func (b *bench) wantCounted() {
	b.t.Helper()
	want := 0
	b.must(readMap(b.objs.Flows, func(_ bpfFlowKey, f bpfFlow) {
		if f.State&uint32(bpfFlowStateFLOW_INITIATOR) != 0 {
			want++
		}
	}))
	if n, err := b.Flows(); n != want || err != nil {
		b.t.Errorf("%d connections are counted, %v; there are %d", n, err, want)
	}
}

// pair is a connection: packets of its opener and of the other side.
type pair struct {
	a, z         string // ports
	there, other frame
}

func tcpPair(a, z, src, dst string, sport, dport uint16) pair {
	there := to(from(a, src), dst, dport)
	there.sport = sport
	other := from(z, dst)
	other.dst, other.sport, other.dport = netip.MustParseAddr(src), dport, sport
	return pair{a, z, there, other}
}

func (p pair) as(protocol byte) pair {
	p.there.protocol, p.other.protocol = protocol, protocol
	return p
}

func (p pair) send(flags byte, want string) step {
	p.there.flags = flags
	return step{p.a, p.there, want}
}

func (p pair) reply(flags byte, want string) step {
	p.other.flags = flags
	return step{p.z, p.other, want}
}

// open are the packets that establish the connection.
func (p pair) open(to, back string) []step {
	return []step{p.send(syn, to), p.reply(syn|ack, back), p.send(ack, to)}
}

func TestFlowLifetimes(t *testing.T) {
	b := newWorld(t)
	at := uint16(1000)
	web := func() pair { at++; return tcpPair("eni-1", "eni-2", "10.0.1.10", "10.0.1.20", at, 80) }
	web6 := func() pair { at++; return tcpPair("eni-1", "eni-2", "fd00:a::10", "fd00:a::20", at, 80) }
	api := func() pair { at++; return tcpPair("eni-1", "door-a", "10.0.1.10", "10.0.1.50", at, 443) }
	query := func() pair { at++; return tcpPair("eni-1", "door-a", "10.0.1.10", "10.0.0.2", at, 53).as(17) }
	fresh := func() {
		b.age(1000 * time.Hour)
		b.must(b.Sweep(context.Background()))
		b.wantHalves(0, 0)
	}
	b.sub(t, "a handshake establishes it", func(t *testing.T) {
		p := web()
		b.steps(p.send(syn, "to eni-2"), p.send(syn, "to eni-2"), p.reply(syn|ack, "to eni-1"))
		b.wantHalves(2, 0)
		b.steps(p.send(ack, "to eni-2"), p.send(ack, "to eni-2"), p.reply(ack, "to eni-1"))
		b.wantHalves(0, 2)
		if n, err := b.Flows(); n != 1 || err != nil {
			t.Errorf("got %d flows, %v, want 1", n, err)
		}
		fresh()
	})
	b.sub(t, "IPv6 is the same", func(t *testing.T) {
		p := web6()
		b.steps(p.open("to eni-2", "to eni-1")...)
		b.wantHalves(0, 2)
		fresh()
	})
	b.sub(t, "an answer that comes too late belongs to nothing", func(t *testing.T) {
		p := web()
		b.steps(p.send(syn, "to eni-2"))
		b.age(31 * time.Second)
		b.steps(p.reply(syn|ack, "drop: not a SYN"))
		fresh()
	})
	b.sub(t, "an established one between instances lives for five days", func(t *testing.T) {
		p := web()
		b.steps(p.open("to eni-2", "to eni-1")...)
		b.age(431990 * time.Second)
		b.steps(p.reply(ack, "to eni-1"))
		b.age(431990 * time.Second)
		b.steps(p.send(ack, "to eni-2")) // one side keeps the other alive
		b.age(432010 * time.Second)
		b.steps(p.send(ack, "drop: not a SYN"), p.reply(ack, "drop: not a SYN"))
		fresh()
	})
	b.sub(t, "one through an endpoint for 350 seconds, then it is reset", func(t *testing.T) {
		p := api()
		b.steps(p.open("to door-a", "to eni-1")...)
		b.age(349 * time.Second)
		b.steps(p.send(ack, "to door-a"))
		b.age(351 * time.Second)
		b.steps(p.send(ack, "reset: not a SYN"), p.reply(ack, "drop: opened by a service"))
		fresh()
	})
	b.sub(t, "one that may be still to come from another layout is not", func(t *testing.T) {
		p := api()
		b.must(b.await(true))
		b.steps(p.send(ack, "drop: not a SYN"))
		b.must(b.await(false))
		b.steps(p.send(ack, "reset: not a SYN"))
		fresh()
	})
	b.sub(t, "the last acknowledgement ends it", func(t *testing.T) {
		at := func(s step, seq, ack uint32, payload int) step {
			s.in.seq, s.in.ack, s.in.payload = seq, ack, payload
			return s
		}
		for _, simultaneous := range []bool{false, true} {
			p := web()
			b.steps(p.open("to eni-2", "to eni-1")...)
			b.steps(at(p.send(fin|ack, "to eni-2"), 100, 200, 5)) // ends at 106
			if simultaneous {
				b.steps(at(p.reply(fin|ack, "to eni-1"), 200, 100, 0), at(p.send(ack, "to eni-2"), 106, 201, 0))
				b.wantHalves(0, 2)
				b.steps(at(p.reply(ack, "to eni-1"), 201, 106, 0))
			} else {
				b.steps(at(p.reply(ack, "to eni-1"), 200, 106, 0), at(p.send(ack, "to eni-2"), 106, 200, 0))
				b.steps(at(p.reply(fin|ack, "to eni-1"), 200, 106, 0))
				b.wantHalves(0, 2)
				b.steps(at(p.send(ack, "to eni-2"), 106, 201, 0))
			}
			b.wantHalves(0, 0)
			b.steps(at(p.send(ack, "drop: not a SYN"), 106, 201, 0))
		}
		var u bpfUsage
		if err := b.objs.Usages.Lookup(bpfUsageKey{Owner: handle("eni-1")}, &u); err != nil || u.Flows != 0 {
			t.Errorf("eni-1 still counts %d flows, %v", u.Flows, err)
		}
	})
	b.sub(t, "after both sides have closed, for half a minute", func(t *testing.T) {
		p := web()
		b.steps(p.open("to eni-2", "to eni-1")...)
		b.steps(p.send(fin|ack, "to eni-2"))
		b.age(349 * time.Second)
		b.steps(p.reply(ack, "to eni-1"), p.reply(fin|ack, "to eni-1"), p.send(ack, "to eni-2"))
		b.age(31 * time.Second)
		b.steps(p.send(ack, "drop: not a SYN"))
		fresh()
	})
	b.sub(t, "a reset ends one between instances", func(t *testing.T) {
		p := web()
		b.steps(p.open("to eni-2", "to eni-1")...)
		b.steps(p.reply(rst, "to eni-1"))
		b.wantHalves(0, 0)
		b.steps(p.send(ack, "drop: not a SYN"))
		fresh()
	})
	b.sub(t, "a reset ends nothing of who has opened another with the same ports", func(t *testing.T) {
		p, router := web(), web()
		router.a, router.there.mac = "eni-r", mac(3)
		b.steps(p.open("to eni-2", "to eni-1")...)
		b.steps(router.send(syn, "to eni-2"), p.send(rst, "to eni-2"))
		b.wantHalves(2, 0)
		fresh()
	})
	b.sub(t, "after a reset, one through an endpoint for ten seconds", func(t *testing.T) {
		p := api()
		b.steps(p.open("to door-a", "to eni-1")...)
		b.steps(p.send(rst, "to door-a"), p.reply(ack, "to eni-1"), p.send(rst, "to door-a"))
		b.age(11 * time.Second)
		b.steps(p.send(ack, "reset: not a SYN"), p.reply(ack, "drop: opened by a service"))
		fresh()
	})
	b.sub(t, "a refused connection is not established", func(t *testing.T) {
		p := web()
		b.steps(p.send(syn, "to eni-2"), p.reply(rst|ack, "to eni-1"), p.send(syn, "to eni-2"))
		b.wantHalves(2, 0)
		fresh()
	})
	b.sub(t, "one datagram and its answer, for 30 seconds", func(t *testing.T) {
		p := query()
		b.steps(p.send(0, "to door-a"), p.reply(0, "to eni-1"), p.reply(0, "to eni-1"))
		b.wantHalves(2, 0)
		b.age(31 * time.Second)
		b.steps(p.reply(0, "drop: opened by a service"))
		fresh()
	})
	b.sub(t, "a stream of them, for 180", func(t *testing.T) {
		p := query()
		b.steps(p.send(0, "to door-a"), p.reply(0, "to eni-1"), p.send(0, "to door-a"))
		b.wantHalves(0, 2)
		b.age(179 * time.Second)
		b.steps(p.reply(0, "to eni-1"))
		b.age(181 * time.Second)
		b.steps(p.reply(0, "drop: opened by a service"))
		fresh()
	})
	b.sub(t, "echoes, for 30 seconds", func(t *testing.T) {
		p := tcpPair("eni-1", "eni-2", "fd00:a::10", "fd00:a::20", 7, 0).as(58)
		p.there.dport, p.other.dport, p.other.sport = 128<<8, 129<<8, 7
		b.steps(p.send(0, "to eni-2"), p.reply(0, "to eni-1"), p.send(0, "to eni-2"), p.reply(0, "to eni-1"))
		b.wantHalves(2, 0)
		b.age(31 * time.Second)
		b.steps(p.reply(0, "drop: no request"))
		fresh()
	})
	b.sub(t, "a new SYN with the ports of an old connection opens a new one", func(t *testing.T) {
		p := web()
		b.steps(p.open("to eni-2", "to eni-1")...)
		b.steps(p.send(syn, "to eni-2"))
		b.wantHalves(2, 0)
		b.steps(p.reply(syn|ack, "to eni-1"), p.send(ack, "to eni-2"))
		b.wantHalves(0, 2)
		fresh()
	})
	b.sub(t, "the probe's connection comes back to it", func(t *testing.T) {
		p := tcpPair("probe", "door-a", "169.254.255.253", "10.0.1.50", 50000, 443)
		b.steps(p.open("to door-a", "to probe")...)
		fresh()
	})
	b.sub(t, "the same tuple in two networks is two connections", func(t *testing.T) {
		p, q := query(), query()
		q.a, q.z, q.there.mac = "eni-b", "door-b", mac(6)
		q.there.sport, q.other.dport = p.there.sport, p.other.dport
		b.steps(p.send(0, "to door-a"), q.send(0, "to door-b"), p.reply(0, "to eni-1"), q.reply(0, "to eni-b"))
		b.wantHalves(4, 0)
		fresh()
	})
	b.sub(t, "a router's answers come back as themselves", func(t *testing.T) {
		p := tcpPair("eni-1", "eni-r", "10.0.1.10", "192.168.1.1", 999, 80)
		b.steps(p.open("to eni-r", "to eni-1")...)
		fresh()
	})
	b.sub(t, "an explanation leaves no trace", func(t *testing.T) {
		p := web()
		for _, s := range p.open("to eni-2", "to eni-1") {
			if _, err := b.Explain(s.port, s.in.bytes()); err != nil {
				t.Error(err)
			}
		}
		b.wantHalves(0, 0)
		if why := b.dropped(); why != "" {
			t.Errorf("%q was counted", why)
		}
	})
}
