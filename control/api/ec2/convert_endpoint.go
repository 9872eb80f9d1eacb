// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"enishi.dev/enishi/aws/region"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// wireEndpoint has what a recorded answer of AWS has (reference 1.2). One that has
// gone has no interfaces any more: clients look each of them up.
func wireEndpoint(v *store.View, e vpc.Endpoint) wire.VpcEndpoint {
	if !e.Status.Gone.IsZero() {
		e.ENIs = nil
	}
	return wire.VpcEndpoint{
		CreationTimestamp: new(e.Created),
		DnsEntries:        wireDNSEntries(v, e),
		DnsOptions:        &wire.DnsOptions{DnsRecordIpType: wire.DnsRecordIpType(e.RecordType)},
		Groups: wireGroupNames[wire.SecurityGroupIdentifier](v, e.Groups, func(id, name *string) wire.SecurityGroupIdentifier {
			return wire.SecurityGroupIdentifier{GroupId: id, GroupName: name}
		}),
		IpAddressType:       wire.IpAddressType(e.AddressType),
		NetworkInterfaceIds: texts(e.ENIs),
		OwnerId:             new(e.Account),
		PolicyDocument:      new(e.Policy),
		PrivateDnsEnabled:   new(e.PrivateDNS),
		RequesterManaged:    new(false),
		RouteTableIds:       []string{},
		ServiceName:         new(e.Service),
		ServiceRegion:       new(e.Region),
		State:               wire.State(e.State()),
		SubnetIds:           texts(e.Subnets),
		Tags:                wireTags(e.Tags),
		VpcEndpointId:       new(string(e.ID)),
		VpcEndpointType:     wire.VpcEndpointType(e.Type),
		VpcId:               new(string(e.VPC)),
	}
}

// wireDNSEntries is in AWS's order: regional, zonal, private. An endpoint
// without interfaces has none.
func wireDNSEntries(v *store.View, e vpc.Endpoint) []wire.DnsEntry {
	entries := []wire.DnsEntry{}
	if len(e.ENIs) == 0 {
		return entries
	}
	r, _ := region.Of(e.Region)
	add := func(name, zone string) {
		entries = append(entries, wire.DnsEntry{DnsName: new(name), HostedZoneId: new(zone)})
	}
	add(e.RegionalName(), r.HostedZone())
	for _, id := range e.ENIs {
		if eni, ok := v.ENIs.Get(string(id)); ok {
			add(e.ZonalName(eni.Zone), r.HostedZone())
		}
	}
	if e.PrivateDNS {
		add(e.PrivateName(), e.PrivateZone())
	}
	return entries
}

// wireGroupNames pairs the ids of groups with their names, in any of the shapes that AWS has for it.
func wireGroupNames[T any](v *store.View, groups []vpc.SecurityGroupID, shape func(id, name *string) T) []T {
	out := []T{}
	for _, id := range groups {
		g, _ := v.SecurityGroups.Get(string(id))
		out = append(out, shape(new(string(id)), new(g.Name)))
	}
	return out
}
