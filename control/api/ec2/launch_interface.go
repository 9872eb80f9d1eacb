// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// onInterfaces is p with what the request says of its network interfaces: one
// may be new, as device 0, the others are there already.
func (p placed) onInterfaces(all []wire.InstanceNetworkInterfaceSpecification) (placed, error) {
	p.attached = map[int]string{}
	first := false
	for _, n := range all {
		if n.DeviceIndex == nil {
			return p, awserr.New("InvalidParameterValue", "Each network interface requires a device index.")
		}
		if value(n.NetworkCardIndex) != 0 {
			return p, awserr.New("UnsupportedOperation", "The network card index %d is not supported.", *n.NetworkCardIndex)
		}
		if n.AssociatePublicIpAddress != nil && len(all) > 1 {
			return p, awserr.New("InvalidParameterCombination", "The associatePublicIpAddress parameter cannot be specified when launching with multiple network interfaces.")
		}
		device := int(*n.DeviceIndex)
		if _, again := p.attached[device]; again || device == 0 && first {
			return p, awserr.New("InvalidParameterCombination", "Two network interfaces have the device index %d.", device)
		}
		first = first || device == 0
		var err error
		switch {
		case n.NetworkInterfaceId != nil:
			p.attached[device] = *n.NetworkInterfaceId
			err = onlyAttached(n)
		case device != 0 && len(all) > 1:
			err = awserr.New("UnsupportedOperation", "More than one new network interface at launch is not supported.")
		default:
			p, err = p.onNew(n)
		}
		if err != nil {
			return p, err
		}
	}
	if !first {
		return p, awserr.New("InvalidParameterCombination", "The first network interface must have the device index 0.")
	}
	return p, nil
}

// onlyAttached refuses to change an interface that is there already.
func onlyAttached(n wire.InstanceNetworkInterfaceSpecification) error {
	switch {
	case n.SubnetId != nil:
		return awserr.New("InvalidParameterCombination", "A network interface may not specify both a network interface ID and a subnet")
	case value(n.DeleteOnTermination):
		return awserr.New("InvalidParameterCombination", "A network interface may not specify a network interface ID and delete on termination as true")
	}
	return api.Only(&n, "DeviceIndex", "NetworkInterfaceId", "NetworkCardIndex")
}

// onNew is p with what the request says of its new network interface.
func (p placed) onNew(n wire.InstanceNetworkInterfaceSpecification) (placed, error) {
	if n.InterfaceType != nil && *n.InterfaceType != "interface" {
		return p, awserr.New("UnsupportedOperation", "The network interface type %s is not supported.", *n.InterfaceType)
	}
	p.subnet, p.groups, p.description = n.SubnetId, n.Groups, value(n.Description)
	primary, secondary, more, err := wantedAddresses(n.PrivateIpAddress, n.PrivateIpAddresses, n.SecondaryPrivateIpAddressCount)
	if err != nil {
		return p, err
	}
	p.address, p.secondary, p.more = text(primary), secondary, more
	p.keep, p.public = n.DeleteOnTermination != nil && !*n.DeleteOnTermination, n.AssociatePublicIpAddress
	return p, api.Only(&n, "AssociatePublicIpAddress", "DeviceIndex", "SubnetId", "PrivateIpAddress", "PrivateIpAddresses", "SecondaryPrivateIpAddressCount", "Groups", "DeleteOnTermination", "Description", "InterfaceType", "NetworkCardIndex")
}

// attachedInterfaces are the caller's interfaces with the ids, by device.
func attachedInterfaces(v *store.View, c *api.Call, ids map[int]string) (map[int]vpc.ENI, error) {
	enis := map[int]vpc.ENI{}
	for device, id := range ids {
		e, err := findInterface(v, c, id)
		if err != nil {
			return nil, err
		}
		enis[device] = e
	}
	return enis, nil
}
