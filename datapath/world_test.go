// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"bytes"
	"net/netip"
	"testing"

	"enishi.dev/enishi/hoststate"
)

// The world of the packet tests: two networks with the same ranges.
//
//	vpc-a  eni-1 (egress all, ingress 22 and from sg 2), eni-2 (in sg 2, ingress 80
//	       from 10.0.0.0/16 and echo), eni-r (a router, may send for others),
//	       eni-far (on another host), eni-e (endpoint vpce-1, port 443),
//	       a door, the probe
//	vpc-b  eni-b with eni-1's address, a door
const (
	vniA = 101
	vniB = 102
)

func mac(n byte) hoststate.MAC { return hoststate.MAC{2, 0, 0, 0xaa, 0, n} }

func addrs(list ...string) []netip.Addr {
	var as []netip.Addr
	for _, s := range list {
		as = append(as, netip.MustParseAddr(s))
	}
	return as
}

func eni(id string, n byte, set string, ips ...string) *hoststate.Interface {
	return &hoststate.Interface{
		ID: id, Number: uint32(n), Network: "vpc-a", VNI: vniA, MAC: mac(n), Addresses: addrs(ips...),
		GroupSet: set, RouteTable: "rtb-a",
	}
}

func prefixRule(id string, protocol, from, to int, prefix string) hoststate.Rule {
	return hoststate.Rule{ID: id, Protocol: protocol, From: from, To: to, Prefix: netip.MustParsePrefix(prefix)}
}

func world() []hoststate.Unit {
	out4, out6 := prefixRule("sgr-out4", -1, -1, -1, "0.0.0.0/0"), prefixRule("sgr-out6", -1, -1, -1, "::/0")
	all := []hoststate.Rule{out4, out6}
	router := eni("eni-r", 3, "set-open", "10.0.1.30", "fd00:a::30")
	router.AnySource = true
	endpoint := eni("eni-e", 5, "set-e", "10.0.1.50", "fd00:a::50")
	endpoint.Endpoint = "vpce-1"
	b := eni("eni-b", 6, "set-open", "10.0.1.10", "fd00:a::10")
	b.Network, b.VNI, b.RouteTable = "vpc-b", vniB, "rtb-b"
	resolver := addrs("10.0.0.2", "169.254.169.253", "fd00:ec2::253")
	metadata := addrs("169.254.169.254", "fd00:ec2::254")
	return []hoststate.Unit{
		&hoststate.Network{ID: "vpc-a", VNI: vniA, Resolver: resolver, Metadata: metadata},
		&hoststate.Network{ID: "vpc-b", VNI: vniB, Resolver: resolver, Metadata: metadata},
		&hoststate.GroupSet{ID: "set-1", Groups: []uint32{1}, Egress: all, Ingress: []hoststate.Rule{
			prefixRule("sgr-ssh", 6, 22, 22, "10.0.0.0/16"),
			{ID: "sgr-from2", Protocol: -1, From: -1, To: -1, Group: 2},
		}},
		&hoststate.GroupSet{ID: "set-2", Groups: []uint32{2}, Egress: all, Ingress: []hoststate.Rule{
			prefixRule("sgr-http4", 6, 80, 81, "10.0.0.0/16"), prefixRule("sgr-http6", 6, 80, 81, "fd00:a::/56"),
			prefixRule("sgr-dns", 17, 53, 53, "10.0.0.0/16"),
			prefixRule("sgr-echo4", 1, 8, -1, "10.0.0.0/16"), prefixRule("sgr-echo6", 58, 128, 0, "::/0"),
			prefixRule("sgr-gre", 47, -1, -1, "10.0.1.10/32"),
		}},
		&hoststate.GroupSet{ID: "set-open", Groups: []uint32{3}, Egress: all, Ingress: all},
		&hoststate.GroupSet{ID: "set-e", Groups: []uint32{4}, Ingress: []hoststate.Rule{
			prefixRule("sgr-e4", 6, 440, 450, "10.0.1.0/28"), prefixRule("sgr-e6", 6, 443, 443, "fd00:a::/64"),
			{ID: "sgr-e-udp", Protocol: 17, From: -1, To: -1, Group: 1},
		}},
		&hoststate.RouteTable{ID: "rtb-a", Network: "vpc-a", Routes: []hoststate.Route{
			{Prefix: netip.MustParsePrefix("10.0.0.0/16"), Target: hoststate.RouteLocal},
			{Prefix: netip.MustParsePrefix("fd00:a::/56"), Target: hoststate.RouteLocal},
			{Prefix: netip.MustParsePrefix("192.168.0.0/16"), Target: hoststate.RouteInterface, Interface: "eni-r"},
			{Prefix: netip.MustParsePrefix("192.168.9.0/24"), Target: hoststate.RouteBlackhole},
			{Prefix: netip.MustParsePrefix("192.168.8.0/24"), Target: hoststate.RouteInterface, Interface: "eni-gone"},
			{Prefix: netip.MustParsePrefix("192.168.7.0/24"), Target: hoststate.RouteInterface, Interface: "eni-2"},
			{Prefix: netip.MustParsePrefix("fd00:b::/32"), Target: hoststate.RouteInterface, Interface: "eni-r"},
		}},
		&hoststate.RouteTable{ID: "rtb-b", Network: "vpc-b", Routes: []hoststate.Route{
			{Prefix: netip.MustParsePrefix("10.0.0.0/16"), Target: hoststate.RouteLocal},
		}},
		eni("eni-1", 1, "set-1", "10.0.1.10", "10.0.1.11", "fd00:a::10"),
		eni("eni-2", 2, "set-2", "10.0.1.20", "fd00:a::20"),
		router,
		eni("eni-far", 4, "set-open", "10.0.1.40"),
		endpoint,
		b,
		&hoststate.Endpoint{ID: "vpce-1", Network: "vpc-a", VNI: vniA, Addresses: endpoint.Addresses, Ports: []uint16{443}},
	}
}

func worldPorts() []Port {
	return []Port{
		{Name: "eni-1", Kind: PortInterface, Network: vniA, Interface: "eni-1"},
		{Name: "eni-2", Kind: PortInterface, Network: vniA, Interface: "eni-2"},
		{Name: "eni-r", Kind: PortInterface, Network: vniA, Interface: "eni-r"},
		{Name: "eni-b", Kind: PortInterface, Network: vniB, Interface: "eni-b"},
		{Name: "door-a", Kind: PortDoor, Network: vniA},
		{Name: "door-b", Kind: PortDoor, Network: vniB},
		{Name: "probe", Kind: PortProbe},
	}
}

// newWorld is a bench with the world applied and its ports attached.
func newWorld(t testing.TB) *bench {
	t.Helper()
	var names []string
	for _, p := range worldPorts() {
		names = append(names, p.Name)
	}
	b := newBench(t, append(names, "free")...)
	b.attach(worldPorts()...)
	if _, err := b.ApplyFull(world()); err != nil {
		t.Fatalf("apply: %v", err)
	}
	if err := b.AddProbe(50000, vniA); err != nil {
		t.Fatal(err)
	}
	return b
}

// from returns a frame as the port's owner would send it.
func from(port string, src string) frame {
	macs := map[string]hoststate.MAC{"eni-1": mac(1), "eni-2": mac(2), "eni-r": mac(3), "eni-b": mac(6)}
	return frame{mac: macs[port], src: netip.MustParseAddr(src)}
}

// fate puts the frame in by the port and says in words what became of it:
// "to X", "drop: REASON", "reset: REASON", "too big: REASON", "the gateway" or "at X",
// which answer who asks for a hardware address.
// The explanation given before must say the same.
func (b *bench) fate(port string, in []byte) string {
	b.t.Helper()
	trail, err := b.explain(in, b.from(port)...)
	if err != nil {
		b.t.Errorf("explain: %v", err)
	}
	verdict, out := b.run(port, in)
	why := b.dropped()
	foretold := trail.Tunnel != 0 && trail.IngressSet != 0 && trail.Reason != 0
	if want := reason(trail.Reason); want != why && !foretold {
		b.t.Errorf("explained as %q, counted as %q", want, why)
	}
	switch {
	case verdict == 2 && why != "":
		return "drop: " + why
	case verdict != 7:
		b.t.Errorf("verdict %d, reason %q", verdict, why)
		return "?"
	}
	asked := bytes.Equal(out[:6], in[6:12])
	back := asked && bytes.Equal(out[6:12], gatewayMAC[:])
	switch {
	case back && why == "" && trail.Verdict == uint32(bpfVerdictVERDICT_RESOLVE):
		return "the gateway"
	case asked && why == "" && trail.Verdict == uint32(bpfVerdictVERDICT_RESOLVE):
		return "at " + b.receiver(out[6:12])
	case back && trail.Verdict == uint32(bpfVerdictVERDICT_RESET):
		if s := sound(out); s != "" {
			b.t.Errorf("reset: wrong %s: %x", s, out)
		}
		return "reset: " + why
	case back && trail.Verdict == uint32(bpfVerdictVERDICT_TOO_BIG):
		if s := sound(out); s != "" {
			b.t.Errorf("too big: wrong %s: %x", s, out)
		}
		return "too big: " + why
	case why != "":
		b.t.Errorf("delivered, but counted as %q", why)
	case trail.Tunnel != 0 && foretold:
		return b.far(in, out, trail) + ", which refuses it"
	case trail.Tunnel != 0:
		return b.far(in, out, trail)
	}
	from := gatewayMAC[:]
	if bytes.Equal(out[:6], in[:6]) {
		from = in[6:12] // to a neighbour
	}
	if !bytes.Equal(out[6:12], from) {
		b.t.Errorf("it comes from %x, want %x", out[6:12], from)
	}
	return "to " + b.receiver(out)
}

// receiver says whose the hardware address is with which the bytes begin.
func (b *bench) receiver(to []byte) string {
	for _, u := range b.units {
		if i, ok := u.(*hoststate.Interface); ok && bytes.Equal(to[:6], i.MAC[:]) {
			return i.ID
		}
	}
	switch [6]byte(to[:6]) {
	case [6]byte{2, 0, 0, 0, 0, vniA}:
		return "door-a"
	case [6]byte{2, 0, 0, 0, 0, vniB}:
		return "door-b"
	case [6]byte{2, 1, 0, 0, 0, vniA}:
		return "probe"
	}
	return "?"
}
