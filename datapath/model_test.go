// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"enishi.dev/enishi/hoststate"
)

// model says in a few lines of Go who may talk to whom: what becomes of the first
// packet of a connection. It reads units and knows nothing of maps.
type model struct {
	units []hoststate.Unit
	here  map[string]bool // interfaces with a port
	doors map[uint32]bool // networks with a door
}

func find[U hoststate.Unit](m model, is func(U) bool) (found U) {
	for _, u := range m.units {
		if u, ok := u.(U); ok && is(u) {
			return u
		}
	}
	return found
}

func (m model) holder(vni uint32, a netip.Addr) *hoststate.Interface {
	return find(m, func(i *hoststate.Interface) bool { return i.VNI == vni && slices.Contains(i.Addresses, a) })
}

// reserved addresses mean the network itself, whoever may send for others.
func reserved(a netip.Addr) bool {
	return a.IsLinkLocalUnicast() || netip.MustParsePrefix("fd00:ec2::/32").Contains(a)
}

func (m model) fate(from *hoststate.Interface, f frame) string {
	if !slices.Contains(from.Addresses, f.src) && (!from.AnySource || reserved(f.src)) {
		return "drop: spoofed source"
	}
	n := find(m, func(n *hoststate.Network) bool { return n.VNI == from.VNI })
	switch {
	case slices.Contains(n.Resolver, f.dst):
		return m.served(from, f, f.dport == 53 && (f.number() == 6 || f.number() == 17), false)
	case slices.Contains(n.Metadata, f.dst):
		return m.served(from, f, f.dport == 80 && f.number() == 6, false)
	}
	to := m.holder(from.VNI, f.dst)
	if to == nil {
		var drop string
		if to, drop = m.route(from, f.dst); drop == outside {
			return m.outside(from, f)
		}
		if drop != "" {
			return drop
		}
	}
	switch {
	case to.Endpoint == "" && !m.here[to.ID]:
		return "drop: not on this host"
	case to.Endpoint != "" && !m.doors[from.VNI]:
		return "drop: no service namespace"
	}
	if !m.allows(from, f, f.dst, false) || !m.allows(to, f, f.src, true) {
		return "drop: security group"
	}
	if to.Endpoint == "" {
		return "to " + to.ID
	}
	e := find(m, func(e *hoststate.Endpoint) bool { return e.ID == to.Endpoint })
	open := e != nil && f.number() == 6 && slices.Contains(e.Ports, f.dport)
	return m.served(from, f, open, open && e.Closing)
}

// outside is where an internet gateway leads to.
const outside = "outside"

func (m model) outside(from *hoststate.Interface, f frame) string {
	e := find(m, func(e *hoststate.Endpoint) bool { return e.Network == "" && slices.Contains(e.Addresses, f.dst) })
	switch {
	case !from.Public.IsValid() || f.src != from.Addresses[0]:
		return "drop: no public address"
	case e == nil:
		return "drop: no such address"
	case !m.doors[from.VNI]:
		return "drop: no service namespace"
	case !m.allows(from, f, f.dst, false):
		return "drop: security group"
	}
	return m.served(from, f, f.number() == 6 && slices.Contains(e.Ports, f.dport), false)
}

func (m model) served(from *hoststate.Interface, f frame, open, closing bool) string {
	switch {
	case !m.doors[from.VNI]:
		return "drop: no service namespace"
	case closing:
		return "drop: endpoint closing"
	case open:
		return "to door"
	case f.number() == 6:
		return "reset: no listener"
	}
	return "drop: no listener"
}

func (m model) route(from *hoststate.Interface, dst netip.Addr) (*hoststate.Interface, string) {
	t := find(m, func(t *hoststate.RouteTable) bool { return t.ID == from.RouteTable })
	var best *hoststate.Route
	if t != nil && !dst.IsLinkLocalUnicast() {
		for _, r := range t.Routes {
			if r.Prefix.Contains(dst) && (best == nil || r.Prefix.Bits() > best.Prefix.Bits()) {
				best = &r
			}
		}
	}
	switch {
	case best == nil:
		return nil, "drop: no route"
	case best.Target == hoststate.RouteLocal:
		return nil, "drop: no such address"
	case best.Target == hoststate.RouteInternet:
		return nil, outside
	}
	to := find(m, func(i *hoststate.Interface) bool {
		return i.ID == best.Interface && i.VNI == from.VNI && i.Endpoint == ""
	})
	switch {
	case best.Target == hoststate.RouteBlackhole || to == nil:
		return nil, "drop: blackhole"
	case !to.AnySource:
		return nil, "drop: not its address"
	}
	return to, ""
}

func (m model) allows(i *hoststate.Interface, f frame, other netip.Addr, ingress bool) bool {
	set := find(m, func(g *hoststate.GroupSet) bool { return g.ID == i.GroupSet })
	if set == nil {
		return false
	}
	rules := set.Egress
	if ingress {
		rules = set.Ingress
	}
	var groups []uint32
	if peer := m.holder(i.VNI, other); peer != nil {
		if g := find(m, func(g *hoststate.GroupSet) bool { return g.ID == peer.GroupSet }); g != nil {
			groups = g.Groups
		}
	}
	return slices.ContainsFunc(rules, func(r hoststate.Rule) bool {
		n := int(f.number())
		in := func(v int) bool { return r.From == -1 || (r.From <= v && v <= r.To) }
		fits := r.Protocol == -1 || r.Protocol == n && (n == 47 || n != 1 && n != 58 && in(int(f.dport)) ||
			(n == 1 || n == 58) && (r.From == -1 || r.From == int(f.dport>>8)) && (r.To == -1 || r.To == int(f.dport&0xff)))
		return fits && (r.Prefix.IsValid() && r.Prefix.Contains(other) || r.Group != 0 && slices.Contains(groups, r.Group))
	})
}

// The program and the model agree on random packets in random worlds.
func TestProgramAgreesWithModel(t *testing.T) {
	ports := []string{"eni-0", "eni-1", "eni-2", "eni-3", "eni-4", "eni-5"}
	b := newBench(t, append(ports, "door")...)
	b.open(Options{Flows: 1 << 19}) // nobody makes room meanwhile
	for i, id := range ports {
		b.attach(Port{Name: id, Kind: PortInterface, Network: uint32(vniA + i%2), Interface: id})
	}
	random := rand.New(rand.NewPCG(42, 1))
	g := &generator{random, 10000}
	const worlds, packets = 55, 1000
	counts := map[string]int{}
	for w := range worlds {
		m := model{g.world(ports), map[string]bool{}, map[uint32]bool{uint32(vniA + w%2): true}}
		b.attach(Port{Name: "door", Kind: PortDoor, Network: uint32(vniA + w%2)})
		for _, id := range ports {
			m.here[id] = true
		}
		if _, err := b.ApplyFull(m.units); err != nil {
			t.Fatal(err)
		}
		b.do(func() {
			for range packets {
				n := random.IntN(len(ports))
				from := find(m, func(i *hoststate.Interface) bool { return i.ID == ports[n] })
				for len(from.Addresses) == 0 {
					n = (n + 1) % len(ports)
					from = find(m, func(i *hoststate.Interface) bool { return i.ID == ports[n] })
				}
				f := g.packet(from)
				want := m.fate(from, f)
				if got := b.verdict(from.ID, f.bytes(), m); got != want {
					t.Errorf("world %d: %s %s:%d -> %s:%d protocol %d: the program says %q, the model %q", w, from.ID, f.src, f.sport, f.dst, f.dport, f.number(), got, want)
				}
				counts[want[:2]]++
				if f.number() == 47 { // has no ports to tell connections apart
					b.forget(f)
				}
			}
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%v", counts)
	if n := counts["to"]; n < 5000 {
		t.Errorf("only %d of %d packets arrive: the worlds are too strict to tell anything", n, worlds*packets)
	}
}

// verdict is fate without its checks of counters: the trail tells the reason.
func (b *bench) verdict(port string, in []byte, m model) string {
	trail, err := b.explain(in, uint32(b.index[port]))
	if err != nil {
		b.t.Errorf("explain: %v", err)
	}
	verdict, out := b.run(port, in)
	answered := trail.Verdict == uint32(bpfVerdictVERDICT_RESET)
	if wantVerdict := map[bool]int{true: 7, false: 2}[trail.Reason == 0 || answered]; verdict != wantVerdict {
		b.t.Errorf("explained as %q, but verdict %d", reason(trail.Reason), verdict)
	}
	switch {
	case answered:
		return "reset: " + reason(trail.Reason)
	case trail.Reason != 0:
		return "drop: " + reason(trail.Reason)
	case trail.To == uint32(bpfDestinationTO_DOOR):
		return "to door"
	}
	i := find(m, func(i *hoststate.Interface) bool { return handle(i.ID) == trail.Target })
	if i == nil || [6]byte(out[:6]) != i.MAC {
		return fmt.Sprintf("to %x", out[:6])
	}
	return "to " + i.ID
}

// forget ends the flow of a protocol without ports that f may have opened.
func (b *bench) forget(f frame) {
	k := bpfFlowKey{Protocol: f.number(), Family: uint8(family(f.src))}
	copy(k.Src[:], f.src.AsSlice())
	copy(k.Dst[:], f.dst.AsSlice())
	back := k
	back.Src, back.Dst = k.Dst, k.Src
	for _, index := range b.index {
		k.Ifindex, back.Ifindex = uint32(index), uint32(index)
		b.objs.Flows.Delete(k) // most have none
		b.objs.Flows.Delete(back)
	}
}
