// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func (s *Server) replaceRoute(ctx context.Context, c *api.Call, in *wire.ReplaceRouteInput) (*wire.ReplaceRouteOutput, error) {
	to, err := destination(c, in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)
	if err != nil {
		return nil, err
	}
	as := asCreate(in)
	if value(in.LocalTarget) && targets(as) > 0 {
		return nil, awserr.New("InvalidParameterCombination", "The request must contain exactly one target of the route, and has %d.", targets(as)+1)
	}
	return new(wire.ReplaceRouteOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		t, err := need(tx.View.RouteTables, c, vpc.RouteTableIDs, "RouteTableId", in.RouteTableId)
		if err != nil {
			return err
		}
		v, _ := tx.VPCs.Get(string(t.VPC))
		if value(in.LocalTarget) {
			return t.RestoreLocal(v, to)
		}
		r, err := target(&tx.View, c, t, as)
		if err != nil {
			return err
		}
		r.Prefix = to
		if t, err = t.ReplaceRoute(v, r); err != nil {
			return err
		}
		tx.RouteTables.Put(t)
		return nil
	})
}

// asCreate is the request as one for a new route: they name targets alike.
func asCreate(in *wire.ReplaceRouteInput) *wire.CreateRouteInput {
	return &wire.CreateRouteInput{
		RouteTableId: in.RouteTableId, CarrierGatewayId: in.CarrierGatewayId, CoreNetworkArn: in.CoreNetworkArn,
		EgressOnlyInternetGatewayId: in.EgressOnlyInternetGatewayId, GatewayId: in.GatewayId, InstanceId: in.InstanceId,
		LocalGatewayId: in.LocalGatewayId, NatGatewayId: in.NatGatewayId, NetworkInterfaceId: in.NetworkInterfaceId,
		OdbNetworkArn: in.OdbNetworkArn, TransitGatewayId: in.TransitGatewayId, VpcEndpointId: in.VpcEndpointId,
		VpcPeeringConnectionId: in.VpcPeeringConnectionId,
	}
}
