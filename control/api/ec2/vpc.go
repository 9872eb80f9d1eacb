// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"strconv"

	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func (s *Server) createVPC(ctx context.Context, c *api.Call, in *wire.CreateVpcInput) (*wire.CreateVpcOutput, error) {
	if err := api.Only(in, "CidrBlock", "InstanceTenancy", "TagSpecifications"); err != nil {
		return nil, err
	}
	text, err := required("CidrBlock", in.CidrBlock)
	if err != nil {
		return nil, err
	}
	spec := vpc.VPCSpec{Owner: vpc.Meta{Account: c.Account, Region: c.Region}, Tenancy: string(in.InstanceTenancy)}
	if spec.CIDR, err = vpc.ParseCIDR("cidrBlock", text); err != nil {
		return nil, err
	}
	if spec.Owner.Tags, err = s.tagsFor("vpc", in.TagSpecifications); err != nil {
		return nil, err
	}
	out := new(wire.CreateVpcOutput)
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		v, main, group, err := vpc.NewVPC(fresh(tx), s.limits, tx.VPCs.Count("account", c.Owner()), spec)
		if err != nil {
			return err
		}
		tx.VPCs.Put(v)
		tx.RouteTables.Put(main)
		tx.SecurityGroups.Put(group)
		out.Vpc = new(wireVPC(v))
		return nil
	})
}

var vpcFilters = filters[vpc.VPC]{
	"cidr": func(v vpc.VPC) []string { return []string{v.CIDRs[0].String()} },
	"cidr-block-association.cidr-block": func(v vpc.VPC) []string {
		var out []string
		for _, p := range v.CIDRs {
			out = append(out, p.String())
		}
		return out
	},
	"cidr-block-association.association-id": func(v vpc.VPC) []string {
		var out []string
		for _, p := range v.CIDRs {
			out = append(out, cidrAssociationID(v, p))
		}
		return out
	},
	"cidr-block-association.state":                func(vpc.VPC) []string { return []string{"associated"} },
	"dhcp-options-id":                             func(vpc.VPC) []string { return []string{"default"} },
	"ipv6-cidr-block-association.association-id":  func(vpc.VPC) []string { return nil },
	"ipv6-cidr-block-association.ipv6-cidr-block": func(vpc.VPC) []string { return nil },
	"ipv6-cidr-block-association.ipv6-pool":       func(vpc.VPC) []string { return nil },
	"ipv6-cidr-block-association.state":           func(vpc.VPC) []string { return nil },
	"is-default":                                  func(v vpc.VPC) []string { return []string{strconv.FormatBool(v.Default)} },
	"isDefault":                                   func(v vpc.VPC) []string { return []string{strconv.FormatBool(v.Default)} },
	"owner-id":                                    func(v vpc.VPC) []string { return []string{v.Account} },
	"state":                                       func(vpc.VPC) []string { return []string{"available"} },
	"vpc-id":                                      func(v vpc.VPC) []string { return []string{string(v.ID)} },
}

func (s *Server) describeVPCs(_ context.Context, c *api.Call, in *wire.DescribeVpcsInput) (*wire.DescribeVpcsOutput, error) {
	v := s.store.View()
	rows, err := list(v.VPCs, c, vpc.VPCIDs, in.VpcIds)
	if err != nil {
		return nil, err
	}
	sel := selection{IDs: in.VpcIds, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken}
	rows, next, err := choose(c, sel, rows, func(v vpc.VPC) string { return string(v.ID) }, vpcFilters, tagsOf)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeVpcsOutput{Vpcs: []wire.Vpc{}, NextToken: next}
	for _, row := range rows {
		out.Vpcs = append(out.Vpcs, wireVPC(row))
	}
	return out, nil
}

// deleteVPC takes the main route table and the default group along.
func (s *Server) deleteVPC(ctx context.Context, c *api.Call, in *wire.DeleteVpcInput) (*wire.DeleteVpcOutput, error) {
	return new(wire.DeleteVpcOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		v, err := need(tx.View.VPCs, c, vpc.VPCIDs, "VpcId", in.VpcId)
		if err != nil {
			return err
		}
		if err := v.CanDelete(vpcContents(&tx.View, v)); err != nil {
			return err
		}
		tx.RouteTables.Delete(string(v.MainTable))
		tx.SecurityGroups.Delete(string(v.DefaultGroup))
		tx.VPCs.Delete(string(v.ID))
		return nil
	})
}

func vpcContents(view *store.View, v vpc.VPC) vpc.VPCContents {
	id := string(v.ID)
	return vpc.VPCContents{
		Subnets:   view.Subnets.Count("vpc", id),
		ENIs:      view.ENIs.Count("vpc", id),
		Endpoints: count(view.Endpoints.By("vpc", id), func(e vpc.Endpoint) bool { return e.Status.Gone.IsZero() }),
		Tables:    count(view.RouteTables.By("vpc", id), func(t vpc.RouteTable) bool { return t.ID != v.MainTable }),
		Groups:    count(view.SecurityGroups.By("vpc", id), func(g vpc.SecurityGroup) bool { return g.ID != v.DefaultGroup }),
		Gateways:  view.Gateways.Count("vpc", id),
		UsedBy:    count(view.SecurityGroups.By("group", string(v.DefaultGroup)), func(g vpc.SecurityGroup) bool { return g.VPC != v.ID }),
	}
}
