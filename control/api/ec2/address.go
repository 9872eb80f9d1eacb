// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"net/netip"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
)

// addressFilters are those of Elastic IP addresses.
var addressFilters = filters[wire.Address]{
	"allocation-id":              one(func(a wire.Address) string { return value(a.AllocationId) }),
	"association-id":             one(func(a wire.Address) string { return value(a.AssociationId) }),
	"domain":                     one(func(a wire.Address) wire.DomainType { return a.Domain }),
	"instance-id":                one(func(a wire.Address) string { return value(a.InstanceId) }),
	"network-border-group":       one(func(a wire.Address) string { return value(a.NetworkBorderGroup) }),
	"network-interface-id":       one(func(a wire.Address) string { return value(a.NetworkInterfaceId) }),
	"network-interface-owner-id": one(func(a wire.Address) string { return value(a.NetworkInterfaceOwnerId) }),
	"private-ip-address":         one(func(a wire.Address) string { return value(a.PrivateIpAddress) }),
	"public-ip":                  one(func(a wire.Address) string { return value(a.PublicIp) }),
}

// describeAddresses knows that nobody has an Elastic IP address: there is no
// internet for one.
func (s *Server) describeAddresses(_ context.Context, _ *api.Call, in *wire.DescribeAddressesInput) (*wire.DescribeAddressesOutput, error) {
	tags := func(wire.Address) map[string]string { return nil }
	if _, err := addressFilters.keep(in.Filters, tags); err != nil {
		return nil, err
	}
	if len(in.PublicIps) > 0 {
		if a, err := netip.ParseAddr(in.PublicIps[0]); err != nil || !a.Is4() {
			return nil, awserr.New("InvalidAddress.Malformed", "Invalid IPv4 address: '%s'", in.PublicIps[0])
		}
		return nil, awserr.New("InvalidAddress.NotFound", "Address '%s' not found.", in.PublicIps[0])
	}
	if len(in.AllocationIds) > 0 {
		return nil, awserr.New("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", in.AllocationIds[0])
	}
	return &wire.DescribeAddressesOutput{Addresses: []wire.Address{}}, nil
}
