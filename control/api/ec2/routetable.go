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

func (s *Server) createRouteTable(ctx context.Context, c *api.Call, in *wire.CreateRouteTableInput) (*wire.CreateRouteTableOutput, error) {
	tags, err := s.tagsFor("route-table", in.TagSpecifications)
	if err != nil {
		return nil, err
	}
	out := &wire.CreateRouteTableOutput{ClientToken: in.ClientToken}
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		id, err := tx.Once(value(in.ClientToken), c.Scope(), in, func() (string, error) {
			v, err := need(tx.View.VPCs, c, vpc.VPCIDs, "VpcId", in.VpcId)
			if err != nil {
				return "", err
			}
			have := tx.RouteTables.Count("vpc", string(v.ID))
			t, err := vpc.NewRouteTable(fresh(tx), s.limits, v, have, vpc.Meta{Account: c.Account, Region: c.Region, Tags: tags})
			if err != nil {
				return "", err
			}
			tx.RouteTables.Put(t)
			return string(t.ID), nil
		})
		if err != nil {
			return err
		}
		t, err := find(tx.View.RouteTables, c, vpc.RouteTableIDs, id) // gone, if it is the token's of long ago
		out.RouteTable = new(wireRouteTable(&tx.View, t))
		return err
	})
}

func (s *Server) deleteRouteTable(ctx context.Context, c *api.Call, in *wire.DeleteRouteTableInput) (*wire.DeleteRouteTableOutput, error) {
	return new(wire.DeleteRouteTableOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		t, err := need(tx.View.RouteTables, c, vpc.RouteTableIDs, "RouteTableId", in.RouteTableId)
		if err != nil {
			return err
		}
		if err := t.CanDelete(); err != nil {
			return err
		}
		tx.RouteTables.Delete(string(t.ID))
		return nil
	})
}

// routeTableFilters look at tables as AWS writes them, local routes included.
func routeTableFilters() filters[wire.RouteTable] {
	association := func(of func(wire.RouteTableAssociation) string) func(wire.RouteTable) []string {
		return func(t wire.RouteTable) []string {
			var out []string
			for _, a := range t.Associations {
				out = append(out, of(a))
			}
			return out
		}
	}
	route := func(of func(wire.Route) *string) func(wire.RouteTable) []string {
		return func(t wire.RouteTable) []string {
			var out []string
			for _, r := range t.Routes {
				if p := of(r); p != nil {
					out = append(out, *p)
				}
			}
			return out
		}
	}
	return filters[wire.RouteTable]{
		"association.gateway-id":                 association(func(a wire.RouteTableAssociation) string { return value(a.GatewayId) }),
		"association.main":                       association(func(a wire.RouteTableAssociation) string { return strconv.FormatBool(value(a.Main)) }),
		"association.route-table-association-id": association(func(a wire.RouteTableAssociation) string { return value(a.RouteTableAssociationId) }),
		"association.route-table-id":             association(func(a wire.RouteTableAssociation) string { return value(a.RouteTableId) }),
		"association.subnet-id":                  association(func(a wire.RouteTableAssociation) string { return value(a.SubnetId) }),
		"owner-id":                               func(t wire.RouteTable) []string { return []string{value(t.OwnerId)} },
		"route-table-id":                         func(t wire.RouteTable) []string { return []string{value(t.RouteTableId)} },
		"vpc-id":                                 func(t wire.RouteTable) []string { return []string{value(t.VpcId)} },

		"route.destination-cidr-block":          route(func(r wire.Route) *string { return r.DestinationCidrBlock }),
		"route.destination-ipv6-cidr-block":     route(func(r wire.Route) *string { return r.DestinationIpv6CidrBlock }),
		"route.destination-prefix-list-id":      route(func(r wire.Route) *string { return r.DestinationPrefixListId }),
		"route.egress-only-internet-gateway-id": route(func(r wire.Route) *string { return r.EgressOnlyInternetGatewayId }),
		"route.gateway-id":                      route(func(r wire.Route) *string { return r.GatewayId }),
		"route.instance-id":                     route(func(r wire.Route) *string { return r.InstanceId }),
		"route.nat-gateway-id":                  route(func(r wire.Route) *string { return r.NatGatewayId }),
		"route.origin":                          route(func(r wire.Route) *string { return new(string(r.Origin)) }),
		"route.state":                           route(func(r wire.Route) *string { return new(string(r.State)) }),
		"route.transit-gateway-id":              route(func(r wire.Route) *string { return r.TransitGatewayId }),
		"route.vpc-peering-connection-id":       route(func(r wire.Route) *string { return r.VpcPeeringConnectionId }),
	}
}

func (s *Server) describeRouteTables(_ context.Context, c *api.Call, in *wire.DescribeRouteTablesInput) (*wire.DescribeRouteTablesOutput, error) {
	v := s.store.View()
	tables, err := list(v.RouteTables, c, vpc.RouteTableIDs, in.RouteTableIds)
	if err != nil {
		return nil, err
	}
	rows := make([]wire.RouteTable, 0, len(tables))
	for _, t := range tables {
		rows = append(rows, wireRouteTable(v, t))
	}
	sel := selection{IDs: in.RouteTableIds, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken, Most: 100}
	id := func(t wire.RouteTable) string { return value(t.RouteTableId) }
	tags := func(t wire.RouteTable) map[string]string { tags, _ := modelTags(t.Tags); return tags }
	rows, next, err := choose(c, sel, rows, id, routeTableFilters(), tags)
	return &wire.DescribeRouteTablesOutput{RouteTables: rows, NextToken: next}, err
}

func (s *Server) associateRouteTable(ctx context.Context, c *api.Call, in *wire.AssociateRouteTableInput) (*wire.AssociateRouteTableOutput, error) {
	if err := api.Only(in, "RouteTableId", "SubnetId"); err != nil {
		return nil, err
	}
	out := &wire.AssociateRouteTableOutput{AssociationState: &wire.RouteTableAssociationState{State: "associated"}}
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		t, err := need(tx.View.RouteTables, c, vpc.RouteTableIDs, "RouteTableId", in.RouteTableId)
		if err != nil {
			return err
		}
		n, err := need(tx.View.Subnets, c, vpc.SubnetIDs, "SubnetId", in.SubnetId)
		if err != nil {
			return err
		}
		t, id, err := t.Associate(fresh(tx), n, tx.RouteTables.By("vpc", string(t.VPC)))
		if err != nil {
			return err
		}
		tx.RouteTables.Put(t)
		out.AssociationId = new(string(id))
		return nil
	})
}

func (s *Server) disassociateRouteTable(ctx context.Context, c *api.Call, in *wire.DisassociateRouteTableInput) (*wire.DisassociateRouteTableOutput, error) {
	return new(wire.DisassociateRouteTableOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		t, id, err := associated(&tx.View, c, in.AssociationId)
		if err != nil {
			return err
		}
		if t, err = t.Disassociate(id); err != nil {
			return err
		}
		tx.RouteTables.Put(t)
		return nil
	})
}

// replaceRouteTableAssociation is also how a VPC gets another main table.
func (s *Server) replaceRouteTableAssociation(ctx context.Context, c *api.Call, in *wire.ReplaceRouteTableAssociationInput) (*wire.ReplaceRouteTableAssociationOutput, error) {
	out := &wire.ReplaceRouteTableAssociationOutput{AssociationState: &wire.RouteTableAssociationState{State: "associated"}}
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		from, id, err := associated(&tx.View, c, in.AssociationId)
		if err != nil {
			return err
		}
		t, err := need(tx.View.RouteTables, c, vpc.RouteTableIDs, "RouteTableId", in.RouteTableId)
		if err != nil {
			return err
		}
		t, from, a, err := t.TakeOver(fresh(tx), from, id)
		if err != nil {
			return err
		}
		tx.RouteTables.Put(from)
		tx.RouteTables.Put(t)
		if a.Subnet == "" {
			v, _ := tx.VPCs.Get(string(t.VPC))
			v.MainTable = t.ID
			tx.VPCs.Put(v)
		}
		out.NewAssociationId = new(string(a.ID))
		return nil
	})
}

// associated is the caller's table with the association that a request names.
func associated(v *store.View, c *api.Call, given *string) (vpc.RouteTable, vpc.AssociationID, error) {
	text, err := required("AssociationId", given)
	if err != nil {
		return vpc.RouteTable{}, "", err
	}
	id, err := vpc.ParseID[vpc.AssociationID](vpc.AssociationIDs, text)
	if err != nil {
		return vpc.RouteTable{}, "", err
	}
	for t := range v.RouteTables.By("account", c.Owner()) {
		if _, ok := t.Association(id); ok {
			return t, id, nil
		}
	}
	return vpc.RouteTable{}, "", vpc.AssociationIDs.NotFound(text)
}
