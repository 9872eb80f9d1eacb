// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"enishi.dev/enishi/hoststate"
)

func TestApplyTwiceWritesNothing(t *testing.T) {
	b := newWorld(t)
	check := func(what string, apply func() (int, error)) {
		t.Helper()
		if n, err := apply(); n != 0 || err != nil {
			t.Errorf("%s: %d writes, %v", what, n, err)
		}
	}
	check("again", func() (int, error) { return b.Apply(world(), nil) })
	check("again, whole", func() (int, error) { return b.ApplyFull(world()) })
	b.attach(worldPorts()...)
	check("after attaching again", func() (int, error) { return b.ApplyFull(world()) })
	b.open(Options{})
	check("by the next agent", func() (int, error) { return b.ApplyFull(world()) })
	check("gone already", func() (int, error) {
		return b.Apply(nil, []hoststate.Key{{Kind: hoststate.KindInterface, ID: "eni-no"}})
	})
}

func TestApplyCountsItsWrites(t *testing.T) {
	b := newWorld(t)
	set := *unit[*hoststate.GroupSet]("set-2")
	set.Ingress = set.Ingress[:3]
	n, err := b.Apply([]hoststate.Unit{&set}, nil)
	if n != 5 || err != nil { // the list, the switch, the old list, the generation, the epoch
		t.Errorf("a rule less took %d writes, %v, want 5", n, err)
	}
}

// However the kernel got there, it holds what the last units say.
func TestApplyDoesNotDependOnThePast(t *testing.T) {
	b := newBench(t, append(smallPorts, "door", tunnelPort)...)
	b.attachSmall()
	b.do(func() {
		rapid.Check(t, func(t *rapid.T) {
			if _, err := b.ApplyFull(smallWorld(t, "first")); err != nil {
				t.Fatal(err)
			}
			var last []hoststate.Unit
			for range rapid.IntRange(1, 3).Draw(t, "deltas") {
				last = smallWorld(t, "next")
				if _, err := b.Apply(last, b.missing(last)); err != nil {
					t.Fatal(err)
				}
			}
			kernel, err := b.read()
			if err != nil {
				t.Fatal(err)
			}
			if d := diff(b.imageOf(last), kernel); d != "" {
				t.Errorf("the kernel holds something else (-want +got):\n%s", d)
			}
			if n, err := b.ApplyFull(last); n != 0 || err != nil {
				t.Errorf("applying it whole took %d writes, %v", n, err)
			}
		})
	})
}

// missing returns the keys of what is held and not among units.
func (b *bench) missing(units []hoststate.Unit) (gone []hoststate.Key) {
	for k := range b.units {
		if !slices.ContainsFunc(units, func(u hoststate.Unit) bool { return u.Key() == k }) {
			gone = append(gone, k)
		}
	}
	return gone
}

func TestUnitsAndPortsComeInAnyOrder(t *testing.T) {
	var names []string
	for _, p := range worldPorts() {
		names = append(names, p.Name)
	}
	b := newBench(t, names...)
	if _, err := b.ApplyFull(nil); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		units, ports := world(), worldPorts()
		for len(units)+len(ports) > 0 {
			if i := random.IntN(len(units) + len(ports)); i < len(units) {
				b.apply(units[i])
				units = slices.Delete(units, i, i+1)
			} else {
				b.attach(ports[i-len(units)])
				ports = slices.Delete(ports, i-len(units), i-len(units)+1)
			}
		}
		kernel, err := b.read()
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(b.imageOf(world()), kernel); d != "" {
			t.Errorf("the kernel holds something else (-want +got):\n%s", d)
		}
		for _, name := range names {
			if err := b.Detach(name); err != nil {
				t.Error(err)
			}
		}
		if _, err := b.ApplyFull(nil); err != nil {
			t.Error(err)
		}
		if kernel, err := b.read(); len(kernel) != 0 || err != nil {
			t.Errorf("left behind: %v, %v", kernel, err)
		}
	}
}

func TestUnitsThatCannotBe(t *testing.T) {
	b := newWorld(t)
	for _, c := range []struct {
		name string
		unit hoststate.Unit
	}{
		{"another's address", eni("eni-thief", 9, "set-1", "10.0.1.10")},
		{"the resolver's address", eni("eni-thief", 9, "set-1", "10.0.0.2")},
		{"an IPv4-mapped address", eni("eni-mapped", 9, "set-1", "::ffff:10.0.1.60")},
		{"an address with a zone", eni("eni-zone", 9, "set-1", "fe80::1%eth0")},
		{"another's network number", &hoststate.Network{ID: "vpc-thief", VNI: vniA}},
		{"network number 0", &hoststate.Network{ID: "vpc-0"}},
		{"a network number of 25 bits", &hoststate.Network{ID: "vpc-25", VNI: 1 << 24}},
		{"17 groups", &hoststate.GroupSet{ID: "set-17", Groups: make([]uint32, 17)}},
		{"a rule for nobody", &hoststate.GroupSet{ID: "set-no", Ingress: []hoststate.Rule{{ID: "sgr"}}}},
		{"more rules than fit", &hoststate.GroupSet{ID: "set-many", Ingress: slices.Repeat([]hoststate.Rule{prefixRule("sgr", 6, 1, 1, "::/0")}, 2049)}},
		{"two routes to one prefix", &hoststate.RouteTable{ID: "rtb-2", Routes: []hoststate.Route{
			{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Target: hoststate.RouteLocal},
			{Prefix: netip.MustParsePrefix("10.0.0.1/8"), Target: hoststate.RouteBlackhole},
		}}},
		{"a route to nowhere known", &hoststate.RouteTable{ID: "rtb-x", Routes: []hoststate.Route{
			{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Target: "moon"},
		}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			extra := eni("eni-good", 10, "set-1", "10.0.1.70")
			_, err := b.Apply([]hoststate.Unit{c.unit, extra}, nil)
			if refused, ok := errors.AsType[*UnitError](err); !ok || refused.Key != c.unit.Key() {
				t.Errorf("got %v, want an error that names %s", err, c.unit.Key())
			}
			if b.units[extra.Key()] == nil {
				t.Error("the unit beside it was not made true")
			}
			if n, err := b.ApplyFull(world()); err != nil {
				t.Errorf("%d writes, %v", n, err)
			}
		})
	}
	t.Run("an address moves when its holder lets go of it at the same time", func(t *testing.T) {
		from, to := eni("eni-1", 1, "set-1"), eni("eni-2", 2, "set-2", "10.0.1.10")
		if _, err := b.Apply([]hoststate.Unit{to, from}, nil); err != nil {
			t.Error(err)
		}
		kernel, err := b.read()
		if got := kernel[addressKey(vniA, netip.MustParseAddr("10.0.1.10"))]; err != nil || got.(bpfAddress).Interface != handle("eni-2") {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

func TestAfterAFailureTheNextApplyIsTheRecovery(t *testing.T) {
	b := newWorld(t)
	good := b.objs.Addresses
	broken, err := good.Clone()
	if err != nil {
		t.Fatal(err)
	}
	broken.Close()
	b.objs.Addresses = broken
	next := world()
	next = append(next, eni("eni-new", 9, "set-1", "10.0.1.90"))
	if _, err := b.Apply(next, nil); err == nil {
		t.Error("a write failed unnoticed")
	}
	if err := b.objs.Interfaces.Lookup(bpfInterfaceKey{Id: handle("eni-new")}, new(bpfInterface)); err == nil {
		t.Error("it grew although it had not shrunk")
	}
	b.objs.Addresses = good
	if n, err := b.Apply(nil, nil); n == 0 || err != nil {
		t.Errorf("recovery: %d writes, %v", n, err)
	}
	kernel, err := b.read()
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(b.imageOf(next), kernel); d != "" {
		t.Errorf("the kernel holds something else (-want +got):\n%s", d)
	}
}

func TestListsThatNothingLeadsToAreRemoved(t *testing.T) {
	b := newWorld(t)
	b.must(b.objs.Rules.Put(bpfChunkKey{List: 1, Index: 1}, bpfChunk{})) // as an agent leaves them that dies between two writes
	b.must(b.objs.Routes.Put(bpfRouteKey{List: 1, Prefixlen: 128}, bpfRoute{}))
	b.must(b.objs.Groupsets.Put(bpfGroupsetKey{Id: handle("set-1")}, bpfGroupset{List: 1}))
	b.must(b.objs.Tables.Put(bpfTableKey{Id: handle("rtb-a")}, bpfTable{List: 1}))
	if _, err := b.ApplyFull(world()); err != nil {
		t.Fatal(err)
	}
	kernel, err := b.read()
	if d := diff(b.imageOf(world()), kernel); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	lists := map[uint64]bool{}
	b.must(readMap(b.objs.Rules, func(k bpfChunkKey, _ bpfChunk) { lists[k.List] = true }))
	if want := 4; len(lists) != want {
		t.Errorf("%d lists of rules are left, want %d", len(lists), want)
	}
	clear(lists)
	b.must(readMap(b.objs.Routes, func(k bpfRouteKey, _ bpfRoute) { lists[k.List] = true }))
	if want := 2; len(lists) != want {
		t.Errorf("%d lists of routes are left, want %d", len(lists), want)
	}
}

func TestPortsThatCannotBe(t *testing.T) {
	b := newBench(t, "a", "b")
	good := Port{Name: "a", Kind: PortDoor, Network: vniA, Ifindex: b.index["a"]}
	for what, spoil := range map[string]func(p *Port){
		"without a name":        func(p *Port) { p.Name = "" },
		"named like a path":     func(p *Port) { p.Name = "../a" },
		"without a link":        func(p *Port) { p.Ifindex = 0 },
		"with a link not there": func(p *Port) { p.Ifindex = 1 << 20 },
		"of no kind":            func(p *Port) { p.Kind = 0 },
		"of no interface":       func(p *Port) { p.Kind = PortInterface },
	} {
		p := good
		spoil(&p)
		b.do(func() {
			if err := b.Attach(p); err == nil {
				t.Errorf("%s: attached", what)
			}
		})
	}
	b.do(func() {
		b.must(b.Attach(good))
		second := good
		second.Name = "b"
		b.must(b.Attach(second)) // the number of a link that is gone comes again
	})
	if got := b.Ports(); !slices.Equal(got, []string{"b"}) {
		t.Errorf("got ports %v, want b alone", got)
	}
}

func TestAPortIsAttachedOnceAndForAll(t *testing.T) {
	b := newWorld(t)
	eni := Port{Name: "eni-1", Kind: PortInterface, Network: vniA, Interface: "eni-1", Ifindex: b.index["eni-1"]}
	want := func(what string, p Port, want bool) {
		t.Helper()
		if got := b.Attached(p); got != want {
			t.Errorf("%s: attached %v, want %v", what, got, want)
		}
	}
	want("an interface's", eni, true)
	b.open(Options{})
	want("before the next agent has its units", eni, false) // it may have to write something
	if _, err := b.ApplyFull(world()); err != nil {
		t.Fatal(err)
	}
	want("after that", eni, true)
	for what, spoil := range map[string]func(p *Port){
		"of another interface": func(p *Port) { p.Interface = "eni-2" },
		"of another link":      func(p *Port) { p.Ifindex = b.index["eni-2"] },
		"of another network":   func(p *Port) { p.Network = vniB },
		"by another name":      func(p *Port) { p.Name = "other" },
	} {
		other := eni
		spoil(&other)
		want(what, other, false)
	}
	b.must(b.Detach("eni-1"))
	want("once it is detached", eni, false)
}

func TestTheNextAgentTakesOver(t *testing.T) {
	b := newWorld(t)
	p := tcpPair("eni-1", "eni-2", "10.0.1.10", "10.0.1.20", 2000, 80)
	b.sub(t, "before", func(t *testing.T) { b.steps(p.open("to eni-2", "to eni-1")...) })
	ports := b.Ports()
	b.open(Options{})
	if got := b.Ports(); !slices.Equal(got, ports) {
		t.Errorf("it finds the ports %v, want %v", got, ports)
	}
	b.do(func() {
		if verdict, _ := b.run("eni-1", p.there.bytes()); verdict != 7 {
			t.Error("packets stop before it has units")
		}
	})
	b.apply(world()[0]) // a first delta that is not whole takes nothing away
	b.do(func() {
		if verdict, _ := b.run("eni-1", p.there.bytes()); verdict != 7 {
			t.Error("packets stop before it has all units")
		}
	})
	if err := b.Detach("eni-2"); err != nil {
		t.Error(err)
	}
	next := slices.DeleteFunc(world(), func(u hoststate.Unit) bool { return u.Key().ID == "eni-b" })
	if _, err := b.ApplyFull(next); err != nil {
		t.Error(err)
	}
	b.sub(t, "after", func(t *testing.T) {
		b.steps(
			p.send(ack, "drop: not on this host"),
			step{"eni-b", to(from("eni-b", "10.0.1.10"), "10.0.0.2", 53), "drop: unknown port"},
		)
	})
}

func TestAnotherLayoutTakesOverWhenItsMapsAreFull(t *testing.T) {
	b := newWorld(t)
	var pairs []pair
	for port := range uint16(30) { // more than the program is handed at once
		pairs = append(pairs, tcpPair("eni-1", "eni-2", "10.0.1.10", "10.0.1.20", 2000+port, 80))
	}
	b.sub(t, "before", func(t *testing.T) {
		for _, p := range pairs {
			b.steps(p.open("to eni-2", "to eni-1")...)
		}
	})
	b.open(Options{Flows: 1000}) // another size is another layout
	if n := b.layouts(); n != 2 {
		t.Errorf("%d layouts are pinned, want the old and the new", n)
	}
	b.attach(worldPorts()[:3]...)
	if len(b.moves) != len(worldPorts()) {
		t.Error("links were switched before the maps were filled")
	}
	if _, err := b.ApplyFull(world()); err != nil {
		t.Error(err)
	}
	b.attach(worldPorts()...)
	if _, err := b.ApplyFull(world()); err != nil {
		t.Error(err)
	}
	if n := b.layouts(); n != 1 || len(b.moves) != 0 {
		t.Errorf("%d layouts are pinned, want one", n)
	}
	b.sub(t, "connections go on", func(t *testing.T) {
		for _, p := range pairs {
			b.steps(p.send(ack, "to eni-2"), p.reply(ack, "to eni-1"))
		}
	})
	b.open(Options{Flows: 1000})
	if got := b.Ports(); len(got) != len(worldPorts()) {
		t.Errorf("the one after it finds the ports %v", got)
	}
}

// layouts is how many layouts are pinned.
func (b *bench) layouts() int {
	b.t.Helper()
	entries, err := os.ReadDir(b.pins)
	b.must(err)
	return len(slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !e.IsDir() }))
}
