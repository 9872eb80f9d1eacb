// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"enishi.dev/enishi/hoststate"
)

func TestFirstPacketsToOtherHosts(t *testing.T) {
	b := newFarWorld(t)
	for _, c := range []struct {
		name, port string
		in         frame
		want       string
	}{
		{"an interface of another host", "eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.40", 80), "to eni-far at 192.0.2.2"},
		{"the same over IPv6", "eni-1", to(from("eni-1", "fd00:a::10"), "fd00:a::40", 80), "to eni-far at 192.0.2.2"},
		{"of a third one", "eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.41", 80), "to eni-far2 at 192.0.2.3"},
		{"it is for that host to refuse it, and foretold here", "eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.41", 82), "to eni-far2 at 192.0.2.3, which refuses it"},
		{"the other network's interface with the same address", "eni-b", to(from("eni-b", "10.0.1.10"), "10.0.1.40", 80), "to eni-bfar at 192.0.2.2"},
		{"a router of another host", "eni-1", to(from("eni-1", "10.0.1.10"), "172.16.0.1", 80), "to eni-rfar at 192.0.2.2"},
		{"a router sends for others, also to another host", "eni-r", to(from("eni-r", "192.168.1.1"), "10.0.1.40", 80), "to eni-far at 192.0.2.2"},
		{"another's address", "eni-1", to(from("eni-1", "10.0.1.20"), "10.0.1.40", 80), "drop: spoofed source"},
		{"a segment of no connection", "eni-1", func() frame {
			f := to(from("eni-1", "10.0.1.10"), "10.0.1.40", 80)
			f.flags, f.sport = ack, 41000
			return f
		}(), "drop: not a SYN"},
		{"a service sends nothing there", "door-a", to(frame{src: netip.MustParseAddr("10.0.1.50")}, "10.0.1.40", 80), "drop: opened by a service"},
	} {
		b.sub(t, c.name, func(t *testing.T) { b.steps(step{c.port, c.in, c.want}) })
	}
	b.sub(t, "the sender's groups are asked here", func(t *testing.T) {
		_, err := b.Apply([]hoststate.Unit{by("set-1", func(g *hoststate.GroupSet) { g.Egress = nil })}, nil)
		b.must(err)
		b.steps(step{"eni-1", to(from("eni-1", "10.0.1.11"), "10.0.1.40", 80), "drop: security group"})
	})
	b.sub(t, "without the link nothing leads there", func(t *testing.T) {
		b.must(b.Detach(tunnelPort))
		b.steps(step{"eni-2", to(from("eni-2", "10.0.1.20"), "10.0.1.40", 80), "drop: not on this host"})
	})
}

func TestFirstPacketsFromOtherHosts(t *testing.T) {
	b := newFarWorld(t)
	udp := func(f frame) frame { f.protocol = 17; return f }
	a2, a3, b2 := outer{vniA, "192.0.2.2"}, outer{vniA, "192.0.2.3"}, outer{vniB, "192.0.2.2"}
	for _, c := range []struct {
		name  string
		outer outer
		in    frame
		want  string
	}{
		{"a rule lets it in", a2, to(numbered(4, "10.0.1.40"), "10.0.1.20", 80), "to eni-2"},
		{"the same over IPv6", a2, to(numbered(4, "fd00:a::40"), "fd00:a::20", 80), "to eni-2"},
		{"no rule lets it in", a2, to(numbered(4, "10.0.1.40"), "10.0.1.20", 82), "drop: security group"},
		{"a member of the group that a rule names", a3, to(numbered(20, "10.0.1.41"), "10.0.1.10", 9), "to eni-1"},
		{"no member of it", a2, to(numbered(4, "10.0.1.40"), "10.0.1.10", 9), "drop: security group"},
		{"another host says it is the member", a2, to(numbered(20, "10.0.1.41"), "10.0.1.10", 10), "drop: wrong host"},
		{"another interface of the right host says it has the member's address", a2, to(numbered(4, "10.0.1.41"), "10.0.1.10", 10), "drop: spoofed source"},
		{"a host that nobody is on", outer{vniA, "192.0.2.9"}, to(numbered(4, "10.0.1.40"), "10.0.1.20", 80), "drop: wrong host"},
		{"an interface of this host", a2, to(numbered(1, "10.0.1.10"), "10.0.1.20", 80), "drop: wrong host"},
		{"a number that nobody has", a2, to(numbered(77, "10.0.1.40"), "10.0.1.20", 80), "drop: wrong host"},
		{"no number", a2, to(frame{mac: mac(4), src: netip.MustParseAddr("10.0.1.40")}, "10.0.1.20", 80), "drop: wrong host"},
		{"the number is of the other network", a2, to(numbered(22, "10.0.1.40"), "10.0.1.20", 80), "drop: wrong host"},
		{"in the other network", b2, to(numbered(22, "10.0.1.40"), "10.0.1.10", 80), "to eni-b"},
		{"a network that is not here", outer{999, "192.0.2.2"}, to(numbered(4, "10.0.1.40"), "10.0.1.20", 80), "drop: wrong host"},
		{"no network", outer{0, "192.0.2.2"}, to(numbered(4, "10.0.1.40"), "10.0.1.20", 80), "drop: wrong host"},
		{"a third host is not reached through this one", a2, to(numbered(4, "10.0.1.40"), "10.0.1.41", 80), "drop: not on this host"},
		{"nor is its own host", a2, to(numbered(4, "10.0.1.40"), "10.0.1.60", 80), "drop: not on this host"},
		{"nor a router there", a2, to(numbered(4, "10.0.1.40"), "172.16.0.1", 80), "drop: not on this host"},
		{"a router of this host", a2, to(numbered(4, "10.0.1.40"), "192.168.1.1", 80), "to eni-r"},
		{"a router of another host sends for others", a2, func() frame {
			f := to(numbered(21, "172.16.0.9"), "10.0.1.30", 80)
			return f
		}(), "to eni-r"},
		{"but not from the network's own addresses", a2, to(numbered(21, "169.254.169.253"), "10.0.1.30", 80), "drop: spoofed source"},
		{"an endpoint", a2, to(numbered(4, "10.0.1.40"), "10.0.1.50", 443), "drop: no such address"},
		{"a resolver", a2, udp(to(numbered(4, "10.0.1.40"), "10.0.0.2", 53)), "drop: no such address"},
		{"an address that nobody has", a2, to(numbered(4, "10.0.1.40"), "10.0.1.99", 80), "drop: no such address"},
		{"VXLAN in VXLAN is a datagram like others", a2, func() frame {
			f := udp(to(numbered(4, "10.0.1.40"), "10.0.1.30", 4789))
			f.payload = 100
			return f
		}(), "to eni-r"},
		{"a segment of no connection", a2, func() frame {
			f := to(numbered(4, "10.0.1.40"), "10.0.1.20", 80)
			f.flags, f.sport = ack, 41000
			return f
		}(), "drop: not a SYN"},
	} {
		b.sub(t, c.name, func(t *testing.T) {
			b.outer = c.outer
			b.steps(step{tunnelPort, c.in, c.want})
		})
	}
	b.sub(t, "nobody is asked for addresses through a tunnel", func(t *testing.T) {
		b.outer = a2
		if got := b.fate(tunnelPort, arpRequest(hoststate.MAC(numberMAC(4)), "10.0.1.40", "10.0.1.10")); got != "drop: address resolution" {
			t.Errorf("got %q", got)
		}
	})
	b.sub(t, "a packet with an outer header comes by the tunnel or not at all", func(t *testing.T) {
		defer func(i int) { b.index[tunnelPort] = i }(b.index[tunnelPort])
		b.index[tunnelPort] = b.index["eni-1"]
		b.steps(step{tunnelPort, to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80), "drop: wrong host"})
	})
	b.sub(t, "and by the tunnel only with one", func(t *testing.T) {
		p, err := b.rarely(rareProgPipelineFar)
		b.must(err)
		verdict, err := p.Run(&ebpf.RunOptions{
			Data: to(numbered(4, "10.0.1.40"), "10.0.1.20", 80).bytes(), Context: ifindexContext{Ifindex: uint32(b.index[tunnelPort])},
		})
		b.must(err)
		if why := b.dropped(); verdict != 2 || why != "wrong host" {
			t.Errorf("got verdict %d, %q", verdict, why)
		}
	})
}

func TestFlowsBetweenHosts(t *testing.T) {
	b := newFarWorld(t)
	// out is opened here, in by the other side.
	out := pair{a: "eni-1", z: tunnelPort, there: to(from("eni-1", "10.0.1.10"), "10.0.1.41", 22), other: to(numbered(20, "10.0.1.41"), "10.0.1.10", 40000)}
	out.other.sport = 22
	in := pair{a: tunnelPort, z: "eni-2", there: to(numbered(4, "10.0.1.40"), "10.0.1.20", 80), other: to(from("eni-2", "10.0.1.20"), "10.0.1.40", 40000)}
	in.other.sport = 80
	var far outer
	with := func(o outer, f func()) { b.outer, far = o, b.outer; f(); b.outer = far }
	a2, a3 := outer{vniA, "192.0.2.2"}, outer{vniA, "192.0.2.3"}
	outTo, inTo := "to eni-far2 at 192.0.2.3", "to eni-far at 192.0.2.2"
	b.sub(t, "answers come in, whatever the groups say of others", func(t *testing.T) {
		with(a3, func() {
			b.steps(out.send(syn, outTo+", which refuses it"), out.reply(syn|ack, "to eni-1"), out.send(ack, outTo), out.send(ack, outTo), out.reply(ack, "to eni-1"), out.reply(ack, "to eni-1"))
			b.wantHalves(0, 2)
		})
	})
	b.sub(t, "and go out to who called", func(t *testing.T) {
		with(a2, func() {
			b.steps(in.send(syn, "to eni-2"), in.reply(syn|ack, inTo), in.send(ack, "to eni-2"), in.reply(ack, inTo), in.send(ack, "to eni-2"), in.reply(ack, inTo))
			b.wantHalves(0, 4)
		})
	})
	b.sub(t, "the one who opened pays, also on the host that it called", func(t *testing.T) {
		for id, want := range map[string]uint32{"eni-1": 1, "eni-2": 0, "eni-far": 1, "eni-far2": 0} {
			var u bpfUsage
			b.objs.Usages.Lookup(bpfUsageKey{Owner: handle(id)}, &u) // none is 0
			if u.Flows != want {
				t.Errorf("%s counts %d flows, want %d", id, u.Flows, want)
			}
		}
	})
	b.sub(t, "no other host speaks into a connection", func(t *testing.T) {
		with(a3, func() { b.steps(in.send(ack, "drop: wrong host")) })
		with(a2, func() { b.steps(out.reply(ack, "drop: wrong host")) })
		with(outer{vniB, "192.0.2.2"}, func() { b.steps(in.send(ack, "drop: wrong host")) })
		other := in
		other.there.mac = hoststate.MAC(numberMAC(21))
		with(a2, func() { b.steps(other.send(ack, "drop: not a SYN")) }) // the router has it not
	})
	b.sub(t, "a change of anything is looked at, and the connection stands", func(t *testing.T) {
		_, err := b.Apply([]hoststate.Unit{by("set-2", func(g *hoststate.GroupSet) { g.Ingress = nil })}, nil)
		b.must(err)
		with(a2, func() {
			b.steps(in.send(ack, "to eni-2"), in.reply(ack, inTo), in.send(ack, "to eni-2"))
			again := in
			again.there.sport++
			b.steps(again.send(syn, "drop: security group"))
		})
		with(a3, func() { b.steps(out.reply(ack, "to eni-1"), out.send(ack, outTo)) })
		_, err = b.Apply([]hoststate.Unit{by("set-2", func(*hoststate.GroupSet) {})}, nil)
		b.must(err)
	})
	b.sub(t, "a sweep leaves them", func(t *testing.T) {
		b.must(b.Sweep(context.Background()))
		b.wantHalves(0, 4)
	})
	b.sub(t, "its other side moves to another host, and the old one is not heard any more", func(t *testing.T) {
		_, err := b.Apply([]hoststate.Unit{by("eni-far", func(i *hoststate.Interface) { i.Tunnel = netip.MustParseAddr("192.0.2.3") })}, nil)
		b.must(err)
		with(a2, func() { b.steps(in.send(ack, "drop: wrong host")) })
		with(a3, func() { b.steps(in.send(ack, "to eni-2"), in.reply(ack, "to eni-far at 192.0.2.3")) })
		_, err = b.Apply([]hoststate.Unit{by("eni-far", func(*hoststate.Interface) {})}, nil)
		b.must(err)
	})
	b.sub(t, "equal packets of two networks have nothing to do with each other", func(t *testing.T) {
		same := pair{a: tunnelPort, z: "eni-b", there: to(numbered(22, "10.0.1.40"), "10.0.1.10", 80), other: to(from("eni-b", "10.0.1.10"), "10.0.1.40", 40000)}
		same.other.sport = 80
		with(outer{vniB, "192.0.2.2"}, func() { b.steps(same.open("to eni-b", "to eni-bfar at 192.0.2.2")...) })
		with(a2, func() {
			p := same
			p.there.mac = hoststate.MAC(numberMAC(4))
			b.steps(p.send(ack, "drop: not a SYN"), p.send(syn, "drop: security group"))
		})
		with(outer{vniB, "192.0.2.2"}, func() { b.steps(same.send(ack, "to eni-b")) })
	})
	b.sub(t, "what is lost here lets nothing in", func(t *testing.T) {
		b.forgetAll()
		with(a2, func() { b.steps(in.send(ack, "drop: not a SYN"), in.reply(ack, "drop: not a SYN")) })
		with(a3, func() { b.steps(out.reply(ack, "drop: not a SYN")) })
		query := out.as(17)
		query.other.mac = hoststate.MAC(numberMAC(4))
		query.other.src = netip.MustParseAddr("10.0.1.40")
		with(a2, func() { b.steps(query.reply(0, "drop: security group")) }) // an answer, if one knew
	})
	b.sub(t, "the last acknowledgement ends them, and the count is right", func(t *testing.T) {
		at := func(s step, seq, ack uint32) step { s.in.seq, s.in.ack = seq, ack; return s }
		with(a2, func() {
			b.steps(in.send(syn, "to eni-2"), in.reply(syn|ack, inTo), in.send(ack, "to eni-2"))
			b.steps(at(in.send(fin|ack, "to eni-2"), 100, 200), at(in.reply(fin|ack, inTo), 200, 101), at(in.send(ack, "to eni-2"), 101, 201))
		})
		b.wantHalves(0, 0)
		var u bpfUsage
		b.objs.Usages.Lookup(bpfUsageKey{Owner: handle("eni-far")}, &u)
		if u.Flows != 0 {
			t.Errorf("eni-far counts %d flows", u.Flows)
		}
	})
	b.sub(t, "a reset that comes in ends one here, as it is where it is to be", func(t *testing.T) {
		with(a2, func() {
			b.steps(in.open("to eni-2", inTo)...)
			b.steps(in.send(rst, "to eni-2"))
			b.wantHalves(0, 0)
			b.steps(in.send(ack, "drop: not a SYN"), in.reply(ack, "drop: not a SYN"))
		})
	})
	b.sub(t, "one that leaves may be lost: what belongs to the connection gets through for ten seconds, and nothing else", func(t *testing.T) {
		with(a2, func() {
			b.steps(in.open("to eni-2", inTo)...)
			b.steps(in.reply(rst, inTo))
			b.wantHalves(0, 0)
			b.steps(in.send(ack, "to eni-2"), in.reply(rst, inTo))
			_, err := b.Apply([]hoststate.Unit{by("set-2", func(g *hoststate.GroupSet) { g.Ingress, g.Egress = nil, nil })}, nil)
			b.must(err)
			b.steps(in.send(ack, "to eni-2"), in.reply(rst, inTo), in.send(syn, "drop: security group"))
			_, err = b.Apply([]hoststate.Unit{by("set-2", func(*hoststate.GroupSet) {})}, nil)
			b.must(err)
			b.wantHalves(0, 0)
			other, router := in, in
			other.there.sport++
			router.there.mac = hoststate.MAC(numberMAC(21)) // sends for others, from the address as well
			b.steps(other.send(ack, "drop: not a SYN"), router.send(ack, "drop: not a SYN"))
		})
		with(a3, func() { b.steps(in.send(ack, "drop: wrong host")) })
		with(a2, func() {
			b.age(11 * time.Second)
			b.steps(in.send(ack, "drop: not a SYN"), in.reply(rst, "drop: not a SYN"), in.send(syn, "to eni-2"))
			b.wantHalves(2, 0)
		})
		b.forgetAll()
	})
	b.sub(t, "so may the last acknowledgement be", func(t *testing.T) {
		at := func(s step, seq, ack uint32) step { s.in.seq, s.in.ack = seq, ack; return s }
		last := at(in.reply(ack, inTo), 201, 101)
		with(a2, func() {
			b.steps(in.open("to eni-2", inTo)...)
			b.steps(at(in.reply(fin|ack, inTo), 200, 100), at(in.send(fin|ack, "to eni-2"), 100, 201), last)
			b.wantHalves(0, 0)
			b.steps(at(in.send(fin|ack, "to eni-2"), 100, 201), last)
		})
	})
	b.sub(t, "an interface that is gone takes its half with it", func(t *testing.T) {
		with(a2, func() { b.steps(in.send(syn, "to eni-2")) })
		_, err := b.Apply(nil, []hoststate.Key{{Kind: hoststate.KindInterface, ID: "eni-far"}})
		b.must(err)
		b.must(b.Sweep(context.Background()))
		b.wantHalves(1, 0)
	})
}

func TestWhatFitsBetweenHosts(t *testing.T) {
	b := newFarWorld(t)
	of := func(length int) frame {
		f := to(from("eni-1", "10.0.1.10"), "10.0.1.40", 80)
		f.protocol, f.payload = 17, length-28
		return f
	}
	limit := func() (n uint32) {
		spec, _, err := b.options.read(loadRare)
		b.must(err)
		b.must(spec.Variables[bpfVarTunnelMtu].Get(&n))
		return n
	}
	if n := limit(); n != 8951 {
		t.Errorf("%d, if nobody says what", n)
	}
	b.open(Options{MTU: 1400})
	if n := limit(); n != 1400 {
		t.Errorf("%d, where interfaces of one host have 1400", n)
	}
	b.open(Options{MTU: 1500, TunnelMTU: 1450})
	b.newDecap()
	if _, err := b.ApplyFull(farWorld()); err != nil {
		t.Fatal(err)
	}
	b.sub(t, "as much as the network between them lets through", func(t *testing.T) {
		b.steps(step{"eni-1", of(1450), "to eni-far at 192.0.2.2"}, step{"eni-1", of(1451), "too big: too big"})
	})
	b.sub(t, "what another host sent too big is not answered", func(t *testing.T) {
		f := to(numbered(4, "10.0.1.40"), "10.0.1.30", 80)
		f.protocol, f.payload = 17, 1501-28
		b.steps(step{tunnelPort, f, "drop: too big"})
	})
}

func TestInterfacesOfOtherHostsThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*hoststate.Interface)
	}{
		{"a host with an address of IPv6", func(i *hoststate.Interface) { i.Tunnel = netip.MustParseAddr("2001:db8::1") }},
		{"a host with an IPv4 address in IPv6's words", func(i *hoststate.Interface) { i.Tunnel = netip.MustParseAddr("::ffff:192.0.2.1") }},
		{"nowhere", func(i *hoststate.Interface) { i.Tunnel = netip.MustParseAddr("0.0.0.0") }},
		{"everywhere", func(i *hoststate.Interface) { i.Tunnel = netip.MustParseAddr("224.0.0.1") }},
		{"no number", func(i *hoststate.Interface) { i.Number = 0 }},
		{"an endpoint", func(i *hoststate.Interface) { i.Endpoint = "vpce-1" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := eni("eni-far", 4, "set-1", "10.0.1.40")
			i.Tunnel = netip.MustParseAddr("192.0.2.2")
			if err := check(i); err != nil {
				t.Fatal(err)
			}
			if c.change(i); check(i) == nil {
				t.Error("it may be")
			}
		})
	}
}

func TestTunnelPort(t *testing.T) {
	b := newFarWorld(t)
	b.sub(t, "a host has one", func(t *testing.T) {
		if err := b.Attach(Port{Name: "tunnel-2", Kind: PortTunnel, Ifindex: b.index["eni-1"]}); err == nil {
			t.Error("it has two")
		}
	})
	b.sub(t, "an interface of another host has no port here", func(t *testing.T) {
		_, err := b.Apply([]hoststate.Unit{by("eni-1", func(i *hoststate.Interface) { i.Tunnel = netip.MustParseAddr("192.0.2.2") })}, nil)
		b.must(err)
		b.steps(
			step{"eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80), "drop: unknown port"},
			step{"eni-2", to(from("eni-2", "10.0.1.20"), "10.0.1.10", 80), "to eni-1 at 192.0.2.2"},
		)
		_, err = b.Apply([]hoststate.Unit{by("eni-1", func(*hoststate.Interface) {})}, nil)
		b.must(err)
		b.steps(step{"eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80), "to eni-2"})
	})
	b.sub(t, "two interfaces with one number", func(t *testing.T) {
		if _, err := b.Apply([]hoststate.Unit{by("eni-far2", func(i *hoststate.Interface) { i.Number = 4 })}, nil); err == nil {
			t.Error("both hold it")
		}
	})
	b.open(Options{})
	b.newDecap()
	b.sub(t, "an agent that comes again finds it", func(t *testing.T) {
		b.steps(step{"eni-2", to(from("eni-2", "10.0.1.20"), "10.0.1.40", 81), "to ? at 192.0.2.2"}) // it has no units yet
		_, err := b.ApplyFull(farWorld())
		b.must(err)
		b.steps(
			step{"eni-2", to(from("eni-2", "10.0.1.20"), "10.0.1.40", 82), "to eni-far at 192.0.2.2"},
			step{tunnelPort, to(numbered(4, "10.0.1.40"), "10.0.1.20", 80), "to eni-2"},
		)
	})
}
