// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"net/netip"

	"enishi.dev/enishi/aws/region"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/vpc"
)

// nameTTL is how long an answer may be kept, in seconds (reference 1.5, observed).
const nameTTL = 60

// tlsNames are the names for which the endpoint has a certificate.
func (w world) tlsNames(e vpc.Endpoint) []string {
	names := []string{e.RegionalName()}
	for _, eni := range w.endpointENIs(e) {
		names = append(names, e.ZonalName(eni.Zone))
	}
	if e.PrivateDNS {
		names = append(names, e.PrivateName())
	}
	return names
}

// names are the DNS names of an endpoint, once it was reached: regional and zonal
// ones for everybody, as public DNS has them, and the private one for its network.
// They go as soon as somebody wants the endpoint gone.
func (w world) names(e vpc.Endpoint) (names []*hoststate.Name) {
	if e.DeleteRequested || e.Status.Ready == 0 {
		return nil
	}
	var all []netip.Addr
	for _, eni := range w.endpointENIs(e) {
		all = append(all, eni.Addresses...)
		names = append(names, &hoststate.Name{Name: e.ZonalName(eni.Zone), TTL: nameTTL, Addresses: eni.Addresses})
	}
	if len(all) == 0 {
		return nil
	}
	names = append(names, &hoststate.Name{Name: e.RegionalName(), TTL: nameTTL, Addresses: all})
	v, _ := w.VPCs.Get(string(e.VPC))
	switch {
	case !e.PrivateDNS, !v.DNSSupport, !v.DNSHostnames, !w.takesPart(e.VPC):
	case e.Available(), e.Status.Private:
		names = append(names, &hoststate.Name{Network: string(e.VPC), Name: e.PrivateName(), Zone: e.PrivateName(), TTL: nameTTL, Addresses: all})
	}
	return names
}

// hostNames are the names of an interface's public address: what it is outside, and,
// for its own network, the private address, as long as the network has host names.
func (w world) hostNames(e vpc.ENI) []*hoststate.Name {
	v, _ := w.VPCs.Get(string(e.VPC))
	if !e.Public.IsValid() || e.Withdrawn || !v.DNSSupport || !v.DNSHostnames {
		return nil
	}
	name := vpc.PublicDNSName(e.Region, e.Public)
	names := []*hoststate.Name{{Name: name, TTL: nameTTL, Addresses: []netip.Addr{e.Public}}}
	if w.takesPart(e.VPC) {
		names = append(names, &hoststate.Name{Network: string(e.VPC), Name: name, TTL: nameTTL, Addresses: e.Addresses[:1:1]})
	}
	return names
}

// publicNames are the public names of AWS's services in a region.
func publicNames(name string) (names []*hoststate.Name) {
	r, _ := region.Of(name)
	for _, n := range r.PublicNames() {
		names = append(names, &hoststate.Name{Name: n.Name, TTL: nameTTL, Addresses: []netip.Addr{n.Address}})
	}
	return names
}
