// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"enishi.dev/enishi/hoststate"
)

// After any number of a plan's writes, every packet is dropped, or goes where the
// old units send it, or where the new ones do. The program itself is asked.
func TestEveryPrefixOfAPlanIsSafe(t *testing.T) {
	b := newBench(t, append(smallPorts, "door", tunnelPort)...)
	b.attachSmall()
	b.do(func() {
		rapid.Check(t, func(t *rapid.T) {
			old, next := smallWorld(t, "old"), smallWorld(t, "new")
			if _, err := b.ApplyFull(old); err != nil {
				t.Fatal(err)
			}
			have, want := b.imageOf(old), b.imageOf(next)
			before := b.fates(t)
			p := plan(have, want, func(k any) bool { return idleIn(have, want, k) })
			var during []map[string]string
			for _, w := range p {
				if err := b.carry(w); err != nil {
					t.Fatal(err)
				}
				during = append(during, b.fates(t))
			}
			after := before
			if len(during) > 0 {
				after = during[len(during)-1]
			}
			for n, fates := range during {
				for packet, fate := range fates {
					if fate != "drop" && fate != before[packet] && fate != after[packet] {
						t.Errorf("after %d writes of %d, %s goes %s, and not %s as before or %s as after", n+1, len(p), packet, fate, before[packet], after[packet])
					}
				}
			}
			kernel, err := b.read()
			if err != nil {
				t.Fatal(err)
			}
			if diff := diff(want, kernel); diff != "" {
				t.Errorf("the kernel holds something else (-want +got):\n%s", diff)
			}
		})
	})
}

func (b *bench) attachSmall() {
	b.t.Helper()
	for _, id := range smallPorts {
		b.attach(Port{Name: id, Kind: PortInterface, Network: vniA, Interface: id})
	}
	b.attach(Port{Name: "door", Kind: PortDoor, Network: vniA}, Port{Name: tunnelPort, Kind: PortTunnel})
}

// imageOf is everything the maps must hold for the units and the attached ports.
func (b *bench) imageOf(units []hoststate.Unit) image {
	im := image{}
	for _, u := range units {
		facts(u, b.wiring, im)
	}
	for _, p := range b.ports {
		portFacts(&p, im)
	}
	return im
}

func diff(want, got image) string {
	var b strings.Builder
	for _, k := range union(want, got) {
		if !same(want[k], got[k]) {
			fmt.Fprintf(&b, "%T %v: -%v +%v\n", k, k, want[k], got[k])
		}
	}
	return b.String()
}

func idleIn(have, want image, key any) bool {
	side := have
	if have[key] != nil {
		side = want
	}
	for _, v := range side {
		i, ok := v.(bpfInterface)
		if ok && (key == bpfGroupsetKey{Id: i.Groupset} || key == bpfTableKey{Id: i.Table}) {
			return false
		}
	}
	return true
}

// fates asks about every first packet of a small world.
func (b *bench) fates(t *rapid.T) map[string]string {
	all := map[string]string{}
	ask := func(name string, f frame, from ...uint32) {
		trail, err := b.explain(f.bytes(), from...)
		if err != nil {
			t.Fatal(err)
		}
		fate := "drop"
		if trail.Verdict == uint32(bpfVerdictVERDICT_DELIVER) {
			fate = fmt.Sprintf("to %d, %x at %x", trail.To, trail.Target, trail.Tunnel)
		}
		all[fmt.Sprintf("%s from %s to %s port %d", name, f.src, f.dst, f.dport)] = fate
	}
	dsts := append([]netip.Addr{netip.MustParseAddr("20.1.0.1"), netip.MustParseAddr("20.2.0.1")}, smallAddrs...)
	for i, port := range smallPorts {
		for _, src := range smallAddrs {
			for _, dst := range dsts {
				if src.BitLen() != dst.BitLen() {
					continue
				}
				for _, dport := range []uint16{80, 81} {
					f := frame{mac: mac(byte(i + 1)), src: src, dst: dst, sport: 1, dport: dport, flags: syn}
					ask(port, f, uint32(b.index[port]))
					b.outer = outer{vniA, "192.0.2.2"}
					f.mac = hoststate.MAC(numberMAC(uint32(i + 1)))
					ask(port+" on another host", f, b.from(tunnelPort)...)
				}
			}
		}
	}
	return all
}

// A change that packets see as one is written as one: nothing is dropped meanwhile.
func TestPlanOfOneChangeIsDirect(t *testing.T) {
	w := wiring{}
	set := func(id, prefix string) hoststate.Unit {
		return &hoststate.GroupSet{ID: id, Ingress: []hoststate.Rule{prefixRule("sgr", 6, 80, 80, prefix)}}
	}
	with := func(units ...hoststate.Unit) image {
		im := image{}
		for _, u := range units {
			facts(u, w, im)
		}
		return im
	}
	for _, c := range []struct {
		name       string
		have, want image
		idle       bool
		writes     int
	}{
		{"a rule changes", with(set("a", "10.0.0.0/8")), with(set("a", "11.0.0.0/8")), false, 1},
		{"an interface gets another set, which is new", with(eni("eni", 1, "a"), set("a", "10.0.0.0/8")), with(eni("eni", 1, "b"), set("b", "11.0.0.0/8")), true, 3},
		{"two sets change: first to what both allow", with(set("a", "10.0.0.0/8"), set("b", "10.0.0.0/8")), with(set("a", "11.0.0.0/8"), set("b", "11.0.0.0/8")), false, 4},
		{"two sets grow", with(set("a", "10.0.0.0/8"), set("b", "10.0.0.0/8")), with(
			&hoststate.GroupSet{ID: "a", Ingress: []hoststate.Rule{prefixRule("x", 6, 80, 80, "10.0.0.0/8"), prefixRule("y", 6, 90, 90, "10.0.0.0/8")}},
			&hoststate.GroupSet{ID: "b", Ingress: []hoststate.Rule{prefixRule("x", 6, 80, 80, "10.0.0.0/8"), prefixRule("y", 6, 90, 90, "10.0.0.0/8")}},
		), false, 2},
		{"nothing changes", with(set("a", "10.0.0.0/8")), with(set("a", "10.0.0.0/8")), false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if p := plan(c.have, c.want, func(any) bool { return c.idle }); len(p) != c.writes {
				t.Errorf("got %d writes, want %d: %v", len(p), c.writes, p)
			}
		})
	}
}

func TestMeetOfRouteTables(t *testing.T) {
	table := func(routes ...hoststate.Route) routes {
		return compileRoutes(&hoststate.RouteTable{Routes: routes})
	}
	via := func(prefix, eni string) hoststate.Route {
		return hoststate.Route{Prefix: netip.MustParsePrefix(prefix), Target: hoststate.RouteInterface, Interface: eni}
	}
	hole := func(prefix string) hoststate.Route {
		return hoststate.Route{Prefix: netip.MustParsePrefix(prefix), Target: hoststate.RouteBlackhole}
	}
	a := table(via("0.0.0.0/0", "x"), via("10.0.0.0/8", "y"), via("11.0.0.0/8", "z"))
	b := table(via("0.0.0.0/0", "x"), via("10.1.0.0/16", "y"), via("11.0.0.0/8", "x"))
	want := table(via("0.0.0.0/0", "x"), hole("10.0.0.0/8"), via("10.1.0.0/16", "y"), hole("11.0.0.0/8"))
	if got := a.meet(b); !same(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
