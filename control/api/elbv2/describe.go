// SPDX-License-Identifier: Apache-2.0

package elbv2

import (
	"context"

	shapes "enishi.dev/enishi/aws/wire/elbv2"
	"enishi.dev/enishi/control/api"
)

// describeLoadBalancers answers for accounts that have none, as CreateLoadBalancer
// is refused: every list is empty, and whatever is named is not found.
func describeLoadBalancers(_ context.Context, c *api.Call, in *shapes.DescribeLoadBalancersInput) (*shapes.DescribeLoadBalancersOutput, error) {
	for _, a := range in.LoadBalancerArns {
		if err := loadBalancer.check(c, a); err != nil {
			return nil, err
		}
	}
	rows, next, err := page(c, in.PageSize, in.Marker, []shapes.LoadBalancer{}, func(b shapes.LoadBalancer) string { return *b.LoadBalancerArn })
	if err == nil && len(in.LoadBalancerArns)+len(in.Names) > 0 {
		err = loadBalancer.notFound()
	}
	if err != nil {
		return nil, err
	}
	return &shapes.DescribeLoadBalancersOutput{LoadBalancers: rows, NextMarker: next}, nil
}

// describeTargetGroups answers as describeLoadBalancers does.
func describeTargetGroups(_ context.Context, c *api.Call, in *shapes.DescribeTargetGroupsInput) (*shapes.DescribeTargetGroupsOutput, error) {
	for _, a := range in.TargetGroupArns {
		if err := targetGroup.check(c, a); err != nil {
			return nil, err
		}
	}
	if in.LoadBalancerArn != nil {
		if err := loadBalancer.check(c, *in.LoadBalancerArn); err != nil {
			return nil, err
		}
	}
	rows, next, err := page(c, in.PageSize, in.Marker, []shapes.TargetGroup{}, func(g shapes.TargetGroup) string { return *g.TargetGroupArn })
	switch {
	case err != nil:
	case in.LoadBalancerArn != nil:
		err = loadBalancer.notFound()
	case len(in.TargetGroupArns)+len(in.Names) > 0:
		err = targetGroup.notFound()
	}
	if err != nil {
		return nil, err
	}
	return &shapes.DescribeTargetGroupsOutput{TargetGroups: rows, NextMarker: next}, nil
}
