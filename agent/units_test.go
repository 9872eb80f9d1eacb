// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"net/netip"

	"enishi.dev/enishi/hoststate"
)

const ownerUID = 4321

func addrs(list ...string) (as []netip.Addr) {
	for _, s := range list {
		as = append(as, netip.MustParseAddr(s))
	}
	return as
}

// testNetwork is a network in which everybody may talk with everybody.
func testNetwork(id string, vni uint32) []hoststate.Unit {
	prefixes := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("fd00:a::/56")}
	var all []hoststate.Rule
	for i, p := range []string{"0.0.0.0/0", "::/0"} {
		all = append(all, hoststate.Rule{ID: fmt.Sprintf("sgr-%d", i), Protocol: -1, From: -1, To: -1, Prefix: netip.MustParsePrefix(p)})
	}
	routes := &hoststate.RouteTable{ID: "rtb-" + id, Number: vni, Network: id}
	for _, p := range prefixes {
		routes.Routes = append(routes.Routes, hoststate.Route{Prefix: p, Target: hoststate.RouteLocal})
	}
	return []hoststate.Unit{
		&hoststate.Network{ID: id, VNI: vni, Prefixes: prefixes, Resolver: addrs("10.0.0.2", "169.254.169.253")},
		&hoststate.GroupSet{ID: "open-" + id, Groups: []uint32{vni}, Ingress: all, Egress: all},
		routes,
	}
}

// testInstance is an instance with one interface.
func testInstance(id, network string, vni, number uint32, ips ...string) (*hoststate.Instance, *hoststate.Interface) {
	eni := &hoststate.Interface{
		ID: fmt.Sprintf("eni-%d", number), Number: number, Network: network, VNI: vni, MAC: hoststate.MAC{2, 0, 0, 0, 1, byte(number)},
		Addresses: addrs(ips...), Subnet: []netip.Prefix{netip.MustParsePrefix("10.0.1.0/24"), netip.MustParsePrefix("fd00:a::/64")},
		GroupSet: "open-" + network, RouteTable: "rtb-" + network, Host: hostName, Instance: id,
	}
	return &hoststate.Instance{
		ID: id, Network: network, Host: hostName, Region: "ap-northeast-1", Hostname: "host-" + id,
		Interfaces: []string{eni.ID}, Resolver: addrs("10.0.0.2"), Domain: "ap-northeast-1.compute.internal", Running: true,
	}, eni
}

// units lists units of different types.
func units(us ...hoststate.Unit) []hoststate.Unit { return us }
