// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"net/netip"
	"slices"
	"strings"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/vpc"
)

// Where every network's resolver answers, besides base+2 (reference 5.5).
var (
	resolver4 = netip.MustParseAddr("169.254.169.253")
	resolver6 = netip.MustParseAddr("fd00:ec2::253")
)

func (w world) network(id string) *hoststate.Network {
	v, ok := w.VPCs.Get(id)
	if !ok || !w.takesPart(v.ID) {
		return nil
	}
	n := &hoststate.Network{ID: id, VNI: v.VNI, Account: v.Account, Region: v.Region, Prefixes: slices.Clone(v.CIDRs), Metadata: metadataAddresses}
	for g := range w.Gateways.By("vpc", id) {
		n.Gateway = string(g.ID)
	}
	if v.DNSSupport {
		n.Resolver = []netip.Addr{baseResolver(v), resolver4, resolver6}
		n.Domain = vpc.InternalDomain(v.Region)
	}
	return n
}

// baseResolver is the VPC's base address + 2.
func baseResolver(v vpc.VPC) netip.Addr { return v.CIDRs[0].Addr().Next().Next() }

func (w world) netInterface(id string) *hoststate.Interface {
	e, ok := w.ENIs.Get(id)
	if !ok || e.Withdrawn || !w.takesPart(e.VPC) {
		return nil
	}
	v, _ := w.VPCs.Get(string(e.VPC))
	n, _ := w.Subnets.Get(string(e.Subnet))
	i := &hoststate.Interface{
		ID: id, Number: e.Number, Network: string(e.VPC), VNI: v.VNI, Addresses: slices.Clone(e.Addresses),
		Subnet: []netip.Prefix{n.CIDR}, GroupSet: setID(e.Groups), RouteTable: string(w.tableOf(n)), AnySource: e.NoSourceCheck, Public: e.Public,
	}
	_ = i.MAC.UnmarshalText([]byte(e.MAC)) // we made it
	if e.Endpoint != "" {
		// While the endpoint goes, its address is answered until it is withdrawn.
		i.Endpoint = string(e.Endpoint)
		return i
	}
	if e.Attachment == nil || e.Attachment.Instance == "" {
		return nil
	}
	inst, ok := w.Instances.Get(string(e.Attachment.Instance))
	if !ok {
		return nil
	}
	i.Host, i.Instance, i.Device = inst.Host, string(inst.ID), e.Attachment.Device
	if inst.Host != w.f.Host {
		h, _ := w.Hosts.Get(inst.Host)
		i.Tunnel = h.Tunnel
	}
	return i
}

// tableOf is the route table of a subnet: its own, else the VPC's main one.
func (w world) tableOf(n vpc.Subnet) vpc.RouteTableID {
	for t := range w.RouteTables.By("vpc", string(n.VPC)) {
		for _, a := range t.Associations {
			if a.Subnet == n.ID {
				return t.ID
			}
		}
	}
	v, _ := w.VPCs.Get(string(n.VPC))
	return v.MainTable
}

// setID names a set of groups: their ids, ascending.
func setID(groups []vpc.SecurityGroupID) string {
	var names []string
	for _, g := range groups {
		names = append(names, string(g))
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}

func (w world) groupSet(id string) *hoststate.GroupSet {
	set := &hoststate.GroupSet{ID: id, Groups: []uint32{}, Ingress: []hoststate.Rule{}, Egress: []hoststate.Rule{}}
	for name := range strings.SplitSeq(id, ",") {
		g, ok := w.SecurityGroups.Get(name)
		if !ok {
			continue
		}
		set.Groups = append(set.Groups, g.Number)
		for _, r := range g.Rules {
			rule, ok := w.rule(r)
			switch {
			case !ok:
			case r.Egress:
				set.Egress = append(set.Egress, rule)
			default:
				set.Ingress = append(set.Ingress, rule)
			}
		}
	}
	slices.Sort(set.Groups)
	return set
}

// rule is r as hosts know it. One that names a group that is gone lets nobody in.
func (w world) rule(r vpc.Rule) (hoststate.Rule, bool) {
	out := hoststate.Rule{ID: string(r.ID), Protocol: r.Protocol, From: r.From, To: r.To, Prefix: r.CIDR}
	if r.Group == "" {
		return out, true
	}
	g, ok := w.SecurityGroups.Get(string(r.Group))
	out.Group = g.Number
	return out, ok
}

func (w world) routeTable(id string) *hoststate.RouteTable {
	t, ok := w.RouteTables.Get(id)
	if !ok || !w.takesPart(t.VPC) {
		return nil
	}
	out := &hoststate.RouteTable{ID: id, Number: t.Number, Network: string(t.VPC), Routes: []hoststate.Route{}}
	v, _ := w.VPCs.Get(string(t.VPC))
	for _, p := range v.CIDRs {
		out.Routes = append(out.Routes, hoststate.Route{Prefix: p, Target: hoststate.RouteLocal})
	}
	for _, r := range t.Routes {
		route := hoststate.Route{Prefix: r.Prefix, Target: hoststate.RouteBlackhole}
		if eni, ok := w.routeENI(r); ok {
			route.Target, route.Interface = hoststate.RouteInterface, string(eni)
		}
		if g, ok := w.Gateways.Get(string(r.Gateway)); ok && g.VPC == t.VPC {
			route.Target = hoststate.RouteInternet
		}
		out.Routes = append(out.Routes, route)
	}
	return out
}

// routeENI is the interface that a route leads to, if it is there.
func (w world) routeENI(r vpc.Route) (vpc.ENIID, bool) {
	id := r.ENI
	if r.Instance != "" {
		i, _ := w.Instances.Get(string(r.Instance))
		if len(i.ENIs) == 0 {
			return "", false
		}
		id = i.ENIs[0]
	}
	e, ok := w.ENIs.Get(string(id))
	return id, ok && e.Leads(r)
}

// endpointPorts are the TCP ports that AWS's services answer.
var endpointPorts = []uint16{443}

func (w world) endpoint(id string) *hoststate.Endpoint {
	e, ok := w.Endpoints.Get(id)
	if !ok || e.Status.Closed || !e.Status.Gone.IsZero() || len(e.ENIs) == 0 || !w.takesPart(e.VPC) {
		return nil
	}
	v, _ := w.VPCs.Get(string(e.VPC))
	_, service := e.RegionAndService()
	out := &hoststate.Endpoint{
		ID: id, Network: string(e.VPC), VNI: v.VNI, Account: e.Account, Region: e.Region, Service: service.Label,
		Names: w.tlsNames(e), Addresses: []netip.Addr{}, Ports: endpointPorts, Generation: e.Generation, Closing: e.DeleteRequested,
	}
	for _, eni := range w.endpointENIs(e) {
		out.Addresses = append(out.Addresses, eni.Addresses...)
	}
	return out
}

func (w world) endpointENIs(e vpc.Endpoint) (enis []vpc.ENI) {
	for _, id := range e.ENIs {
		if eni, ok := w.ENIs.Get(string(id)); ok && !eni.Withdrawn {
			enis = append(enis, eni)
		}
	}
	return enis
}

func (w world) instance(id string) *hoststate.Instance {
	i, ok := w.Instances.Get(id)
	if !ok || !i.Status.Gone.IsZero() || i.Host != w.f.Host {
		return nil
	}
	v, _ := w.VPCs.Get(string(i.VPC))
	out := &hoststate.Instance{
		ID: id, Network: string(i.VPC), Host: i.Host, Account: i.Account, Region: i.Region, Zone: i.Zone,
		Interfaces: []string{}, Resolver: []netip.Addr{baseResolver(v)}, Domain: vpc.InternalDomain(i.Region),
		Running: i.PowerWanted == vpc.PowerOn, Boots: i.Boots, Script: i.Script(),
	}
	for _, eni := range i.ENIs {
		out.Interfaces = append(out.Interfaces, string(eni))
	}
	if e, ok := w.ENIs.Get(string(i.ENIs[0])); ok {
		out.Hostname, _, _ = strings.Cut(vpc.PrivateDNSName(i.Region, e.Addresses[0]), ".")
	}
	return out
}
