// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"net/netip"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func (s *Server) createRoute(ctx context.Context, c *api.Call, in *wire.CreateRouteInput) (*wire.CreateRouteOutput, error) {
	to, err := destination(c, in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)
	if err != nil {
		return nil, err
	}
	return &wire.CreateRouteOutput{Return: new(true)}, s.store.Decide(ctx, func(tx *store.Tx) error {
		t, err := need(tx.View.RouteTables, c, vpc.RouteTableIDs, "RouteTableId", in.RouteTableId)
		if err != nil {
			return err
		}
		r, err := target(&tx.View, c, t, in)
		if err != nil {
			return err
		}
		r.Prefix, r.Origin = to, "CreateRoute"
		v, _ := tx.VPCs.Get(string(t.VPC))
		if t, err = t.AddRoute(s.limits, v, r); err != nil {
			return err
		}
		tx.RouteTables.Put(t)
		return nil
	})
}

func (s *Server) deleteRoute(ctx context.Context, c *api.Call, in *wire.DeleteRouteInput) (*wire.DeleteRouteOutput, error) {
	to, err := destination(c, in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)
	if err != nil {
		return nil, err
	}
	return new(wire.DeleteRouteOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		t, err := need(tx.View.RouteTables, c, vpc.RouteTableIDs, "RouteTableId", in.RouteTableId)
		if err != nil {
			return err
		}
		v, _ := tx.VPCs.Get(string(t.VPC))
		if t, err = t.RemoveRoute(v, to); err != nil {
			return err
		}
		tx.RouteTables.Put(t)
		return nil
	})
}

// destination is the one that is given, of the three ways to give it.
func destination(c *api.Call, v4, v6, list *string) (netip.Prefix, error) {
	given := howMany(v4 != nil, v6 != nil, list != nil)
	switch {
	case given == 0:
		return netip.Prefix{}, awserr.New("MissingParameter", "The request must contain the parameter DestinationCidrBlock")
	case given > 1:
		return netip.Prefix{}, awserr.New("InvalidParameterCombination",
			"The parameters destinationCidrBlock, destinationIpv6CidrBlock and destinationPrefixListId cannot be used together.")
	case list != nil:
		return netip.Prefix{}, noPrefixList(c, list)
	case v6 != nil:
		return destinationOf("destinationIpv6CidrBlock", *v6, netip.Addr.Is6)
	}
	return destinationOf("destinationCidrBlock", *v4, netip.Addr.Is4)
}

func destinationOf(param, text string, family func(netip.Addr) bool) (netip.Prefix, error) {
	p, err := vpc.ParseCIDR(param, text)
	if err == nil && !family(p.Addr()) {
		err = awserr.New("InvalidParameterValue", "Value (%s) for parameter %s is invalid. This is not a valid CIDR block.", text, param)
	}
	return p, err
}

// absent is what a route cannot lead to, as there are none yet: AWS's answer
// for one that does not exist.
func absent(in *wire.CreateRouteInput) error {
	for _, t := range []struct {
		id         *string
		code, text string
	}{
		{in.NatGatewayId, "InvalidNatGatewayID.NotFound", "The natGateway ID '%s' does not exist"},
		{in.EgressOnlyInternetGatewayId, "InvalidGatewayID.NotFound", "The eigw ID '%s' does not exist"},
		{in.CarrierGatewayId, "InvalidCarrierGatewayID.NotFound", "The carrierGateway ID '%s' does not exist"},
		{in.LocalGatewayId, "InvalidLocalGatewayID.NotFound", "The localGateway ID '%s' does not exist"},
		{in.TransitGatewayId, "InvalidTransitGatewayID.NotFound", "The transitGateway ID '%s' does not exist"},
		{in.VpcPeeringConnectionId, "InvalidVpcPeeringConnectionID.NotFound", "The vpcPeeringConnection ID '%s' does not exist"},
	} {
		if t.id != nil {
			return awserr.New(t.code, t.text, *t.id)
		}
	}
	return nil
}

// targets is how many targets a request names.
func targets(in *wire.CreateRouteInput) int {
	given := 0
	for _, id := range []*string{
		in.NetworkInterfaceId, in.InstanceId, in.VpcEndpointId, in.GatewayId, in.NatGatewayId, in.EgressOnlyInternetGatewayId,
		in.CarrierGatewayId, in.LocalGatewayId, in.TransitGatewayId, in.VpcPeeringConnectionId, in.CoreNetworkArn, in.OdbNetworkArn,
	} {
		if id != nil {
			given++
		}
	}
	return given
}

// target is the route's target, which exists and lies in the table's VPC.
func target(v *store.View, c *api.Call, t vpc.RouteTable, in *wire.CreateRouteInput) (vpc.Route, error) {
	given := targets(in)
	switch {
	case given == 0:
		return vpc.Route{}, awserr.New("MissingParameter", "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId, vpcEndpointId or instanceId")
	case given > 1:
		return vpc.Route{}, awserr.New("InvalidParameterCombination", "The request must contain exactly one target of the route, and has %d.", given)
	case in.NetworkInterfaceId != nil:
		e, err := findInterface(v, c, *in.NetworkInterfaceId)
		if err == nil && e.VPC != t.VPC {
			err = awserr.New("InvalidParameterValue", "route table %s and interface %s belong to different networks", t.ID, e.ID)
		}
		return vpc.Route{ENI: e.ID}, err
	case in.InstanceId != nil:
		return instanceTarget(v, c, t, *in.InstanceId)
	case in.VpcEndpointId != nil:
		e, err := find(v.Endpoints, c, vpc.EndpointIDs, *in.VpcEndpointId)
		if err == nil {
			err = awserr.New("RouteNotSupported", "Route table contains unsupported route target: %s. VPC Endpoints of this type cannot be used as route targets.", e.ID)
		}
		return vpc.Route{}, err
	case in.GatewayId != nil:
		g, err := find(v.Gateways, c, vpc.RouteGatewayIDs, *in.GatewayId)
		if err == nil && g.VPC != t.VPC {
			err = awserr.New("InvalidParameterValue", "route table %s and network gateway %s belong to different networks", t.ID, g.ID)
		}
		return vpc.Route{Gateway: g.ID}, err
	}
	if err := absent(in); err != nil {
		return vpc.Route{}, err
	}
	return vpc.Route{}, awserr.New("UnsupportedOperation", "The target of the route is not supported.")
}

func instanceTarget(v *store.View, c *api.Call, t vpc.RouteTable, id string) (vpc.Route, error) {
	i, err := find(v.Instances, c, vpc.InstanceIDs, id)
	switch {
	case err != nil:
	case i.PowerWanted == vpc.PowerTerminated:
		err = vpc.InstanceIDs.NotFound(id)
	case i.VPC != t.VPC:
		err = awserr.New("InvalidParameterValue", "route table %s and instance %s belong to different networks", t.ID, i.ID)
	case len(i.ENIs) != 1:
		err = awserr.New("InvalidInstanceID", "There are multiple interfaces attached to instance '%s'. Please specify an interface ID for the operation instead.", i.ID)
	}
	return vpc.Route{Instance: i.ID}, err
}
