// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// serviceRequester stands in for the account of AWS's own that makes endpoint interfaces.
const serviceRequester = "amazon-aws"

func requesterID(e vpc.ENI) []string {
	if e.RequesterManaged() {
		return []string{serviceRequester}
	}
	return nil
}

func interfaceStatus(e vpc.ENI) string {
	if e.Attachment == nil {
		return "available"
	}
	return "in-use"
}

// instanceOwner is whose machine the interface is attached to: an endpoint's is AWS's (reference 1.4).
func instanceOwner(e vpc.ENI) string {
	if e.RequesterManaged() {
		return serviceRequester
	}
	return e.Account
}

func addressTexts(e vpc.ENI) []string {
	var out []string
	for _, a := range e.Addresses {
		out = append(out, a.String())
	}
	return out
}

func groupIdentifier(id, name *string) wire.GroupIdentifier {
	return wire.GroupIdentifier{GroupId: id, GroupName: name}
}

func wireInterface(c *api.Call, v *store.View, e vpc.ENI) wire.NetworkInterface {
	name := vpc.PrivateDNSName(c.Region, e.Addresses[0])
	out := wire.NetworkInterface{
		AvailabilityZone: new(e.Zone), AvailabilityZoneId: new(zoneID(c.Region, e.Zone)), Description: new(e.Description),
		Groups: wireGroupNames(v, e.Groups, groupIdentifier), InterfaceType: wire.NetworkInterfaceType(e.Type),
		Ipv6Addresses: []wire.NetworkInterfaceIpv6Address{}, MacAddress: new(e.MAC), NetworkInterfaceId: new(string(e.ID)), OwnerId: new(e.Account),
		PrivateDnsName: new(name), PrivateIpAddress: new(e.Addresses[0].String()), RequesterManaged: new(e.RequesterManaged()),
		SourceDestCheck: new(!e.NoSourceCheck), Status: wire.NetworkInterfaceStatus(interfaceStatus(e)), SubnetId: new(string(e.Subnet)),
		TagSet: wireTags(e.Tags), VpcId: new(string(e.VPC)), Association: wireAssociation(v, e),
	}
	for _, id := range requesterID(e) {
		out.RequesterId = new(id)
	}
	for i, a := range e.Addresses {
		out.PrivateIpAddresses = append(out.PrivateIpAddresses, wire.NetworkInterfacePrivateIpAddress{
			Primary: new(i == 0), PrivateDnsName: new(vpc.PrivateDNSName(c.Region, a)), PrivateIpAddress: new(a.String()),
		})
	}
	out.PrivateIpAddresses[0].Association = out.Association
	if a := e.Attachment; a != nil {
		out.Attachment = &wire.NetworkInterfaceAttachment{
			AttachTime: new(a.At), AttachmentId: new(a.ID), DeleteOnTermination: new(a.DeleteOnTermination), DeviceIndex: new(int32(a.Device)),
			InstanceId: text(a.Instance), InstanceOwnerId: new(instanceOwner(e)), Status: "attached",
		}
		if a.Instance != "" {
			out.Attachment.NetworkCardIndex = new(int32(0))
		}
	}
	return out
}

// wireInstanceInterface is the same interface as DescribeInstances shows it.
func wireInstanceInterface(c *api.Call, v *store.View, e vpc.ENI) wire.InstanceNetworkInterface {
	full := wireInterface(c, v, e)
	out := wire.InstanceNetworkInterface{
		Description: full.Description, Groups: full.Groups, InterfaceType: new(e.Type), Ipv6Addresses: []wire.InstanceIpv6Address{},
		MacAddress: full.MacAddress, NetworkInterfaceId: full.NetworkInterfaceId, OwnerId: full.OwnerId, PrivateDnsName: full.PrivateDnsName,
		PrivateIpAddress: full.PrivateIpAddress, SourceDestCheck: full.SourceDestCheck, Status: full.Status, SubnetId: full.SubnetId, VpcId: full.VpcId,
	}
	for _, a := range full.PrivateIpAddresses {
		out.PrivateIpAddresses = append(out.PrivateIpAddresses, wire.InstancePrivateIpAddress{Primary: a.Primary, PrivateDnsName: a.PrivateDnsName, PrivateIpAddress: a.PrivateIpAddress})
	}
	if a := full.Association; a != nil {
		out.Association = &wire.InstanceNetworkInterfaceAssociation{IpOwnerId: a.IpOwnerId, PublicDnsName: a.PublicDnsName, PublicIp: a.PublicIp}
		out.PrivateIpAddresses[0].Association = out.Association
	}
	if a := full.Attachment; a != nil {
		out.Attachment = &wire.InstanceNetworkInterfaceAttachment{
			AttachTime: a.AttachTime, AttachmentId: a.AttachmentId, DeleteOnTermination: a.DeleteOnTermination, DeviceIndex: a.DeviceIndex, NetworkCardIndex: a.NetworkCardIndex, Status: a.Status,
		}
	}
	return out
}
