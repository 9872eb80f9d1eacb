// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"

	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func (s *Server) modifyVPCEndpoint(ctx context.Context, c *api.Call, in *wire.ModifyVpcEndpointInput) (*wire.ModifyVpcEndpointOutput, error) {
	if err := api.Only(in, "VpcEndpointId", "ResetPolicy", "PolicyDocument", "AddRouteTableIds", "RemoveRouteTableIds", "AddSubnetIds", "RemoveSubnetIds",
		"AddSecurityGroupIds", "RemoveSecurityGroupIds", "IpAddressType", "DnsOptions", "PrivateDnsEnabled", "SubnetConfigurations"); err != nil {
		return nil, err
	}
	change, err := endpointChange(in)
	if err != nil {
		return nil, err
	}
	return &wire.ModifyVpcEndpointOutput{Return: new(true)}, s.store.Decide(ctx, func(tx *store.Tx) error {
		e, err := need(tx.View.Endpoints, c, vpc.EndpointIDs, "VpcEndpointId", in.VpcEndpointId)
		if err != nil {
			return err
		}
		v, _ := tx.VPCs.Get(string(e.VPC))
		out, err := e.Modify(fresh(tx), s.limits, endpointFacts(tx, c, v), change)
		if err != nil {
			return err
		}
		tx.Endpoints.Put(out.Endpoint)
		for _, eni := range out.Added {
			tx.ENIs.Put(eni)
		}
		for _, id := range out.Removed {
			if eni, ok := tx.ENIs.Get(string(id)); ok {
				eni.Withdrawn = true
				tx.ENIs.Put(eni)
			}
		}
		if out.SetGroups {
			for _, id := range out.Endpoint.ENIs {
				if eni, ok := tx.ENIs.Get(string(id)); ok {
					eni.Groups = out.Endpoint.Groups
					tx.ENIs.Put(eni)
				}
			}
		}
		return nil
	})
}

func endpointChange(in *wire.ModifyVpcEndpointInput) (ch vpc.EndpointChange, err error) {
	ch = vpc.EndpointChange{
		Tables: len(in.AddRouteTableIds)+len(in.RemoveRouteTableIds) > 0,
		Policy: in.PolicyDocument, ResetPolicy: value(in.ResetPolicy), PrivateDNS: in.PrivateDnsEnabled, AddressType: string(in.IpAddressType),
	}
	if in.DnsOptions != nil {
		if err := api.Only(in.DnsOptions, "DnsRecordIpType"); err != nil {
			return ch, err
		}
		ch.RecordType = string(in.DnsOptions.DnsRecordIpType)
	}
	if ch.AddSubnets, err = ids[vpc.SubnetID](vpc.EndpointSubnetIDs, in.AddSubnetIds); err != nil {
		return ch, err
	}
	if ch.RemoveSubnets, err = ids[vpc.SubnetID](vpc.EndpointSubnetIDs, in.RemoveSubnetIds); err != nil {
		return ch, err
	}
	if ch.AddGroups, err = ids[vpc.SecurityGroupID](vpc.EndpointGroupIDs, in.AddSecurityGroupIds); err != nil {
		return ch, err
	}
	if ch.RemoveGroups, err = ids[vpc.SecurityGroupID](vpc.EndpointGroupIDs, in.RemoveSecurityGroupIds); err != nil {
		return ch, err
	}
	ch.Addresses, err = chosenAddresses(in.SubnetConfigurations)
	return ch, err
}
