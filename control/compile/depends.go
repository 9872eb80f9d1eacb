// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"slices"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// changed has everything made again that hangs on the row.
func (u *update) changed(ref store.Ref) {
	switch ref.Kind {
	case store.KindVPC:
		u.network(vpc.VPCID(ref.ID))
	case store.KindSubnet:
		u.subnet(vpc.SubnetID(ref.ID))
	case store.KindRouteTable:
		u.routeTable(ref.ID)
	case store.KindSecurityGroup:
		u.group(vpc.SecurityGroupID(ref.ID))
	case store.KindENI:
		u.eni(ref.ID)
	case store.KindEndpoint:
		u.endpoint(ref.ID)
	case store.KindInstance:
		u.instance(ref.ID)
	case store.KindGateway:
		u.gateway(ref.ID)
	case store.KindHost:
		u.host(ref.ID)
	}
}

// everything takes up the whole model, and whatever is held that it does not have.
func (u *update) everything() {
	for i := range u.w.Instances.All() {
		u.instance(string(i.ID))
	}
	for _, id := range slices.Collect(keysOf(u.members.places)) {
		u.instance(string(id))
	}
	u.settle()
	for e := range u.w.Endpoints.All() {
		u.endpoint(string(e.ID))
	}
	for v := range u.w.VPCs.All() {
		u.network(v.ID)
	}
	for g := range u.w.Gateways.All() {
		u.gateway(string(g.ID))
	}
	for k, unit := range u.have {
		if k.Kind != hoststate.KindName && !isPublic(unit) { // those hang on networks and rows
			u.dirty(k.Kind, k.ID)
		}
	}
}

func keysOf[K comparable, V any](m map[K]V) func(yield func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// network takes up a network with all that is in it. It happens when the VPC
// itself changes, or when the host begins or ceases to take part.
func (u *update) network(id vpc.VPCID) {
	if u.whole[id] {
		return
	}
	u.whole[id] = true
	u.dirty(hoststate.KindNetwork, string(id))
	for t := range u.w.RouteTables.By("vpc", string(id)) {
		u.dirty(hoststate.KindRouteTable, string(t.ID))
	}
	for n := range u.w.Subnets.By("vpc", string(id)) {
		u.tables[n.ID] = u.w.tableOf(n)
	}
	for e := range u.w.ENIs.By("vpc", string(id)) {
		u.dirty(hoststate.KindInterface, string(e.ID))
		u.nameHost(string(e.ID))
	}
	for e := range u.w.Endpoints.By("vpc", string(id)) {
		u.dirty(hoststate.KindEndpoint, string(e.ID))
		u.rename(string(e.ID), u.w.names(e))
	}
	for i := range u.w.Instances.By("vpc", string(id)) {
		u.instanceUnits(string(i.ID))
	}
	if _, ok := u.w.VPCs.Get(string(id)); ok {
		return
	}
	for k, unit := range u.have { // what is left of a VPC that is gone
		switch unit := unit.(type) {
		case *hoststate.RouteTable:
			if unit.Network == string(id) {
				u.dirty(k.Kind, k.ID)
			}
		case *hoststate.Interface:
			if unit.Network == string(id) {
				u.dirty(k.Kind, k.ID)
			}
		}
	}
}

// subnet: its range and table are in its interfaces.
func (u *update) subnet(id vpc.SubnetID) {
	for e := range u.w.ENIs.By("subnet", string(id)) {
		u.dirty(hoststate.KindInterface, string(e.ID))
	}
	if n, ok := u.w.Subnets.Get(string(id)); ok {
		u.tables[id] = u.w.tableOf(n)
	} else {
		delete(u.tables, id)
	}
}

// routeTable: which subnets it is for may have changed with it.
func (u *update) routeTable(id string) {
	u.dirty(hoststate.KindRouteTable, id)
	t, ok := u.w.RouteTables.Get(id)
	if !ok {
		return // one that is deleted had no subnets
	}
	for n := range u.w.Subnets.By("vpc", string(t.VPC)) {
		if now := u.w.tableOf(n); now != u.tables[n.ID] {
			u.subnet(n.ID)
		}
	}
}

// group: it is in sets, and other groups' rules may name it.
func (u *update) group(id vpc.SecurityGroupID) {
	for set := range u.sets[id] {
		u.dirty(hoststate.KindGroupSet, set)
	}
	for g := range u.w.SecurityGroups.By("group", string(id)) {
		for set := range u.sets[g.ID] {
			u.dirty(hoststate.KindGroupSet, set)
		}
	}
}

// eni: its endpoint has its addresses, and routes may lead to it.
func (u *update) eni(id string) {
	u.dirty(hoststate.KindInterface, id)
	u.nameHost(id)
	for table := range u.routed[id] { // led here until now
		u.dirty(hoststate.KindRouteTable, table)
	}
	e, ok := u.w.ENIs.Get(id)
	if !ok {
		return
	}
	if e.Endpoint != "" {
		u.endpoint(string(e.Endpoint))
		return
	}
	if e.Attachment != nil && e.Attachment.Instance != "" {
		u.instanceUnits(string(e.Attachment.Instance))
	}
	for t := range u.w.RouteTables.By("vpc", string(e.VPC)) {
		if slices.ContainsFunc(t.Routes, func(r vpc.Route) bool {
			return r.ENI == e.ID || r.Instance != "" && e.Attachment != nil && r.Instance == e.Attachment.Instance
		}) {
			u.dirty(hoststate.KindRouteTable, string(t.ID))
		}
	}
}

// nameHost has the names of an interface's public address be those it has.
func (u *update) nameHost(id string) {
	e, ok := u.w.ENIs.Get(id)
	if of := "interface " + id; u.named[of] != nil || ok && e.Public.IsValid() {
		u.rename(of, u.w.hostNames(e))
	}
}

// endpoint: the host may take part in its network because of it.
func (u *update) endpoint(id string) {
	u.dirty(hoststate.KindEndpoint, id)
	e, ok := u.w.Endpoints.Get(id)
	if !ok {
		u.rename(id, nil)
		u.joined(u.homes[id])
		delete(u.homes, id)
		return
	}
	u.homes[id] = e.VPC
	u.joined(e.VPC)
	u.rename(id, u.w.names(e))
}

// settle takes up the networks in which hosts have begun or ceased to take part. In
// between, when one instance is gone and the next has not come, nothing may be judged.
func (u *update) settle() {
	for _, v := range u.moved {
		u.joined(v)
	}
	u.moved = nil
}

// joined takes the network up as a whole if the host has begun, or ceased, to
// take part in it.
func (u *update) joined(id vpc.VPCID) {
	if (u.have[hoststate.Key{Kind: hoststate.KindNetwork, ID: string(id)}] != nil) != u.w.takesPart(id) {
		u.network(id)
	}
}

// instance: with it hosts take part in its network, or cease to. Which do is known once
// all instances of the step have been met: see settle.
func (u *update) instance(id string) {
	u.instanceUnits(id)
	i, ok := u.w.Instances.Get(id)
	ok = ok && i.Status.Gone.IsZero()
	u.moved = append(u.moved, u.members.put(vpc.InstanceID(id), place{i.VPC, i.Host}, ok)...)
	for _, eni := range i.ENIs {
		u.dirty(hoststate.KindInterface, string(eni))
	}
}

// host: where its interfaces are reached may have changed.
func (u *update) host(name string) {
	for i := range u.w.Instances.By("host", name) {
		for _, eni := range i.ENIs {
			u.dirty(hoststate.KindInterface, string(eni))
		}
	}
}

// instanceUnits: what an instance is, and what it is told of itself.
func (u *update) instanceUnits(id string) {
	u.dirty(hoststate.KindInstance, id)
	u.dirty(hoststate.KindMetadata, id)
}
