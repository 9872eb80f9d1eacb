// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"fmt"
	"net/netip"

	"pgregory.net/rapid"

	"enishi.dev/enishi/hoststate"
)

// Small worlds of one network, in which everything meets everything: three
// interfaces with ports, an endpoint, three group sets, two route tables.
var (
	smallAddrs    = addrs("10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "fd00::4", "fd00::5")
	smallPrefixes = []string{"0.0.0.0/0", "10.0.0.0/24", "10.0.0.4/31", "10.0.0.5/32", "10.0.0.6/31", "20.0.0.0/8", "20.1.0.0/16", "::/0", "fd00::/64", "fd00::5/128"}
	smallPorts    = []string{"eni-0", "eni-1", "eni-2"}
)

func smallWorld(t *rapid.T, label string) []hoststate.Unit {
	coin := rapid.Bool()
	pick := func(name string, n int) int { return rapid.IntRange(0, n-1).Draw(t, label+" "+name) }
	prefix := func(name string) netip.Prefix {
		return netip.MustParsePrefix(smallPrefixes[pick(name, len(smallPrefixes))])
	}
	rules := func(name string) (rs []hoststate.Rule) {
		for i := range pick(name+" rules", 3) {
			r := hoststate.Rule{ID: fmt.Sprintf("sgr-%s-%d", name, i), Protocol: 6, From: 80, To: 80 + pick("to", 2)}
			if coin.Draw(t, "by group") {
				r.Group = uint32(1 + pick("group", 3))
			} else {
				r.Prefix = prefix("rule")
			}
			rs = append(rs, r)
		}
		return rs
	}
	units := []hoststate.Unit{&hoststate.Network{ID: "vpc", VNI: vniA, Resolver: smallAddrs[3:4]}}
	for i := range 3 {
		name := fmt.Sprintf("set-%d", i)
		if coin.Draw(t, label+" "+name) {
			units = append(units, &hoststate.GroupSet{ID: name, Groups: []uint32{uint32(1 + pick("member", 3))}, Ingress: rules("in"), Egress: rules("out")})
		}
	}
	for i := range 2 {
		rt := &hoststate.RouteTable{ID: fmt.Sprintf("rtb-%d", i), Network: "vpc"}
		seen := map[netip.Prefix]bool{}
		for range pick("routes", 4) {
			r := hoststate.Route{Prefix: prefix("route"), Target: hoststate.RouteInterface, Interface: smallPorts[pick("via", 3)]}
			if pick("target", 4) == 0 {
				r.Target, r.Interface = hoststate.RouteBlackhole, ""
			}
			if !seen[r.Prefix] {
				rt.Routes = append(rt.Routes, r)
			}
			seen[r.Prefix] = true
		}
		units = append(units, rt)
	}
	owner := map[netip.Addr]int{}
	for _, a := range smallAddrs {
		owner[a] = pick("owner of "+a.String(), 6)
	}
	delete(owner, smallAddrs[3])
	for i, id := range append(smallPorts, "eni-e") {
		if pick(id+" exists", 5) == 0 {
			continue
		}
		e := eni(id, byte(i+1), fmt.Sprintf("set-%d", pick("set", 3)))
		e.RouteTable, e.AnySource = fmt.Sprintf("rtb-%d", pick("table", 2)), coin.Draw(t, "any source")
		for _, a := range smallAddrs {
			if o, held := owner[a]; held && o == i {
				e.Addresses = append(e.Addresses, a)
			}
		}
		switch {
		case id == "eni-e":
			e.Endpoint, e.AnySource = "vpce", false
		case pick("host", 4) == 0:
			e.Tunnel = netip.AddrFrom4([4]byte{192, 0, 2, byte(2 + pick("which", 2))})
		}
		units = append(units, e)
	}
	if coin.Draw(t, label+" endpoint") {
		units = append(units, &hoststate.Endpoint{ID: "vpce", VNI: vniA, Ports: []uint16{80}, Closing: coin.Draw(t, "closing")})
	}
	return units
}
