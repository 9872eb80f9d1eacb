// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"

	"enishi.dev/enishi/hoststate"
)

// generator makes random worlds of two networks, and packets in them.
type generator struct {
	*rand.Rand
	sport uint16 // of the packet before: no two are of one connection
}

var somePrefixes = []string{
	"0.0.0.0/0", "10.0.0.0/16", "10.0.0.0/24", "10.0.0.4/30", "10.0.0.5/32", "172.16.0.0/12", "172.16.1.0/24",
	"::/0", "fd00:a::/56", "fd00:a::4/126", "fd00:a::5/128", "2001:db8::/32",
}

func (g *generator) one(list []string) string { return list[g.IntN(len(list))] }

func (g *generator) prefix() netip.Prefix { return netip.MustParsePrefix(g.one(somePrefixes)) }

// address is one of few, so that packets meet somebody.
func (g *generator) address(six bool) netip.Addr {
	list := []string{"10.0.0.2", "10.0.1.99", "172.16.1.1", "172.31.0.1", "192.0.2.1", "169.254.7.7", "169.254.169.254", "198.18.1.7"}
	if six {
		list = []string{"fd00:a::99", "2001:db8::1", "fd00:ec2::253", "2600::1", "fe80::7", "fd00:ec2::254"}
	}
	if g.IntN(6) > 0 {
		list = nil
		for i := 4; i < 10; i++ {
			if six {
				list = append(list, fmt.Sprintf("fd00:a::%x", i))
			} else {
				list = append(list, fmt.Sprintf("10.0.0.%d", i))
			}
		}
	}
	return netip.MustParseAddr(g.one(list))
}

func (g *generator) rules(n int) (rs []hoststate.Rule) {
	for i := range g.IntN(n) {
		r := hoststate.Rule{ID: fmt.Sprint("sgr-", i), Protocol: []int{-1, 6, 6, 17, 1, 58, 47}[g.IntN(7)], From: -1, To: -1}
		switch {
		case (r.Protocol == 6 || r.Protocol == 17) && g.IntN(4) > 0:
			r.From = []int{0, 53, 80, 443}[g.IntN(4)]
			r.To = r.From + []int{0, 1, 1000, 60000}[g.IntN(4)]
		case (r.Protocol == 1 || r.Protocol == 58) && g.IntN(2) > 0:
			r.From, r.To = []int{8, 128, 3}[g.IntN(3)], g.IntN(2)-1
		}
		if g.IntN(3) == 0 {
			r.Group = uint32(1 + g.IntN(5))
		} else {
			r.Prefix = g.prefix()
		}
		rs = append(rs, r)
	}
	if g.IntN(3) > 0 {
		rs = append(rs, prefixRule("sgr-all4", -1, -1, -1, "0.0.0.0/0"), prefixRule("sgr-all6", -1, -1, -1, "::/0"))
	}
	return rs
}

func (g *generator) world(ports []string) []hoststate.Unit {
	units := []hoststate.Unit{&hoststate.Endpoint{ID: "public", Addresses: addrs("198.18.1.7", "10.0.1.99"), Ports: []uint16{443}}}
	for i, id := range []string{"vpc-a", "vpc-b"} {
		units = append(units, &hoststate.Network{ID: id, VNI: uint32(vniA + i), Resolver: addrs("10.0.0.2", "fd00:ec2::253")[:1+g.IntN(2)], Metadata: addrs("169.254.169.254", "fd00:ec2::254")[:g.IntN(3)]})
	}
	for i := range 4 {
		set := &hoststate.GroupSet{ID: fmt.Sprint("set-", i), Ingress: g.rules(30), Egress: g.rules(20)}
		for n := range uint32(5) {
			if g.IntN(3) == 0 {
				set.Groups = append(set.Groups, n+1)
			}
		}
		units = append(units, set)
	}
	for i := range 3 {
		t := &hoststate.RouteTable{ID: fmt.Sprint("rtb-", i)}
		for _, p := range somePrefixes {
			r := hoststate.Route{Prefix: netip.MustParsePrefix(p), Target: []hoststate.RouteTarget{
				hoststate.RouteLocal, hoststate.RouteBlackhole, hoststate.RouteInterface, hoststate.RouteInterface, hoststate.RouteInternet,
			}[g.IntN(5)]}
			if r.Target == hoststate.RouteInterface {
				r.Interface = g.one(append(ports, "eni-e", "eni-far", "eni-gone"))
			}
			if g.IntN(3) > 0 {
				t.Routes = append(t.Routes, r)
			}
		}
		units = append(units, t)
	}
	return append(units, g.interfaces(ports)...)
}

func (g *generator) interfaces(ports []string) []hoststate.Unit {
	var units []hoststate.Unit
	taken := map[uint32][]netip.Addr{}
	for i, id := range append(slices.Clone(ports), "eni-e", "eni-f", "eni-far") {
		e := eni(id, byte(i+1), fmt.Sprint("set-", g.IntN(5)))
		e.VNI, e.RouteTable, e.AnySource = uint32(vniA+i%2), fmt.Sprint("rtb-", g.IntN(4)), g.IntN(3) == 0
		for range 6 {
			a := g.address(g.IntN(2) == 0)
			if !slices.Contains(taken[e.VNI], a) && !reserved(a) && a.String() != "10.0.0.2" {
				e.Addresses = append(e.Addresses, a)
				taken[e.VNI] = append(taken[e.VNI], a)
			}
		}
		if len(e.Addresses) > 0 && g.IntN(2) == 0 {
			e.Public = netip.MustParseAddr("198.19.0.1")
		}
		if id == "eni-e" || id == "eni-f" {
			e.Endpoint, e.AnySource = "vpce"+id[3:], false
			units = append(units, &hoststate.Endpoint{ID: e.Endpoint, VNI: e.VNI, Ports: []uint16{443, 80}[:1+g.IntN(2)], Closing: g.IntN(4) == 0})
		}
		units = append(units, e)
	}
	return units
}

// packet is the first one of a connection that from has not had before.
func (g *generator) packet(from *hoststate.Interface) frame {
	f := frame{mac: from.MAC, src: from.Addresses[g.IntN(len(from.Addresses))], flags: syn}
	if g.IntN(20) == 0 {
		f.src = g.address(f.src.Is6())
	}
	f.dst = g.address(f.src.Is6())
	g.sport++
	f.sport = g.sport
	f.dport = []uint16{53, 54, 80, 443, 444, 8080}[g.IntN(6)]
	switch g.IntN(24) {
	case 0, 1, 2, 3, 4, 5:
		f.protocol = 17
	case 6, 7, 8, 9:
		f.protocol, f.dport = 1, 8<<8
		if f.src.Is6() {
			f.protocol, f.dport = 58, 128<<8
		}
	case 10:
		f.protocol, f.dport, f.payload = 47, 0, 8
	}
	return f
}
