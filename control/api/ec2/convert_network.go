// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"

	"enishi.dev/enishi/aws/region"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// cidrAssociationID names the tie between a VPC and one of its ranges. A range
// has only one, so the name can be computed.
func cidrAssociationID(v vpc.VPC, p netip.Prefix) string {
	sum := sha256.Sum256([]byte(string(v.ID) + " " + p.String()))
	return "vpc-cidr-assoc-" + hex.EncodeToString(sum[:])[:17]
}

func wireVPC(v vpc.VPC) wire.Vpc {
	out := wire.Vpc{
		CidrBlock:       new(v.CIDRs[0].String()),
		DhcpOptionsId:   new("default"),
		InstanceTenancy: wire.Tenancy(v.Tenancy),
		IsDefault:       new(v.Default),
		OwnerId:         new(v.Account),
		State:           "available",
		Tags:            wireTags(v.Tags),
		VpcId:           new(string(v.ID)),
	}
	for _, p := range v.CIDRs {
		out.CidrBlockAssociationSet = append(out.CidrBlockAssociationSet, wire.VpcCidrBlockAssociation{
			AssociationId:  new(cidrAssociationID(v, p)),
			CidrBlock:      new(p.String()),
			CidrBlockState: &wire.VpcCidrBlockState{State: "associated"},
		})
	}
	return out
}

func wireSubnet(c *api.Call, v *store.View, s vpc.Subnet) wire.Subnet {
	return wire.Subnet{
		AssignIpv6AddressOnCreation: new(false),
		AvailabilityZone:            new(s.Zone),
		AvailabilityZoneId:          new(zoneID(c.Region, s.Zone)),
		AvailableIpAddressCount:     new(int32(s.FreeAddresses(usedAddresses(v, s)))),
		CidrBlock:                   new(s.CIDR.String()),
		DefaultForAz:                new(s.Default),
		EnableDns64:                 new(false),
		Ipv6Native:                  new(false),
		MapCustomerOwnedIpOnLaunch:  new(false),
		MapPublicIpOnLaunch:         new(s.MapPublicIP),
		OwnerId:                     new(s.Account),
		PrivateDnsNameOptionsOnLaunch: &wire.PrivateDnsNameOptionsOnLaunch{
			EnableResourceNameDnsAAAARecord: new(false),
			EnableResourceNameDnsARecord:    new(false),
			HostnameType:                    "ip-name",
		},
		State:     "available",
		SubnetArn: new(c.Resource("subnet", string(s.ID))),
		SubnetId:  new(string(s.ID)),
		Tags:      wireTags(s.Tags),
		VpcId:     new(string(s.VPC)),
	}
}

// zoneID is the id of a zone by its name.
func zoneID(in, zone string) string {
	r, _ := region.Of(in)
	z, _ := r.Zone(zone)
	return z.ID
}

// usedAddresses is how many of a subnet's addresses interfaces have, withdrawn
// ones too: they cannot be given out yet.
func usedAddresses(v *store.View, s vpc.Subnet) int {
	n := 0
	for e := range v.ENIs.By("subnet", string(s.ID)) {
		n += len(e.Addresses)
	}
	return n
}

// wireGateway is never without an attachment set: an empty one says that there is none.
func wireGateway(g vpc.InternetGateway) wire.InternetGateway {
	out := wire.InternetGateway{
		Attachments: []wire.InternetGatewayAttachment{}, InternetGatewayId: new(string(g.ID)), OwnerId: new(g.Account), Tags: wireTags(g.Tags),
	}
	if g.VPC != "" {
		out.Attachments = append(out.Attachments, wire.InternetGatewayAttachment{State: gatewayState, VpcId: new(string(g.VPC))})
	}
	return out
}

// wireRouteTable needs the table's VPC for the local routes, which every table
// has, and the view for where its routes lead.
func wireRouteTable(v *store.View, t vpc.RouteTable) wire.RouteTable {
	out := wire.RouteTable{
		Associations:    []wire.RouteTableAssociation{},
		OwnerId:         new(t.Account),
		PropagatingVgws: []wire.PropagatingVgw{},
		RouteTableId:    new(string(t.ID)),
		Tags:            wireTags(t.Tags),
		VpcId:           new(string(t.VPC)),
	}
	for _, a := range t.Associations {
		out.Associations = append(out.Associations, wire.RouteTableAssociation{
			AssociationState:        &wire.RouteTableAssociationState{State: "associated"},
			Main:                    new(a.Subnet == ""),
			RouteTableAssociationId: new(string(a.ID)),
			RouteTableId:            new(string(t.ID)),
			SubnetId:                text(a.Subnet),
		})
	}
	owner, _ := v.VPCs.Get(string(t.VPC))
	for _, p := range owner.CIDRs {
		out.Routes = append(out.Routes, wire.Route{
			DestinationCidrBlock: new(p.String()), GatewayId: new("local"),
			Origin: "CreateRouteTable", State: "active",
		})
	}
	for _, r := range t.Routes {
		out.Routes = append(out.Routes, wireRoute(v, t.VPC, r))
	}
	return out
}

func wireRoute(v *store.View, of vpc.VPCID, r vpc.Route) wire.Route {
	out := wire.Route{
		Origin: wire.RouteOrigin(r.Origin), State: "blackhole",
		GatewayId: text(r.Gateway), InstanceId: text(r.Instance), NetworkInterfaceId: text(r.ENI),
	}
	if r.Prefix.Addr().Is4() {
		out.DestinationCidrBlock = new(r.Prefix.String())
	} else {
		out.DestinationIpv6CidrBlock = new(r.Prefix.String())
	}
	if g, ok := v.Gateways.Get(string(r.Gateway)); ok && g.VPC == of {
		out.State = "active"
	}
	e, ok := routeENI(v, r)
	if !ok {
		return out
	}
	out.State, out.NetworkInterfaceId = "active", new(string(e.ID))
	if e.Attachment.Instance != "" {
		out.InstanceId, out.InstanceOwnerId = new(string(e.Attachment.Instance)), new(e.Account)
	}
	return out
}

// routeENI is the interface that a route leads to, if packets can go there.
func routeENI(v *store.View, r vpc.Route) (vpc.ENI, bool) {
	id := r.ENI
	if r.Instance != "" {
		i, _ := v.Instances.Get(string(r.Instance))
		if len(i.ENIs) == 0 {
			return vpc.ENI{}, false
		}
		id = i.ENIs[0]
	}
	e, ok := v.ENIs.Get(string(id))
	return e, ok && e.Leads(r)
}
