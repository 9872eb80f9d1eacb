// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"net/netip"
	"slices"

	"enishi.dev/enishi/aws/awserr"
)

// checkSubnets returns the subnets that are to come to those that the endpoint
// has: of its VPC, no two in one zone.
func (e Endpoint) checkSubnets(w EndpointFacts, ids []SubnetID) ([]Subnet, error) {
	zones := map[string]SubnetID{}
	for _, id := range e.Subnets {
		if have, err := w.Subnet(id); err == nil {
			zones[have.Zone] = id
		}
	}
	var subnets []Subnet
	for _, id := range unique(ids) {
		n, err := w.Subnet(id)
		if err != nil {
			return nil, err
		}
		if n.VPC != e.VPC {
			return nil, awserr.New("InvalidParameter", "The subnet ID '%s' does not belong to VPC %s", id, e.VPC)
		}
		if other, taken := zones[n.Zone]; taken {
			return nil, awserr.New("DuplicateSubnetsInSameZone", "Found another VPC endpoint subnet in the availability zone of %s. VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service.", other)
		}
		zones[n.Zone] = id
		subnets = append(subnets, n)
	}
	return subnets, nil
}

// checkGroups returns the groups of the endpoint: the VPC's default one if none is named.
func (e Endpoint) checkGroups(limits Limits, w EndpointFacts, groups []SecurityGroupID) ([]SecurityGroupID, error) {
	if len(groups) == 0 {
		return []SecurityGroupID{w.VPC.DefaultGroup}, nil
	}
	groups, err := limits.groups(groups)
	if err != nil {
		return nil, err
	}
	for _, id := range groups {
		g, err := w.Group(id)
		if err != nil {
			return nil, err
		}
		if g.VPC != e.VPC {
			return nil, awserr.New("InvalidParameter", "Security group %s and VPC %s belong to different networks.", id, e.VPC)
		}
	}
	return groups, nil
}

// unique returns what there is in, each once. A request can name tens of thousands.
func unique[T comparable](in []T) []T {
	seen := make(map[T]bool, len(in))
	var out []T
	for _, x := range in {
		if !seen[x] {
			seen[x] = true
			out = append(out, x)
		}
	}
	return out
}

func (e Endpoint) checkAddressTypes() error {
	switch {
	case e.AddressType != "ipv4":
		return awserr.New("InvalidParameter", "The IP address type '%s' is not supported by the VPC endpoint service %s in these subnets.", e.AddressType, e.Service)
	case e.RecordType != "ipv4":
		return awserr.New("InvalidParameter", "The DNS record IP type '%s' is not supported for the IP address type '%s'.", e.RecordType, e.AddressType)
	}
	return nil
}

// addENIs gives the endpoint an interface in each of the subnets, at the address
// that was chosen for it.
func (e *Endpoint) addENIs(f Fresh, w EndpointFacts, subnets []Subnet, chosen map[SubnetID]string) ([]ENI, error) {
	var enis []ENI
	for _, n := range subnets {
		eni, err := e.newENI(f, w, n, chosen[n.ID])
		if err != nil {
			return nil, err
		}
		e.Subnets, e.ENIs = append(slices.Clip(e.Subnets), n.ID), append(slices.Clip(e.ENIs), eni.ID)
		enis = append(enis, eni)
	}
	return enis, nil
}

// newENI is an interface of the endpoint (reference 1.4).
func (e Endpoint) newENI(f Fresh, w EndpointFacts, n Subnet, chosen string) (ENI, error) {
	used := w.Used(n.ID)
	var a netip.Addr
	var err error
	if chosen != "" {
		a, err = n.Choose(chosen, used)
	} else {
		a, err = n.Allocate(used, w.Hint)
	}
	if err != nil {
		return ENI{}, err
	}
	eni := NewENI(f, ENISpec{
		Owner: Meta{Account: e.Account, Region: e.Region}, Subnet: n, Address: a, Groups: e.Groups,
		Description: "VPC Endpoint Interface " + string(e.ID),
	})
	eni.Type, eni.Endpoint = "vpc_endpoint", e.ID
	eni.Attachment = &Attachment{ID: f.ID("ela-attach"), Device: 1, At: f.Now}
	return eni, nil
}
