// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"hash/fnv"
	"net/netip"

	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func (s *Server) createVPCEndpoint(ctx context.Context, c *api.Call, in *wire.CreateVpcEndpointInput) (*wire.CreateVpcEndpointOutput, error) {
	if err := api.Only(in, "VpcEndpointType", "VpcId", "ServiceName", "ServiceRegion", "PolicyDocument", "RouteTableIds", "SubnetIds", "SecurityGroupIds",
		"IpAddressType", "DnsOptions", "PrivateDnsEnabled", "SubnetConfigurations", "ClientToken", "TagSpecifications"); err != nil {
		return nil, err
	}
	spec, err := s.endpointSpec(c, in)
	if err != nil {
		return nil, err
	}
	out := &wire.CreateVpcEndpointOutput{ClientToken: in.ClientToken}
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		id, err := tx.Once(spec.ClientToken, c.Scope(), in, func() (string, error) {
			return s.putEndpoint(tx, c, in.VpcId, spec)
		})
		if err != nil {
			return err
		}
		e, ok := tx.Endpoints.Get(id)
		if !ok {
			return vpc.EndpointIDs.NotFound(id) // made by this token, and gone since
		}
		out.VpcEndpoint = new(wireEndpoint(&tx.View, e))
		return nil
	})
}

// putEndpoint decides on a new endpoint and writes it with its interfaces.
func (s *Server) putEndpoint(tx *store.Tx, c *api.Call, vpcID *string, spec vpc.EndpointSpec) (string, error) {
	v, err := need(tx.View.VPCs, c, vpc.EndpointVPCIDs, "VpcId", vpcID)
	if err != nil {
		return "", err
	}
	e, enis, err := vpc.NewEndpoint(fresh(tx), s.limits, endpointFacts(tx, c, v), spec)
	if err != nil {
		return "", err
	}
	tx.Endpoints.Put(e)
	for _, eni := range enis {
		tx.ENIs.Put(eni)
	}
	return string(e.ID), nil
}

// endpointFacts is what the model says around a VPC's endpoints.
func endpointFacts(tx *store.Tx, c *api.Call, v vpc.VPC) vpc.EndpointFacts {
	return vpc.EndpointFacts{
		VPC: v,
		Subnet: func(id vpc.SubnetID) (vpc.Subnet, error) {
			return find(tx.View.Subnets, c, vpc.EndpointSubnetIDs, string(id))
		},
		Group: func(id vpc.SecurityGroupID) (vpc.SecurityGroup, error) {
			return find(tx.View.SecurityGroups, c, vpc.EndpointGroupIDs, string(id))
		},
		ENI:      func(id vpc.ENIID) (vpc.ENI, bool) { return tx.ENIs.Get(string(id)) },
		Used:     func(id vpc.SubnetID) map[netip.Addr]bool { return addressesIn(&tx.View, id) },
		Siblings: tx.Endpoints.By("vpc", string(v.ID)),
		Have:     count(tx.Endpoints.By("vpc", string(v.ID)), func(e vpc.Endpoint) bool { return e.Status.Gone.IsZero() }),
		Hint:     hint(c.RequestID),
	}
}

// addressesIn is the set of a subnet's addresses that are taken.
func addressesIn(v *store.View, id vpc.SubnetID) map[netip.Addr]bool {
	used := map[netip.Addr]bool{}
	for e := range v.ENIs.By("subnet", string(id)) {
		for _, a := range e.Addresses {
			used[a] = true
		}
	}
	return used
}

// hint spreads new addresses over a subnet: a request's id is random.
func hint(requestID string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(requestID))
	return h.Sum32()
}

func (s *Server) deleteVPCEndpoints(ctx context.Context, c *api.Call, in *wire.DeleteVpcEndpointsInput) (*wire.DeleteVpcEndpointsOutput, error) {
	for _, id := range in.VpcEndpointIds {
		if _, err := vpc.ParseID[string](vpc.EndpointIDs, id); err != nil {
			return nil, err
		}
	}
	out := new(wire.DeleteVpcEndpointsOutput)
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		out.Unsuccessful = []wire.UnsuccessfulItem{}
		for _, id := range in.VpcEndpointIds {
			e, ok := tx.Endpoints.Get(id)
			if !ok || !owns(c, e) || !e.Status.Gone.IsZero() {
				out.Unsuccessful = append(out.Unsuccessful, wire.UnsuccessfulItem{
					ResourceId: new(id),
					Error:      &wire.UnsuccessfulItemError{Code: new("InvalidVpcEndpoint.NotFound"), Message: new("The Vpc Endpoint Id '" + id + "' does not exist")},
				})
				continue
			}
			tx.Endpoints.Put(e.Delete())
		}
		return nil
	})
}
