// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"

	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// gatewayState is that of every gateway that is attached: AWS says available,
// and not attached.
const gatewayState = "available"

func (s *Server) createInternetGateway(ctx context.Context, c *api.Call, in *wire.CreateInternetGatewayInput) (*wire.CreateInternetGatewayOutput, error) {
	tags, err := s.tagsFor("internet-gateway", in.TagSpecifications)
	if err != nil {
		return nil, err
	}
	out := new(wire.CreateInternetGatewayOutput)
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		have := tx.Gateways.Count("account", c.Owner())
		g, err := vpc.NewInternetGateway(fresh(tx), s.limits, have, vpc.Meta{Account: c.Account, Region: c.Region, Tags: tags})
		if err != nil {
			return err
		}
		tx.Gateways.Put(g)
		out.InternetGateway = new(wireGateway(g))
		return nil
	})
}

func (s *Server) attachInternetGateway(ctx context.Context, c *api.Call, in *wire.AttachInternetGatewayInput) (*wire.AttachInternetGatewayOutput, error) {
	return new(wire.AttachInternetGatewayOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		g, v, err := gatewayAndVPC(tx, c, in.InternetGatewayId, in.VpcId)
		if err != nil {
			return err
		}
		if g, err = g.Attach(v, tx.Gateways.By("vpc", string(v.ID))); err != nil {
			return err
		}
		tx.Gateways.Put(g)
		return nil
	})
}

func (s *Server) detachInternetGateway(ctx context.Context, c *api.Call, in *wire.DetachInternetGatewayInput) (*wire.DetachInternetGatewayOutput, error) {
	return new(wire.DetachInternetGatewayOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		g, v, err := gatewayAndVPC(tx, c, in.InternetGatewayId, in.VpcId)
		if err != nil {
			return err
		}
		if g, err = g.Detach(v, tx.ENIs.By("vpc", string(v.ID))); err != nil {
			return err
		}
		tx.Gateways.Put(g)
		return nil
	})
}

// gatewayAndVPC are the two that attaching and detaching are about.
func gatewayAndVPC(tx *store.Tx, c *api.Call, gateway, network *string) (g vpc.InternetGateway, v vpc.VPC, err error) {
	if g, err = need(tx.View.Gateways, c, vpc.GatewayIDs, "InternetGatewayId", gateway); err != nil {
		return g, v, err
	}
	v, err = need(tx.View.VPCs, c, vpc.VPCIDs, "VpcId", network)
	return g, v, err
}

func (s *Server) deleteInternetGateway(ctx context.Context, c *api.Call, in *wire.DeleteInternetGatewayInput) (*wire.DeleteInternetGatewayOutput, error) {
	return new(wire.DeleteInternetGatewayOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		g, err := need(tx.View.Gateways, c, vpc.GatewayIDs, "InternetGatewayId", in.InternetGatewayId)
		if err != nil {
			return err
		}
		if err := g.CanDelete(); err != nil {
			return err
		}
		tx.Gateways.Delete(string(g.ID))
		return nil
	})
}

var gatewayFilters = filters[vpc.InternetGateway]{
	"attachment.state": func(g vpc.InternetGateway) []string {
		if g.VPC == "" {
			return nil
		}
		return []string{gatewayState}
	},
	"attachment.vpc-id": func(g vpc.InternetGateway) []string {
		if g.VPC == "" {
			return nil
		}
		return []string{string(g.VPC)}
	},
	"internet-gateway-id": one(func(g vpc.InternetGateway) vpc.GatewayID { return g.ID }),
	"owner-id":            one(func(g vpc.InternetGateway) string { return g.Account }),
}

func (s *Server) describeInternetGateways(_ context.Context, c *api.Call, in *wire.DescribeInternetGatewaysInput) (*wire.DescribeInternetGatewaysOutput, error) {
	rows, err := list(s.store.View().Gateways, c, vpc.GatewayIDs, in.InternetGatewayIds)
	if err != nil {
		return nil, err
	}
	sel := selection{IDs: in.InternetGatewayIds, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken}
	rows, next, err := choose(c, sel, rows, func(g vpc.InternetGateway) string { return string(g.ID) }, gatewayFilters, tagsOf)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeInternetGatewaysOutput{InternetGateways: []wire.InternetGateway{}, NextToken: next}
	for _, g := range rows {
		out.InternetGateways = append(out.InternetGateways, wireGateway(g))
	}
	return out, nil
}
