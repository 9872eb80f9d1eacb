// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/bits"
	"slices"

	"enishi.dev/enishi/hoststate"
)

// fixedBits is what a route's key has in front of its address (ROUTE_FIXED_BITS).
const fixedBits = 96

// routes is a route table in the program's words, broadest prefix first. The
// keys' List is 0: it is made when the table is written.
type routes []route

type route struct {
	key   bpfRouteKey
	value bpfRoute
}

func checkRoutes(t *hoststate.RouteTable) error {
	seen := map[string]bool{}
	for _, r := range t.Routes {
		if !r.Prefix.IsValid() || r.Prefix.Addr().Is4In6() {
			return fmt.Errorf("route %q is not to a prefix", r.Prefix)
		}
		if p := r.Prefix.Masked().String(); seen[p] {
			return fmt.Errorf("two routes to %s", p)
		} else {
			seen[p] = true
		}
		if target(r.Target) == bpfRouteTargetROUTE_NONE {
			return fmt.Errorf("route to %s: target %q is not known", r.Prefix, r.Target)
		}
	}
	return nil
}

func compileRoutes(t *hoststate.RouteTable) routes {
	var rs routes
	for _, r := range t.Routes {
		p := r.Prefix.Masked()
		k := bpfRouteKey{Prefixlen: uint32(fixedBits + p.Bits()), Family: family(p.Addr())}
		copy(k.Ip[:], p.Addr().AsSlice())
		v := bpfRoute{Target: uint32(target(r.Target))}
		if r.Target == hoststate.RouteInterface {
			v.Interface = handle(r.Interface)
		}
		rs = append(rs, route{k, v})
	}
	rs.sort()
	return rs
}

func target(t hoststate.RouteTarget) bpfRouteTarget {
	switch t {
	case hoststate.RouteLocal:
		return bpfRouteTargetROUTE_LOCAL
	case hoststate.RouteInterface:
		return bpfRouteTargetROUTE_INTERFACE
	case hoststate.RouteBlackhole:
		return bpfRouteTargetROUTE_BLACKHOLE
	case hoststate.RouteInternet:
		return bpfRouteTargetROUTE_INTERNET
	}
	return bpfRouteTargetROUTE_NONE
}

func (rs routes) sort() {
	slices.SortFunc(rs, func(a, b route) int {
		return cmp.Or(cmp.Compare(a.key.Prefixlen, b.key.Prefixlen), cmp.Compare(a.key.Family, b.key.Family), bytes.Compare(a.key.Ip[:], b.key.Ip[:]))
	})
}

// list names the routes of table: another content has another name.
func (rs routes) list(table uint64) uint64 {
	h := fnv.New64a()
	binary.Write(h, binary.NativeEndian, table)
	for _, r := range rs {
		binary.Write(h, binary.NativeEndian, r.key)
		binary.Write(h, binary.NativeEndian, r.value)
	}
	return h.Sum64()
}

// longest returns what rs says of k's whole range: the value of the longest prefix
// that contains it.
func (rs routes) longest(k bpfRouteKey) (bpfRoute, bool) {
	for _, r := range slices.Backward(rs) {
		if contains(r.key, k) {
			return r.value, true
		}
	}
	return bpfRoute{}, false
}

func contains(outer, inner bpfRouteKey) bool {
	if outer.Family != inner.Family || outer.Prefixlen > inner.Prefixlen {
		return false
	}
	common := 0
	for i := range outer.Ip {
		if x := outer.Ip[i] ^ inner.Ip[i]; x != 0 {
			common += bits.LeadingZeros8(x)
			break
		}
		common += 8
	}
	return common >= int(outer.Prefixlen)-fixedBits
}

// meet leads only where both tables lead; where they differ, nowhere.
func (rs routes) meet(o routes) routes {
	all := map[bpfRouteKey]bool{}
	for _, r := range slices.Concat(rs, o) {
		all[r.key] = true
	}
	var m routes
	for k := range all {
		a, inA := rs.longest(k)
		b, inB := o.longest(k)
		v := bpfRoute{Target: uint32(bpfRouteTargetROUTE_BLACKHOLE)}
		if inA && inB && a == b {
			v = a
		}
		m = append(m, route{k, v})
	}
	m.sort()
	return m
}
