// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func wireReservation(c *api.Call, v *store.View, id vpc.ReservationID, rows []vpc.Instance) wire.Reservation {
	r := wire.Reservation{Groups: []wire.GroupIdentifier{}, Instances: []wire.Instance{}, OwnerId: new(c.Account), ReservationId: new(string(id))}
	for _, i := range rows {
		r.Instances = append(r.Instances, wireInstance(c, v, i))
	}
	return r
}

func wireState(i vpc.Instance) *wire.InstanceState {
	s := i.State()
	return &wire.InstanceState{Code: new(s.Code), Name: wire.InstanceStateName(s.Name)}
}

// wireInstance has what clients read of an instance. What a namespace has no
// like of (hypervisor, root device) is as on any EC2 machine.
func wireInstance(c *api.Call, v *store.View, i vpc.Instance) wire.Instance {
	out := wire.Instance{
		AmiLaunchIndex: new(int32(i.LaunchIndex)), Architecture: "x86_64", BlockDeviceMappings: []wire.InstanceBlockDeviceMapping{},
		ClientToken: text(i.ClientToken), EbsOptimized: new(false), EnaSupport: new(true), Hypervisor: "xen", ImageId: new(i.Image),
		InstanceId: new(string(i.ID)), InstanceType: wire.InstanceType(i.Type), KeyName: text(i.KeyName), LaunchTime: new(i.Created),
		Monitoring: &wire.Monitoring{State: "disabled"}, NetworkInterfaces: []wire.InstanceNetworkInterface{},
		Placement:      &wire.Placement{AvailabilityZone: new(i.Zone), GroupName: new(""), Tenancy: "default"},
		PrivateDnsName: new(""), ProductCodes: []wire.ProductCode{}, PublicDnsName: new(""), RootDeviceName: new("/dev/xvda"), RootDeviceType: "ebs",
		SecurityGroups: []wire.GroupIdentifier{}, SourceDestCheck: new(true), State: wireState(i), StateTransitionReason: new(""),
		Tags: wireTags(i.Tags), VirtualizationType: "hvm",
	}
	if i.Status.Reason != "" {
		out.StateReason = &wire.StateReason{Code: new("Server.InternalError"), Message: new(i.Status.Reason)}
	}
	if i.PowerWanted == vpc.PowerTerminated {
		out.StateReason = &wire.StateReason{Code: new("Client.UserInitiatedShutdown"), Message: new("Client.UserInitiatedShutdown: User initiated shutdown")}
		out.StateTransitionReason = new("User initiated")
	}
	enis := interfacesOf(v, i)
	for _, e := range enis {
		out.NetworkInterfaces = append(out.NetworkInterfaces, wireInstanceInterface(c, v, e))
	}
	if len(enis) > 0 {
		first := enis[0]
		out.PrivateDnsName, out.PrivateIpAddress = new(vpc.PrivateDNSName(c.Region, first.Addresses[0])), new(first.Addresses[0].String())
		out.SecurityGroups = wireGroupNames(v, first.Groups, groupIdentifier)
		out.SourceDestCheck = new(!first.NoSourceCheck)
		out.SubnetId, out.VpcId = new(string(i.Subnet)), new(string(i.VPC))
	}
	return out
}
