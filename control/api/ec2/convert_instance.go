// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"enishi.dev/enishi/aws/instancetype"
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

// stateReason is why the instance is not running, if there is a reason.
func stateReason(i vpc.Instance) *wire.StateReason {
	switch {
	case i.PowerWanted != vpc.PowerOn:
		return &wire.StateReason{Code: new("Client.UserInitiatedShutdown"), Message: new("Client.UserInitiatedShutdown: User initiated shutdown")}
	case i.Status.Reason != "":
		return &wire.StateReason{Code: new("Server.InternalError"), Message: new("Server.InternalError: " + i.Status.Reason)}
	}
	return nil
}

func transitionReason(i vpc.Instance) string {
	if i.PowerWanted != vpc.PowerOn {
		return "User initiated"
	}
	return ""
}

// monitoring says whether an instance is monitored in detail.
func monitoring(i vpc.Instance) string {
	if i.Monitored {
		return "enabled"
	}
	return "disabled"
}

// usualMachine sets what is the same for every instance that asked for nothing special:
// a Linux machine, reserved, hibernated and encrypted nowhere. Clients read it all.
func usualMachine(out *wire.Instance) {
	out.PlatformDetails, out.UsageOperation, out.UsageOperationUpdateTime = new(platform), new(usage), out.LaunchTime
	out.CapacityReservationSpecification = &wire.CapacityReservationSpecificationResponse{CapacityReservationPreference: "open"}
	out.EnclaveOptions, out.HibernationOptions = &wire.EnclaveOptions{Enabled: new(false)}, &wire.HibernationOptions{Configured: new(false)}
	out.MaintenanceOptions = &wire.InstanceMaintenanceOptions{AutoRecovery: "default"}
	out.PrivateDnsNameOptions = &wire.PrivateDnsNameOptionsResponse{
		EnableResourceNameDnsAAAARecord: new(false), EnableResourceNameDnsARecord: new(false), HostnameType: "ip-name",
	}
	if t, ok := instancetype.Of(string(out.InstanceType)); ok {
		out.CpuOptions = &wire.CpuOptions{CoreCount: new(int32(t.VCPUs / t.Threads)), ThreadsPerCore: new(int32(t.Threads))}
	}
}

// What an image of Linux is billed as, by its name and its code.
const platform, usage = "Linux/UNIX", "RunInstances"

// wireInstance has what clients read of an instance. What a namespace has no
// like of is as on an EC2 machine: the hypervisor, and the image's root device.
func wireInstance(c *api.Call, v *store.View, i vpc.Instance) wire.Instance {
	out := wire.Instance{
		AmiLaunchIndex: new(int32(i.LaunchIndex)), Architecture: "x86_64", BlockDeviceMappings: []wire.InstanceBlockDeviceMapping{},
		ClientToken: text(i.ClientToken), EbsOptimized: new(i.EBSOptimized), EnaSupport: new(true), Hypervisor: "xen", ImageId: new(i.Image),
		InstanceId: new(string(i.ID)), InstanceType: wire.InstanceType(i.Type), KeyName: text(i.KeyName), LaunchTime: new(i.LaunchTime()),
		MetadataOptions: wireMetadata(i.Metadata),
		Monitoring:      &wire.Monitoring{State: wire.MonitoringState(monitoring(i))}, NetworkInterfaces: []wire.InstanceNetworkInterface{},
		Placement:      &wire.Placement{AvailabilityZone: new(i.Zone), GroupName: new(""), Tenancy: "default"},
		PrivateDnsName: new(""), ProductCodes: []wire.ProductCode{}, PublicDnsName: new(""), RootDeviceName: new(imageOf(c.Region, i.Image).root), RootDeviceType: "ebs",
		SecurityGroups: []wire.GroupIdentifier{}, SourceDestCheck: new(true), State: wireState(i), StateReason: stateReason(i), StateTransitionReason: new(transitionReason(i)),
		Tags: wireTags(i.Tags), VirtualizationType: "hvm",
	}
	usualMachine(&out)
	enis := interfacesOf(v, i)
	for _, e := range enis {
		out.NetworkInterfaces = append(out.NetworkInterfaces, wireInstanceInterface(c, v, e))
	}
	if len(enis) > 0 {
		first := enis[0]
		out.PrivateDnsName, out.PrivateIpAddress = new(vpc.PrivateDNSName(c.Region, first.Addresses[0])), new(first.Addresses[0].String())
		out.SecurityGroups = wireGroupNames(v, first.Groups, groupIdentifier)
		out.SourceDestCheck = new(!first.NoSourceCheck)
		if a := wireAssociation(v, first); a != nil {
			out.PublicDnsName, out.PublicIpAddress = a.PublicDnsName, a.PublicIp
		}
		out.SubnetId, out.VpcId = new(string(i.Subnet)), new(string(i.VPC))
	}
	return out
}
