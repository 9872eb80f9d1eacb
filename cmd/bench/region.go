// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"enishi.dev/enishi/aws/wire/ec2"
)

// enter has calls go to the region from now on, which has no VPC any more: all that an
// account may have there are needed.
func (w *world) enter(ctx context.Context, region string) error {
	w.api.Region = region
	vpcs, err := call[ec2.DescribeVpcsOutput](ctx, w, "DescribeVpcs", &ec2.DescribeVpcsInput{})
	if err != nil {
		return err
	}
	for _, v := range vpcs.Vpcs {
		if err := w.clear(ctx, *v.VpcId); err != nil {
			return fmt.Errorf("delete the default VPC of %s: %w", region, err)
		}
	}
	return nil
}

// clear deletes the one VPC that there is, with its subnets and gateway.
func (w *world) clear(ctx context.Context, vpc string) error {
	gateways, err := call[ec2.DescribeInternetGatewaysOutput](ctx, w, "DescribeInternetGateways", &ec2.DescribeInternetGatewaysInput{})
	if err != nil {
		return err
	}
	for _, g := range gateways.InternetGateways {
		if _, err := call[ec2.DetachInternetGatewayOutput](ctx, w, "DetachInternetGateway", &ec2.DetachInternetGatewayInput{InternetGatewayId: g.InternetGatewayId, VpcId: &vpc}); err != nil {
			return err
		}
		if _, err := call[ec2.DeleteInternetGatewayOutput](ctx, w, "DeleteInternetGateway", &ec2.DeleteInternetGatewayInput{InternetGatewayId: g.InternetGatewayId}); err != nil {
			return err
		}
	}
	subnets, err := call[ec2.DescribeSubnetsOutput](ctx, w, "DescribeSubnets", &ec2.DescribeSubnetsInput{})
	if err != nil {
		return err
	}
	for _, n := range subnets.Subnets {
		if _, err := call[ec2.DeleteSubnetOutput](ctx, w, "DeleteSubnet", &ec2.DeleteSubnetInput{SubnetId: n.SubnetId}); err != nil {
			return err
		}
	}
	_, err = call[ec2.DeleteVpcOutput](ctx, w, "DeleteVpc", &ec2.DeleteVpcInput{VpcId: &vpc})
	return err
}
