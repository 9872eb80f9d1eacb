// SPDX-License-Identifier: Apache-2.0

package elbv2

import (
	"context"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/wire"
	classic "enishi.dev/enishi/aws/wire/elb"
	"enishi.dev/enishi/control/api"
)

// Classic is the place of Classic Load Balancers in the whole API: the version of
// the same service that came first.
func Classic() api.Service {
	return api.Service{
		Name: "elasticloadbalancing", Version: classic.Version, Protocol: wire.ELB,
		Actions: map[string]api.Action{
			"DescribeLoadBalancers": api.Handle("elasticloadbalancing:DescribeLoadBalancers", describeClassic),
		},
		Others: classic.Others(),
	}
}

// describeClassic answers as describeLoadBalancers does.
func describeClassic(_ context.Context, c *api.Call, in *classic.DescribeLoadBalancersInput) (*classic.DescribeLoadBalancersOutput, error) {
	rows, next, err := page(c, in.PageSize, in.Marker, []classic.LoadBalancerDescription{}, func(b classic.LoadBalancerDescription) string { return *b.LoadBalancerName })
	if err == nil && len(in.LoadBalancerNames) > 0 {
		err = awserr.New("LoadBalancerNotFound", "There is no ACTIVE Load Balancer named '%s'", in.LoadBalancerNames[0])
	}
	if err != nil {
		return nil, err
	}
	return &classic.DescribeLoadBalancersOutput{LoadBalancerDescriptions: rows, NextMarker: next}, nil
}
