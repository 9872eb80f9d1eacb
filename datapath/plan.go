// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"cmp"
	"slices"
)

// write is one change of the kernel: key had the value old and gets the value new;
// nil is absence. Writes that grow rely on those before that shrank.
type write struct {
	key, old, new any
	grow          bool
}

// plan lists the writes that turn have into want. After any number of them, every
// packet is dropped, or goes where have sends it, or where want does.
//
// It first shrinks to what both allow (see meet), then grows to what is wanted.
// That is enough, because every decision of the program is monotone: with less in
// the maps packets are dropped, never sent elsewhere. While it shrinks, the maps
// hold at every key either have's value or less; while it grows, want's or less.
//
// A single change needs no detour: its one write is atomic. idle says of a list
// that is absent on one side that nothing leads to it there, so that its coming or
// going is no change for packets.
func plan(have, want image, idle func(key any) bool) []write {
	var changed []any
	visible := 0
	for _, k := range union(have, want) {
		if same(have[k], want[k]) {
			continue
		}
		changed = append(changed, k)
		if !(have[k] == nil || want[k] == nil) || !isList(k) || !idle(k) {
			visible++
		}
	}
	if visible <= 1 {
		return direct(have, want, changed)
	}
	var shrink, grow []write
	for _, k := range changed {
		m := meet(k, have[k], want[k])
		if !same(have[k], m) {
			shrink = append(shrink, write{key: k, old: have[k], new: m})
		}
		if !same(m, want[k]) {
			grow = append(grow, write{k, m, want[k], true})
		}
	}
	slices.Reverse(shrink)
	return append(shrink, grow...)
}

// direct is the plan for one change that packets see, with the lists that come
// into use by it first, and those that go out of use last.
func direct(have, want image, changed []any) []write {
	var first, rest, last []write
	for _, k := range changed {
		w := write{k, have[k], want[k], true}
		switch {
		case isList(k) && have[k] == nil:
			first = append(first, w)
		case isList(k) && want[k] == nil:
			last = append(last, w)
		default:
			rest = append(rest, w)
		}
	}
	return slices.Concat(first, rest, last)
}

// meet is the largest value that allows nothing which one of have and want would
// not, or would lead elsewhere.
func meet(key, have, want any) any {
	if same(have, want) {
		return want
	}
	if _, ok := key.(bpfAddressKey); ok {
		return bpfAddress{} // nobody's: not even the route table is asked
	}
	if have == nil || want == nil {
		return nil
	}
	switch h := have.(type) {
	case ruleset:
		return h.meet(want.(ruleset))
	case routes:
		return h.meet(want.(routes))
	case bpfListener:
		return bpfListener{State: uint32(bpfListenerStateLISTENER_CLOSING)}
	case bpfInterface:
		return meetInterface(h, want.(bpfInterface))
	case bpfNetwork:
		return meetNetwork(h, want.(bpfNetwork))
	}
	return nil // ports and numbers: their packets wait
}

func meetNetwork(h, w bpfNetwork) any {
	var m bpfNetwork
	if h.Door == w.Door {
		m.Door = w.Door
	}
	if h.Tunnel == w.Tunnel {
		m.Tunnel = w.Tunnel
	}
	return m
}

func meetInterface(h, w bpfInterface) any {
	if h.Vni != w.Vni || h.Endpoint != w.Endpoint {
		return nil
	}
	m := w
	if h.Ifindex != w.Ifindex {
		m.Ifindex = 0
	}
	if h.Tunnel != w.Tunnel {
		m.Tunnel = 0
	}
	if h.Groupset != w.Groupset {
		m.Groupset = 0
	}
	if h.Table != w.Table {
		m.Table = 0
	}
	m.Flags = h.Flags & w.Flags
	return m
}

func isList(key any) bool {
	switch key.(type) {
	case bpfGroupsetKey, bpfTableKey:
		return true
	}
	return false
}

// rank orders keys so that what is led to is there before what leads to it.
func rank(key any) int {
	switch key.(type) {
	case bpfGroupsetKey:
		return 0
	case bpfTableKey:
		return 1
	case bpfInterfaceKey:
		return 2
	case bpfListenerKey:
		return 3
	case bpfNetworkKey:
		return 4
	case bpfAddressKey, bpfNumberKey:
		return 5
	}
	return 6
}

// union returns the keys of both by rank.
func union(a, b image) []any {
	keys := make([]any, 0, max(len(a), len(b)))
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, both := a[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(x, y any) int { return cmp.Compare(rank(x), rank(y)) })
	return keys
}
