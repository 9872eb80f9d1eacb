// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"slices"
	"strings"
	"testing"

	"enishi.dev/enishi/hoststate"
)

// hostHistory is two hosts, and a model with a memory for each.
type hostHistory struct {
	hosts
	past [2]*history
}

// become makes the world what s has drawn, on both hosts; moved: an interface has gone
// from one to the other.
func (h hostHistory) become(s *scene, moved bool) {
	for n, b := range h.bench {
		p := h.past[n]
		p.become(s.units(), moved)
		clear(p.here)
		clear(p.far)
		for id, at := range h.at {
			exists := p.knows(id)
			p.here[id], p.far[id] = exists && at == n, exists && at != n
			if p.index[id] = b.index[id]; at != n {
				p.index[id] = b.index[tunnelPort]
			}
		}
		units := h.seen(n, p.units)
		_, err := b.Apply(units, b.missing(units))
		b.must(err)
	}
}

func (h hostHistory) attach(id string) {
	b := h.bench[h.at[id]]
	b.attach(Port{Name: id, Kind: PortInterface, Network: vniA, Interface: id})
}

// pass puts a packet in at host n and, if it leaves for the other, there; what
// happens must be what the host's model says. It returns whether it crossed.
func (h hostHistory) pass(t *testing.T, n int, from *hoststate.Interface, f frame) (crossed bool) {
	port, in := from.ID, f.bytes()
	for {
		want := h.past[n].pass(from, f)
		if want == unsure {
			return crossed
		}
		if strings.HasPrefix(want, "drop") {
			want = "drop"
		}
		b := h.bench[n]
		var got string
		var out []byte
		trail, err := b.explain(in, b.from(port)...)
		b.must(err)
		b.do(func() { got, out = b.arrivalOf(port, in, h.past[n].model) })
		if got != want {
			t.Errorf("host %d: %s %s:%d -> %s:%d flags %d, by %s: the program says %q (%s), the model %q", n, from.ID, f.src, f.sport, f.dst, f.dport, f.flags, port, got, reason(trail.Reason), want)
		}
		to, ok := strings.CutPrefix(want, "to ")
		if !ok || !h.past[n].far[to] || got != want {
			return crossed
		}
		h.bench[1-n].outer = outer{vniA, hostAddr(n).String()}
		n, port, in, crossed = 1-n, tunnelPort, out, true
	}
}

// Each of two hosts agrees with its model on every packet of connections between
// them, while interfaces go from one to the other and all else changes too.
func TestTwoHostsAgreeWithModelWhileTheWorldChanges(t *testing.T) {
	packets := 100_000
	if testing.Short() {
		packets = 20_000
	}
	ports := []string{"eni-0", "eni-1", "eni-2", "eni-3"}
	h := hostHistory{hosts: hosts{at: map[string]int{}}}
	for n := range h.bench {
		b := newBench(t, append(slices.Clone(ports), tunnelPort)...)
		b.newDecap()
		b.attach(Port{Name: tunnelPort, Kind: PortTunnel})
		h.bench[n] = b
		h.past[n] = &history{model: model{here: map[string]bool{}}, index: map[string]int{}, far: map[string]bool{}, halves: map[place]*half{}, parted: map[place]parting{}}
	}
	s := newScene(t)
	all := append(slices.Clone(ports), "eni-far")
	s.drawSets()
	s.drawTables(ports)
	s.drawInterfaces(all)
	for i, id := range ports {
		h.at[id] = i % 2
		h.attach(id)
	}
	crossings, later := 0, 0
	growAt := s.IntN(2 * packets) // on one of them, at some moment
	for n := 0; n < packets && !t.Failed(); n++ {
		if n == growAt%packets {
			h.bench[growAt/packets].growNow()
		}
		if n%5_000 == 0 {
			h.bench[0].wantCounted()
			h.bench[1].wantCounted()
		}
		if n%200 == 0 { // the world becomes another
			moved := false
			switch s.IntN(8) {
			case 0, 1:
				id := ports[s.IntN(len(ports))]
				moved = h.past[0].knows(id)
				h.bench[0].must(h.bench[h.at[id]].Detach(id))
				h.at[id] = 1 - h.at[id]
				h.attach(id)
			case 2:
				s.drawInterfaces(all)
			case 3, 4:
				s.drawTables(ports)
			default:
				s.drawSets()
			}
			h.become(s, moved)
		}
		host := s.IntN(2)
		from, f, ok := h.past[host].packet(s)
		if !ok {
			continue
		}
		_, own := h.past[host].half(from.ID, f)
		if _, there := h.past[1-host].half(from.ID, f); there != nil && there.unsure {
			f.flags = ack // is it another connection there? Only the clock could tell
		}
		if h.pass(t, host, from, f) {
			crossings++
			if own != nil {
				later++
			}
		}
	}
	t.Logf("%d packets crossed, %d of them of connections that stand", crossings, later)
	if later < packets/40 {
		t.Error("that tells little")
	}
}
