// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"slices"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/region"
)

// EndpointChange is what ModifyVpcEndpoint asks for.
type EndpointChange struct {
	AddSubnets, RemoveSubnets []SubnetID
	Addresses                 map[SubnetID]string
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
func (e Endpoint) Modify(f Fresh, w EndpointFacts, c EndpointChange) (EndpointChanged, error) {
	if e.DeleteRequested {
		return EndpointChanged{}, EndpointIDs.NotFound(string(e.ID))
	}
	if c.Tables {
		return EndpointChanged{}, awserr.New("InvalidParameter", "Route table IDs are only supported for Gateway type VPC Endpoint.")
	}
	out := EndpointChanged{Endpoint: e}
	n := &out.Endpoint
	n.Generation++
	var err error
	if out.Removed, err = n.removeSubnets(c.RemoveSubnets); err != nil {
		return out, err
	}
	if len(c.AddGroups)+len(c.RemoveGroups) > 0 {
		if err := n.changeGroups(w, c); err != nil {
			return out, err
		}
		out.SetGroups = true
	}
	n.AddressType, n.RecordType = cmpOr(c.AddressType, e.AddressType), cmpOr(c.RecordType, e.RecordType)
	if err := n.checkAddressTypes(); err != nil {
		return out, err
	}
	if out.Added, err = n.addSubnets(f, w, c.AddSubnets, c.Addresses); err != nil {
		return out, err
	}
	if c.ResetPolicy {
		n.Policy = DefaultEndpointPolicy
	}
	if c.Policy != nil {
		r, _ := region.Of(e.Region)
		service, _ := r.ServiceOf(e.Service)
		if n.Policy, err = checkPolicy(service, e.Service, *c.Policy); err != nil {
			return out, err
		}
	}
	if c.PrivateDNS != nil {
		n.PrivateDNS = *c.PrivateDNS
		return out, n.checkPrivateDNS(w)
	}
	return out, nil
}

func (e *Endpoint) removeSubnets(subnets []SubnetID) (removed []ENIID, err error) {
	e.Subnets, e.ENIs = slices.Clone(e.Subnets), slices.Clone(e.ENIs)
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

func (e *Endpoint) changeGroups(w EndpointFacts, c EndpointChange) error {
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
	e.Groups, err = e.checkGroups(w, groups)
	return err
}

// Delete returns e as it is after somebody wants it gone.
func (e Endpoint) Delete() Endpoint {
	if !e.DeleteRequested {
		e.DeleteRequested = true
		e.Generation++
	}
	return e
}
