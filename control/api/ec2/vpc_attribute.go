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

func (s *Server) describeVPCAttribute(_ context.Context, c *api.Call, in *wire.DescribeVpcAttributeInput) (*wire.DescribeVpcAttributeOutput, error) {
	if _, err := required("Attribute", new(string(in.Attribute))); err != nil {
		return nil, err
	}
	v, err := need(s.store.View().VPCs, c, vpc.VPCIDs, "VpcId", in.VpcId)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeVpcAttributeOutput{VpcId: in.VpcId}
	switch in.Attribute {
	case "enableDnsSupport":
		out.EnableDnsSupport = &wire.AttributeBooleanValue{Value: new(v.DNSSupport)}
	case "enableDnsHostnames":
		out.EnableDnsHostnames = &wire.AttributeBooleanValue{Value: new(v.DNSHostnames)}
	case "enableNetworkAddressUsageMetrics":
		out.EnableNetworkAddressUsageMetrics = &wire.AttributeBooleanValue{Value: new(false)}
	default:
		return nil, awserr.New("InvalidParameterValue",
			"Value (%s) for parameter attribute is invalid. Unknown attribute.", in.Attribute)
	}
	return out, nil
}

func (s *Server) modifyVPCAttribute(ctx context.Context, c *api.Call, in *wire.ModifyVpcAttributeInput) (*wire.ModifyVpcAttributeOutput, error) {
	says := func(a *wire.AttributeBooleanValue) bool { return a != nil && a.Value != nil }
	given := howMany(says(in.EnableDnsHostnames), says(in.EnableDnsSupport), says(in.EnableNetworkAddressUsageMetrics))
	if given != 1 {
		return nil, awserr.New("InvalidParameterCombination", "Exactly one attribute must be given to modify, %d are.", given)
	}
	if err := api.Only(in, "VpcId", "EnableDnsHostnames", "EnableDnsSupport"); err != nil {
		return nil, err
	}
	return new(wire.ModifyVpcAttributeOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		v, err := need(tx.View.VPCs, c, vpc.VPCIDs, "VpcId", in.VpcId)
		if err != nil {
			return err
		}
		if a := in.EnableDnsSupport; a != nil {
			v.DNSSupport = *a.Value
		}
		if a := in.EnableDnsHostnames; a != nil {
			v.DNSHostnames = *a.Value
		}
		tx.VPCs.Put(v)
		return nil
	})
}
