// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"enishi.dev/enishi/hoststate"
)

// hosts are two data planes, and where the interfaces are.
type hosts struct {
	bench [2]*bench
	at    map[string]int // by id; none: on a third host
}

func hostAddr(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(n + 1)}) }

// seen are the units as host n has them.
func (h hosts) seen(n int, units []hoststate.Unit) (mine []hoststate.Unit) {
	for _, u := range units {
		if i, ok := u.(*hoststate.Interface); ok && i.Endpoint == "" {
			if at, known := h.at[i.ID]; known && at != n {
				c := *i
				c.Tunnel = hostAddr(at)
				u = &c
			}
		}
		mine = append(mine, u)
	}
	return mine
}

// verdict says in words what becomes of a packet, on both hosts together.
func (h hosts) verdict(from *hoststate.Interface, f frame, m model) (says string) {
	n := h.at[from.ID]
	b := h.bench[n]
	here, err := b.explain(f.bytes(), uint32(b.index[from.ID]))
	b.must(err)
	if here.Tunnel == 0 || here.Reason != 0 && here.IngressSet == 0 { // it does not leave
		b.do(func() { says = b.verdict(from.ID, f.bytes(), m) })
		return says
	}
	verdict, out := h.run(n, from.ID, f.bytes())
	if verdict != 7 || here.Tunnel != hostAddress(hostAddr(1-n)) {
		b.t.Errorf("verdict %d, to host %x", verdict, here.Tunnel)
	}
	b = h.bench[1-n]
	b.outer = outer{here.Vni, hostAddr(n).String()}
	there, err := b.explain(out, b.from(tunnelPort)...)
	b.must(err)
	if there.Reason != here.Reason || there.Ingress != here.Ingress {
		b.t.Errorf("foretold %q by rule %d, and it was %q by rule %d", reason(here.Reason), here.Ingress, reason(there.Reason), there.Ingress)
	}
	verdict, out = h.run(1-n, tunnelPort, out)
	if there.Reason != 0 {
		return "drop: " + reason(there.Reason)
	}
	i := find(m, func(i *hoststate.Interface) bool { return handle(i.ID) == there.Target })
	if verdict != 7 || i == nil || [6]byte(out[:6]) != i.MAC || [6]byte(out[6:12]) != gatewayMAC {
		return fmt.Sprintf("to %x, verdict %d", out[:12], verdict)
	}
	return "to " + i.ID
}

func (h hosts) run(n int, port string, in []byte) (verdict int, out []byte) {
	h.bench[n].do(func() { verdict, out = h.bench[n].run(port, in) })
	return verdict, out
}

// Two hosts do with the first packets of connections what the model says of one.
func TestTwoHostsAgreeWithModel(t *testing.T) {
	ports := []string{"eni-0", "eni-1", "eni-2", "eni-3", "eni-4", "eni-5"}
	h := hosts{at: map[string]int{}}
	for n := range h.bench {
		h.bench[n] = newBench(t, append(ports, "door-a", "door-b", tunnelPort)...)
		h.bench[n].newDecap()
		h.bench[n].attach(
			Port{Name: tunnelPort, Kind: PortTunnel}, Port{Name: "door-a", Kind: PortDoor, Network: vniA}, Port{Name: "door-b", Kind: PortDoor, Network: vniB},
		)
	}
	m := model{nil, map[string]bool{}, map[uint32]bool{vniA: true, vniB: true}}
	for i, id := range ports {
		h.at[id] = i / 2 % 2
		m.here[id] = true
		h.bench[h.at[id]].attach(Port{Name: id, Kind: PortInterface, Network: uint32(vniA + i%2), Interface: id})
	}
	random := rand.New(rand.NewPCG(42, 2))
	g := &generator{random, 10000}
	crossed := 0
	for w := range 20 {
		m.units = g.world(ports)
		for n, b := range h.bench {
			if _, err := b.ApplyFull(h.seen(n, m.units)); err != nil {
				t.Fatal(err)
			}
		}
		for range 1000 {
			id := ports[random.IntN(len(ports))]
			from := find(m, func(i *hoststate.Interface) bool { return i.ID == id })
			if len(from.Addresses) == 0 {
				continue
			}
			f := g.packet(from)
			want := m.fate(from, f)
			if got := h.verdict(from, f, m); got != want {
				t.Errorf("world %d: %s %s:%d -> %s:%d protocol %d: the hosts say %q, the model %q", w, from.ID, f.src, f.sport, f.dst, f.dport, f.number(), got, want)
			}
			if to, ok := strings.CutPrefix(want, "to eni"); ok && h.at["eni"+to] != h.at[from.ID] {
				crossed++
			}
			if f.number() == 47 { // has no ports to tell connections apart
				h.bench[0].forgetAll()
				h.bench[1].forgetAll()
			}
		}
		if t.Failed() {
			return
		}
	}
	if crossed < 1000 {
		t.Errorf("only %d packets arrive at the other host: that tells little", crossed)
	}
	t.Logf("%d packets crossed", crossed)
}
