// SPDX-License-Identifier: Apache-2.0

// Package elbv2 is Elastic Load Balancing's API, in both its versions. Nothing in it makes a load
// balancer yet: what it describes is that there are none.
package elbv2

import (
	"enishi.dev/enishi/aws/wire"
	shapes "enishi.dev/enishi/aws/wire/elbv2"
	"enishi.dev/enishi/control/api"
)

// Service is the service's place in the whole API.
func Service() api.Service {
	return api.Service{
		Name: "elasticloadbalancing", Version: shapes.Version, Protocol: wire.ELBv2,
		Actions: actions(), Others: shapes.Others(),
	}
}

func actions() map[string]api.Action {
	return map[string]api.Action{
		"DescribeAccountLimits": api.Handle("elasticloadbalancing:DescribeAccountLimits", describeAccountLimits),
		"DescribeLoadBalancers": api.Handle("elasticloadbalancing:DescribeLoadBalancers", describeLoadBalancers),
		"DescribeTags":          api.Handle("elasticloadbalancing:DescribeTags", describeTags),
		"DescribeTargetGroups":  api.Handle("elasticloadbalancing:DescribeTargetGroups", describeTargetGroups),
	}
}
