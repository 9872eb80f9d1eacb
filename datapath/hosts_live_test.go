// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"enishi.dev/enishi/hoststate"
)

const underlayMTU = 1500

// liveOptions are those of both hosts.
func liveOptions() Options { return Options{TunnelMTU: underlayMTU - 50} }

// newHosts are two hosts in namespaces of their own, joined by one link, with a
// VXLAN link each.
func newHosts(t *testing.T) hosts {
	t.Helper()
	h := hosts{at: map[string]int{}}
	for n := range h.bench {
		h.bench[n] = newBench(t)
		h.bench[n].open(liveOptions())
	}
	a, z := h.bench[0], h.bench[1]
	a.do(func() {
		a.must(netlink.LinkAdd(&netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: "under", MTU: underlayMTU}, PeerName: "under", PeerMTU: underlayMTU, PeerNamespace: netlink.NsFd(z.fd),
		}))
	})
	for n, b := range h.bench {
		b.do(func() {
			l, err := netlink.LinkByName("under")
			b.must(err)
			b.must(netlink.AddrAdd(l, &netlink.Addr{IPNet: &net.IPNet{IP: hostAddr(n).AsSlice(), Mask: net.CIDRMask(24, 32)}}))
			b.must(netlink.LinkSetUp(l))
			b.must(netlink.LinkAdd(&netlink.Vxlan{LinkAttrs: netlink.LinkAttrs{Name: "vxlan", MTU: underlayMTU - 50}, FlowBased: true, Port: 4789}))
			b.raise("vxlan", Port{Kind: PortTunnel, Name: tunnelPort})
		})
	}
	return h
}

func (h hosts) apply(units []hoststate.Unit) {
	for n, b := range h.bench {
		b.t.Helper()
		if _, err := b.ApplyFull(h.seen(n, units)); err != nil {
			b.t.Fatal(err)
		}
	}
}

// twoHostWorld is the world, with eni-b2 in vpc-b at eni-2's address.
func twoHostWorld() []hoststate.Unit {
	b2 := eni("eni-b2", 7, "set-open", "10.0.1.20", "fd00:a::20")
	b2.Network, b2.VNI, b2.RouteTable = "vpc-b", vniB, "rtb-b"
	return append(world(), b2)
}

func TestLiveBetweenHosts(t *testing.T) {
	h := newHosts(t)
	h.at = map[string]int{"eni-1": 0, "eni-b": 0, "eni-2": 1, "eni-b2": 1, "eni-r": 1}
	i1 := h.bench[0].instance(1, "eni-1", mac(1), "10.0.1.10", "fd00:a::10")
	ib := h.bench[0].instanceIn(vniB, 2, "eni-b", mac(6), "10.0.1.10", "fd00:a::10")
	i2 := h.bench[1].instance(1, "eni-2", mac(2), "10.0.1.20", "fd00:a::20")
	ib2 := h.bench[1].instanceIn(vniB, 2, "eni-b2", mac(7), "10.0.1.20", "fd00:a::20")
	ir := h.bench[1].instance(3, "eni-r", mac(3), "10.0.1.30")
	h.apply(twoHostWorld())

	t.Run("instances talk both ways, over both families", func(t *testing.T) {
		for _, addr := range []string{"10.0.1.20", "fd00:a::20"} {
			i1.talk(t, i2.listen(t, addr, 80), netip.MustParseAddr(addr), 80)
		}
		i2.talk(t, i1.listen(t, "10.0.1.10", 7000), netip.MustParseAddr("10.0.1.10"), 7000) // group 2 may
	})
	t.Run("and not where the other host's groups do not let them", func(t *testing.T) {
		i2.listen(t, "10.0.1.20", 8080)
		if err := i1.dial("10.0.1.20", 8080); !os.IsTimeout(err) {
			t.Errorf("got %v, want a time-out", err)
		}
		i1.listen(t, "10.0.1.10", 7001)
		if err := ir.dial("10.0.1.10", 7001); !os.IsTimeout(err) { // is not in group 2
			t.Errorf("got %v, want a time-out", err)
		}
		h.bench[0].wantDrops("vpc-a", "security group", true)
		h.bench[1].wantDrops("vpc-a", "security group", true)
	})
	t.Run("a member of a group on one host is one on the other at once", func(t *testing.T) {
		units := twoHostWorld()
		for _, u := range units {
			if i, ok := u.(*hoststate.Interface); ok && i.ID == "eni-r" {
				i.GroupSet = "set-2"
			}
		}
		h.apply(units)
		ir.talk(t, i1.listen(t, "10.0.1.10", 7002), netip.MustParseAddr("10.0.1.10"), 7002)
		h.apply(twoHostWorld())
	})
	t.Run("equal connections of two networks are two", func(t *testing.T) {
		equalTuples(t, [2]*namespace{i1, ib}, [2]*namespace{i2, ib2})
	})
	t.Run("a packet too big for the way brings its MTU back", func(t *testing.T) {
		i1.do(func() {
			for _, addr := range []string{"10.0.1.20", "fd00:a::20"} {
				if got, err := pathMTU(addr); err != nil || got != underlayMTU-50 {
					t.Errorf("path MTU to %s: got %d, %v, want %d", addr, got, err, underlayMTU-50)
				}
			}
		})
	})
	t.Run("a host that says it is another is not heard", func(t *testing.T) {
		h.bench[1].wantDrops("vpc-a", "wrong host", false)
		units := h.seen(1, twoHostWorld())
		for _, u := range units {
			if i, ok := u.(*hoststate.Interface); ok && i.ID == "eni-1" {
				i.Tunnel = netip.MustParseAddr("192.0.2.9")
			}
		}
		if _, err := h.bench[1].ApplyFull(units); err != nil {
			t.Fatal(err)
		}
		i2.listen(t, "10.0.1.20", 81)
		if err := i1.dial("10.0.1.20", 81); !os.IsTimeout(err) {
			t.Errorf("got %v, want a time-out", err)
		}
		h.bench[1].wantDrops("vpc-a", "wrong host", true)
		h.apply(twoHostWorld())
	})
	t.Run("connections outlive the agent of either side, and new ones are made", func(t *testing.T) {
		c, other := i1.standing(t, i2.listen(t, "10.0.1.20", 81), "10.0.1.20", 81)
		for n, b := range h.bench {
			b.open(liveOptions())
			carries(t, c, other)
			i1.dialOrFail(t, "10.0.1.20", 81)
			if _, err := b.ApplyFull(h.seen(n, twoHostWorld())); err != nil {
				t.Fatal(err)
			}
			carries(t, other, c)
			i1.dialOrFail(t, "10.0.1.20", 81)
		}
	})
	t.Run("what one side has lost does not go on", func(t *testing.T) {
		c, other := i1.standing(t, i2.listen(t, "10.0.1.20", 80), "10.0.1.20", 80)
		h.bench[1].forgetAll()
		h.bench[1].wantDrops("vpc-a", "not a SYN", false)
		c.Write([]byte("lost"))
		other.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		if n, err := other.Read(make([]byte, 4)); !os.IsTimeout(err) {
			t.Errorf("got %d bytes, %v, want a time-out", n, err)
		}
		h.bench[1].wantDrops("vpc-a", "not a SYN", true)
		i1.dialOrFail(t, "10.0.1.20", 80)
	})
}

// equalTuples opens a connection in each network with the same addresses and ports.
func equalTuples(t *testing.T, clients, servers [2]*namespace) {
	t.Helper()
	var there, here [2]net.Conn
	for n := range clients {
		l := servers[n].listen(t, "10.0.1.20", 80)
		var err error
		clients[n].do(func() {
			d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(10, 0, 1, 10), Port: 4000}}
			here[n], err = d.Dial("tcp", "10.0.1.20:80")
		})
		if err != nil {
			t.Fatal(err)
		}
		defer here[n].Close()
		if there[n], err = accept(l); err != nil {
			t.Fatal(err)
		}
		defer there[n].Close()
	}
	for range 2 {
		for n := range clients {
			carries(t, here[n], there[n])
			carries(t, there[n], here[n])
		}
	}
}

// carries writes at one end what must come out at the other.
func carries(t *testing.T, from, to net.Conn) {
	t.Helper()
	want := from.LocalAddr().String() + from.RemoteAddr().String()
	if _, err := from.Write([]byte(want)); err != nil {
		t.Error(err)
	}
	got := make([]byte, len(want))
	to.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.ReadFull(to, got); err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func (n *namespace) dialOrFail(t *testing.T, addr string, port uint16) {
	t.Helper()
	if err := n.dial(addr, port); err != nil {
		t.Error(err)
	}
}

// wantDrops checks whether packets of the network were ever refused for the reason.
func (b *bench) wantDrops(network, reason string, want bool) {
	b.t.Helper()
	drops, err := b.Drops()
	b.must(err)
	got := slices.ContainsFunc(drops, func(d hoststate.Drop) bool { return d.Network == network && d.Reason == reason })
	if got != want {
		b.t.Errorf("%s: dropped for %q: %v, want %v: %v", network, reason, got, want, drops)
	}
}
