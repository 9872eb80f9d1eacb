// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"net/netip"

	"enishi.dev/enishi/aws/region"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/vpc"
)

// publicServices are the services of a region where everybody reaches them who has a
// way out of his network. Their ids are their names.
func publicServices(name string) (all []*hoststate.Endpoint) {
	r, _ := region.Of(name)
	for _, n := range r.PublicNames() {
		all = append(all, &hoststate.Endpoint{
			ID: n.Name, Region: name, Service: n.Service, Names: []string{n.Name}, Addresses: []netip.Addr{n.Address},
			Ports: endpointPorts, Generation: 1,
		})
	}
	return all
}

// isPublic says whether the unit is one of publicServices.
func isPublic(unit hoststate.Unit) bool {
	e, ok := unit.(*hoststate.Endpoint)
	return ok && e.Network == ""
}

// countWay has the public services of a region while a network with a way to them is here.
func (u *update) countWay(unit hoststate.Unit, by int) {
	n, _ := unit.(*hoststate.Network)
	if n == nil || n.Gateway == "" {
		return
	}
	has, changed := tally(u.ways, n.Region, by)
	if !changed {
		return
	}
	for _, e := range publicServices(n.Region) {
		if has {
			u.place(e.Key(), e)
		} else {
			u.place(e.Key(), nil)
		}
	}
}

// gateway: it leads out of the VPC that it is attached to, and out of none before.
func (u *update) gateway(id string) {
	before := u.attached[id]
	g, _ := u.w.Gateways.Get(id)
	delete(u.attached, id)
	if g.VPC != "" {
		u.attached[id] = g.VPC
	}
	for _, v := range []vpc.VPCID{before, g.VPC} {
		if v == "" {
			continue
		}
		u.dirty(hoststate.KindNetwork, string(v))
		for t := range u.w.RouteTables.By("vpc", string(v)) {
			u.dirty(hoststate.KindRouteTable, string(t.ID))
		}
	}
}
