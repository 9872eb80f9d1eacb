// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"cmp"
	"maps"
	"slices"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/region"
)

// EndpointChange is what ModifyVpcEndpoint asks for.
type EndpointChange struct {
	AddSubnets, RemoveSubnets []SubnetID
	Addresses                 map[SubnetID]string // chosen, in subnets that come or that are there
	AddGroups, RemoveGroups   []SecurityGroupID
	Tables                    bool // route tables are named
	Policy                    *string
	ResetPolicy               bool
	PrivateDNS                *bool
	AddressType, RecordType   string
}

// EndpointChanged is what comes of an [EndpointChange].
type EndpointChanged struct {
	Endpoint  Endpoint
	Added     []ENI
	Removed   []ENIID // to be withdrawn
	SetGroups bool    // the interfaces that stay get the endpoint's groups
}

// Modify returns e as it is after the change. What is removed is removed first,
// so that one request can move an endpoint to another subnet of the same zone.
func (e Endpoint) Modify(f Fresh, limits Limits, w EndpointFacts, c EndpointChange) (EndpointChanged, error) {
	if err := e.checkModify(c); err != nil {
		return EndpointChanged{}, err
	}
	out := EndpointChanged{Endpoint: e}
	n := &out.Endpoint
	n.Generation++
	n.Subnets, n.ENIs = slices.Clone(e.Subnets), slices.Clone(e.ENIs)
	var err error
	if out.Removed, err = n.removeSubnets(c.RemoveSubnets); err != nil {
		return out, err
	}
	add, replace := c.subnets(n.Subnets)
	subnets, err := n.checkSubnets(w, add)
	if err != nil {
		return out, err
	}
	if out.SetGroups = len(c.AddGroups)+len(c.RemoveGroups) > 0; out.SetGroups {
		if err := n.changeGroups(limits, w, c); err != nil {
			return out, err
		}
	}
	n.AddressType, n.RecordType = cmp.Or(c.AddressType, e.AddressType), cmp.Or(c.RecordType, e.RecordType)
	if err := n.checkAddressTypes(); err != nil {
		return out, err
	}
	if err := out.replaceENIs(f, w, replace, c.Addresses); err != nil {
		return out, err
	}
	added, err := n.addENIs(f, w, subnets, c.Addresses)
	if err != nil {
		return out, err
	}
	out.Added = append(out.Added, added...)
	return out, n.changeRest(w, c)
}

func (e Endpoint) checkModify(c EndpointChange) error {
	switch {
	case !e.Status.Gone.IsZero():
		return EndpointIDs.NotFound(string(e.ID))
	case e.DeleteRequested:
		return awserr.New("IncorrectState", "The VPC endpoint %s is in the state %s and cannot be modified.", e.ID, e.State())
	case c.Tables:
		return awserr.New("InvalidParameter", "Route table IDs are only supported for Gateway type VPC Endpoint.")
	}
	return nil
}

// subnets are those that come to the ones that an endpoint has, and those that
// it has and gets another address in.
func (c EndpointChange) subnets(have []SubnetID) (add, replace []SubnetID) {
	add = slices.Clone(c.AddSubnets)
	for _, id := range slices.Sorted(maps.Keys(c.Addresses)) {
		switch {
		case !slices.Contains(have, id):
			add = append(add, id) // perhaps once more
		case !slices.Contains(c.AddSubnets, id):
			replace = append(replace, id)
		}
	}
	return add, replace
}

func (e *Endpoint) removeSubnets(subnets []SubnetID) (removed []ENIID, err error) {
	for _, id := range subnets {
		i := slices.Index(e.Subnets, id)
		if i < 0 {
			return nil, awserr.New("InvalidParameter", "The subnet ID '%s' is not associated with the VPC endpoint %s", id, e.ID)
		}
		removed = append(removed, e.ENIs[i])
		e.Subnets, e.ENIs = slices.Delete(e.Subnets, i, i+1), slices.Delete(e.ENIs, i, i+1)
	}
	return removed, nil
}

// replaceENIs gives the endpoint other interfaces where other addresses are
// chosen: an interface has its address for life (reference 1.4 and 1.8).
func (out *EndpointChanged) replaceENIs(f Fresh, w EndpointFacts, subnets []SubnetID, chosen map[SubnetID]string) error {
	e := &out.Endpoint
	for _, id := range subnets {
		i := slices.Index(e.Subnets, id)
		if old, ok := w.ENI(e.ENIs[i]); ok && old.Addresses[0].String() == chosen[id] {
			continue
		}
		n, err := w.Subnet(id)
		if err != nil {
			return err
		}
		eni, err := e.newENI(f, w, n, chosen[id])
		if err != nil {
			return err
		}
		out.Removed, out.Added = append(out.Removed, e.ENIs[i]), append(out.Added, eni)
		e.ENIs[i] = eni.ID
	}
	return nil
}

func (e *Endpoint) changeGroups(limits Limits, w EndpointFacts, c EndpointChange) error {
	groups := slices.Clone(e.Groups)
	for _, id := range c.RemoveGroups {
		i := slices.Index(groups, id)
		if i < 0 {
			return awserr.New("InvalidParameter", "The security group '%s' is not associated with the VPC endpoint %s", id, e.ID)
		}
		groups = slices.Delete(groups, i, i+1)
	}
	groups = append(groups, c.AddGroups...)
	if len(groups) == 0 {
		return awserr.New("InvalidParameter", "A VPC endpoint must have at least one security group.")
	}
	var err error
	e.Groups, err = e.checkGroups(limits, w, groups)
	return err
}

// changeRest changes what no interface has.
func (e *Endpoint) changeRest(w EndpointFacts, c EndpointChange) (err error) {
	if c.ResetPolicy {
		e.Policy = DefaultEndpointPolicy
	}
	if c.Policy != nil {
		r, _ := region.Of(e.Region)
		service, _ := r.ServiceOf(e.Service)
		if e.Policy, err = checkPolicy(service, e.Service, *c.Policy); err != nil {
			return err
		}
	}
	if c.PrivateDNS != nil {
		e.PrivateDNS = *c.PrivateDNS
		return e.checkPrivateDNS(w)
	}
	return nil
}

// Delete returns e as it is after somebody wants it gone.
func (e Endpoint) Delete() Endpoint {
	if !e.DeleteRequested {
		e.DeleteRequested = true
		e.Generation++
	}
	return e
}
