// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"enishi.dev/enishi/hoststate"
)

// history is the model with a memory: what becomes of any packet of a connection,
// while the world changes around it. Each side of a connection has a half, where
// its packets come in.
type history struct {
	model
	index  map[string]int  // of each interface's port; the tunnel's, if it is far
	far    map[string]bool // interfaces of the other host, which asks their groups
	halves map[place]*half
	made   []place // where there are or were halves
	parted map[place]parting
	world  int // counts them, from 1
}

// parting is a connection that has ended at a host by a packet to the other one.
type parting struct {
	owner, peer string
	at          time.Time
}

type place struct {
	index        int
	src, dst     netip.Addr
	sport, dport uint16
}

type half struct {
	owner, peer        string
	world              int // in which groups were asked last
	initiator, replied bool
	unsure             bool // whether it knows of an answer depends on the clock
}

// become takes in what the units are now. A world in which nothing has changed, no unit
// and no port of one, is the one before: nothing is asked again because of it.
func (h *history) become(units []hoststate.Unit, moved bool) {
	if moved || !reflect.DeepEqual(h.units, units) {
		h.world++
	}
	h.units = units
}

// knows says whether one of the interfaces exists: a port of none means nothing.
func (m model) knows(ids ...string) bool {
	return find(m, func(i *hoststate.Interface) bool { return slices.Contains(ids, i.ID) }) != nil
}

func (h *history) half(owner string, f frame) (place, *half) {
	p := place{h.index[owner], f.src, f.dst, f.sport, f.dport}
	if f := h.halves[p]; f != nil && f.owner == owner {
		return p, f
	}
	return p, nil
}

func back(f frame) frame {
	f.src, f.dst, f.sport, f.dport = f.dst, f.src, f.dport, f.sport
	return f
}

// late says what becomes of a packet of no connection.
func (h *history) late(from, to *hoststate.Interface, at, there place) string {
	p := h.parted[at]
	if h.far[from.ID] {
		p = h.parted[there]
		p.owner, p.peer = p.peer, p.owner
	}
	switch age := time.Since(p.at); {
	case p.owner != from.ID || p.peer != to.ID || age > 10500*time.Millisecond:
		return "drop: not a SYN"
	case age > 9500*time.Millisecond:
		return unsure
	}
	return "to " + to.ID
}

// unsure is a fate that hangs on the clock.
const unsure = "to somebody or nobody"

// pass says what becomes of a TCP packet, and remembers.
func (h *history) pass(from *hoststate.Interface, f frame) string {
	at, own := h.half(from.ID, f)
	if own != nil && f.flags == syn && (own.replied || !own.initiator) {
		own = nil // a new connection with the ports of an old one
	}
	if !slices.Contains(from.Addresses, f.src) && (!from.AnySource || reserved(f.src)) {
		return "drop: spoofed source"
	}
	to := h.holder(from.VNI, f.dst)
	routed := to == nil
	if routed {
		var drop string
		if to, drop = h.route(from, f.dst); drop != "" {
			return drop
		}
	}
	there, other := h.half(to.ID, back(f))
	switch {
	case !h.here[to.ID] && (!h.far[to.ID] || h.far[from.ID]):
		return "drop: not on this host"
	case own == nil && f.flags != syn:
		return h.late(from, to, at, there)
	case own == nil && !h.far[from.ID] && !h.allows(from, f, f.dst, false):
		return "drop: security group"
	case (own == nil || other == nil && own.world != h.world) && !h.far[to.ID] && !h.allows(to, f, f.src, true):
		return "drop: security group"
	}
	switch {
	case own == nil:
		for _, p := range []place{at, there} {
			if h.halves[p] == nil {
				h.made = append(h.made, p)
			}
		}
		h.halves[there] = &half{owner: to.ID, peer: from.ID}
		h.halves[at] = &half{owner: from.ID, initiator: true}
		if own = h.halves[at]; !routed && slices.Contains(from.Addresses, f.src) && !h.far[from.ID] && !h.far[to.ID] {
			h.halves[there].world = h.world // answers lead to from
		}
	case f.flags == rst:
		h.halves[at] = nil
		if other != nil && other.peer == from.ID && other.initiator != own.initiator {
			h.halves[there] = nil
		}
		if h.far[to.ID] {
			h.parted[at] = parting{from.ID, to.ID, time.Now()}
		}
	case !own.initiator:
		if peer := h.halves[there]; peer != nil && !peer.replied {
			peer.unsure = peer.unsure || own.replied
			peer.replied = !own.replied
		}
		own.replied = true
	}
	own.peer, own.world = to.ID, h.world
	return "to " + to.ID
}

// scene draws worlds of one network, a part at a time.
type scene struct {
	*rand.Rand
	sets, tables, interfaces []hoststate.Unit
}

// newScene draws from a new seed, or again from the one that ENISHI_SEED says.
func newScene(t *testing.T) *scene {
	seed := rand.Uint64()
	if n, err := strconv.ParseUint(os.Getenv("ENISHI_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("seed %d", seed)
	return &scene{Rand: rand.New(rand.NewPCG(seed, 7))}
}

var sceneAddrs = addrs("10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.8", "20.1.0.4", "20.2.0.4")

func (s *scene) units() []hoststate.Unit {
	return slices.Concat([]hoststate.Unit{&hoststate.Network{ID: "vpc", VNI: vniA}}, s.sets, s.tables, s.interfaces)
}

func (s *scene) drawSets() {
	rules := func(name string) (rs []hoststate.Rule) {
		for i := range 1 + s.IntN(3) {
			r := hoststate.Rule{ID: fmt.Sprint(name, i), Protocol: 6, From: 80, To: 80 + s.IntN(2)}
			if s.IntN(3) == 0 {
				r.Group = uint32(1 + s.IntN(3))
			} else {
				r.Prefix = netip.MustParsePrefix([]string{"0.0.0.0/0", "10.0.0.4/31", "10.0.0.0/24", "0.0.0.0/0"}[s.IntN(4)])
			}
			rs = append(rs, r)
		}
		return rs
	}
	s.sets = nil
	for i := range 3 {
		s.sets = append(s.sets, &hoststate.GroupSet{ID: fmt.Sprint("set-", i), Groups: []uint32{uint32(1 + s.IntN(3))}, Ingress: rules("in"), Egress: rules("out")})
	}
}

func (s *scene) drawTables(ports []string) {
	s.tables = nil
	for i := range 2 {
		t := &hoststate.RouteTable{ID: fmt.Sprint("rtb-", i), Network: "vpc", Routes: []hoststate.Route{{Prefix: netip.MustParsePrefix("10.0.0.0/24"), Target: hoststate.RouteLocal}}}
		for _, p := range []string{"0.0.0.0/0", "20.0.0.0/8", "20.1.0.0/16"} {
			if s.IntN(2) == 0 {
				t.Routes = append(t.Routes, hoststate.Route{Prefix: netip.MustParsePrefix(p), Target: hoststate.RouteInterface, Interface: ports[s.IntN(len(ports))]})
			}
		}
		s.tables = append(s.tables, t)
	}
}

func (s *scene) drawInterfaces(ids []string) {
	s.interfaces = nil
	left := slices.Clone(sceneAddrs)
	s.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
	for i, id := range ids {
		e := eni(id, byte(i+1), fmt.Sprint("set-", s.IntN(3)))
		e.RouteTable, e.AnySource = fmt.Sprint("rtb-", s.IntN(2)), s.IntN(3) == 0
		n := 1 + s.IntN(min(2, len(left)))
		e.Addresses, left = left[:n:n], left[n:]
		if s.IntN(12) > 0 { // sometimes it is gone
			s.interfaces = append(s.interfaces, e)
		}
		if len(left) == 0 {
			break
		}
	}
}

// The program and the model agree on every packet of connections that live through
// changes: addresses and ports are given to others, rules and routes come and go.
// ENISHI_PACKETS says how many packets: a million by default, few with -short.
func TestProgramAgreesWithModelWhileTheWorldChanges(t *testing.T) {
	packets := 1_000_000
	if testing.Short() {
		packets = 20_000
	}
	if n, err := strconv.Atoi(os.Getenv("ENISHI_PACKETS")); err == nil {
		packets = n
	}
	ports := []string{"eni-0", "eni-1", "eni-2", "eni-3"}
	b := newBench(t, ports...)
	s := newScene(t)
	h := &history{model: model{here: map[string]bool{}}, index: b.index, halves: map[place]*half{}, parted: map[place]parting{}}
	all := append(slices.Clone(ports), "eni-far")
	s.drawSets()
	s.drawTables(ports)
	s.drawInterfaces(all)
	attach := func() {
		for _, id := range ports {
			b.must(b.Attach(Port{Name: id, Kind: PortInterface, Network: vniA, Interface: id, Ifindex: b.index[id]}))
		}
	}
	apply := func(moved bool) {
		h.become(s.units(), moved)
		clear(h.here)
		for _, id := range ports {
			h.here[id] = h.knows(id)
		}
		_, err := b.Apply(h.units, b.missing(h.units))
		b.must(err)
	}
	growAt := s.IntN(packets)
	b.do(func() {
		attach()
		apply(true)
		counts := map[string]int{}
		for n := 0; n < packets && !t.Failed(); n++ {
			if n == growAt {
				b.growNow()
			}
			if n%20_000 == 0 { // seldom: half-open connections live for 30 s
				b.wantCounted()
			}
			if n%200 == 0 { // the world becomes another
				moved := false
				switch s.IntN(8) {
				case 0:
					i, j := ports[s.IntN(4)], ports[s.IntN(4)]
					moved = h.knows(i, j)
					b.must(b.Detach(i))
					b.must(b.Detach(j))
					b.index[i], b.index[j] = b.index[j], b.index[i]
					attach()
				case 1, 2:
					s.drawInterfaces(all)
				case 3, 4:
					s.drawTables(ports)
				default:
					s.drawSets()
				}
				apply(moved)
			}
			from, f, ok := h.packet(s)
			if !ok {
				continue
			}
			_, own := h.half(from.ID, f)
			want := h.pass(from, f)
			var got string
			if n%8 == 0 {
				got = b.verdict(from.ID, f.bytes(), h.model) // with the reason
			} else if got = b.arrival(from.ID, f.bytes(), h.model); got == "drop" {
				want = want[:len(got)]
			}
			if got != want {
				t.Errorf("packet %d: %s %s:%d -> %s:%d flags %d: the program says %q, the model %q", n, from.ID, f.src, f.sport, f.dst, f.dport, f.flags, got, want)
			}
			kind := "first "
			if own != nil {
				kind = "later "
			}
			counts[kind+want[:2]]++
		}
		t.Logf("%v, %d halves", counts, len(h.halves))
		if n := counts["later to"]; n < packets/20 {
			t.Errorf("only %d of %d are packets of connections that stand: that tells little", n, packets)
		}
	})
}

// growNow has maps grow, whether it is time or not.
func (b *bench) growNow() {
	b.t.Helper()
	var all []hoststate.Unit
	for _, u := range b.units {
		all = append(all, u)
	}
	_, err := b.ApplyFull(all)
	b.must(err)
	b.must(b.grow())
	if b.decap != nil {
		b.newDecap()
	}
}

// arrival is "to" whom a packet goes, or "drop".
func (b *bench) arrival(port string, in []byte, m model) string {
	says, _ := b.arrivalOf(port, in, m)
	return says
}

// arrivalOf also returns the frame that goes there.
func (b *bench) arrivalOf(port string, in []byte, m model) (string, []byte) {
	verdict, out := b.run(port, in)
	if verdict != 7 { // TCX_REDIRECT
		return "drop", nil
	}
	i := find(m, func(i *hoststate.Interface) bool { return [6]byte(out[:6]) == i.MAC })
	if i == nil {
		return fmt.Sprintf("to %x", out[:6]), out
	}
	return "to " + i.ID, out
}

// packet is one that an interface with a port might send: of a connection that it
// has, or has not.
func (h *history) packet(s *scene) (*hoststate.Interface, frame, bool) {
	var here []*hoststate.Interface
	for _, u := range s.interfaces {
		if i := u.(*hoststate.Interface); h.here[i.ID] {
			here = append(here, i)
		}
	}
	if len(here) == 0 {
		return nil, frame{}, false
	}
	from := here[s.IntN(len(here))]
	if n := len(h.made); n > 0 && s.IntN(3) > 0 {
		p := h.made[s.IntN(n)]
		if own := h.halves[p]; own != nil {
			i := slices.IndexFunc(here, func(i *hoststate.Interface) bool { return i.ID == own.owner })
			if i >= 0 {
				f := frame{mac: here[i].MAC, src: p.src, dst: p.dst, sport: p.sport, dport: p.dport, flags: ack}
				if s.IntN(40) == 0 {
					f.flags = rst
				}
				return here[i], f, true
			}
		}
	}
	// Few tuples, so that they are used again.
	f := frame{mac: from.MAC, src: from.Addresses[s.IntN(len(from.Addresses))], dst: sceneAddrs[s.IntN(len(sceneAddrs))], flags: ack}
	if s.IntN(10) == 0 {
		f.src = sceneAddrs[s.IntN(len(sceneAddrs))]
	}
	f.sport, f.dport = uint16(1000+s.IntN(3)), uint16(80+s.IntN(2))
	if s.IntN(2) == 0 {
		f.flags = syn
	}
	if _, own := h.half(from.ID, f); own != nil && own.unsure {
		f.flags = ack
	}
	return from, f, f.src != f.dst
}
