// SPDX-License-Identifier: Apache-2.0

package elbv2

import (
	"context"

	shapes "enishi.dev/enishi/aws/wire/elbv2"
	"enishi.dev/enishi/control/api"
)

func describeAccountLimits(_ context.Context, c *api.Call, in *shapes.DescribeAccountLimitsInput) (*shapes.DescribeAccountLimitsOutput, error) {
	var rows []shapes.Limit
	for _, l := range limits {
		rows = append(rows, shapes.Limit{Name: new(l.name), Max: new(l.most)})
	}
	rows, next, err := page(c, in.PageSize, in.Marker, rows, func(l shapes.Limit) string { return *l.Name })
	if err != nil {
		return nil, err
	}
	return &shapes.DescribeAccountLimitsOutput{Limits: rows, NextMarker: next}, nil
}

// limits are those of a new account at AWS, by name.
var limits = []struct{ name, most string }{
	{"application-load-balancers", "50"},
	{"certificates-per-application-load-balancer", "25"},
	{"certificates-per-network-load-balancer", "25"},
	{"condition-values-per-alb-rule", "5"},
	{"condition-wildcards-per-alb-rule", "5"},
	{"gateway-load-balancers", "100"},
	{"gateway-load-balancers-per-vpc", "100"},
	{"geneve-target-groups", "100"},
	{"listeners-per-application-load-balancer", "50"},
	{"listeners-per-network-load-balancer", "50"},
	{"network-load-balancer-enis-per-vpc", "1200"},
	{"network-load-balancers", "50"},
	{"rules-per-application-load-balancer", "100"},
	{"target-groups", "3000"},
	{"target-groups-per-action-on-application-load-balancer", "5"},
	{"target-groups-per-action-on-network-load-balancer", "1"},
	{"target-groups-per-application-load-balancer", "100"},
	{"target-id-registrations-per-application-load-balancer", "1000"},
	{"targets-per-application-load-balancer", "1000"},
	{"targets-per-availability-zone-per-gateway-load-balancer", "300"},
	{"targets-per-availability-zone-per-network-load-balancer", "500"},
	{"targets-per-network-load-balancer", "3000"},
	{"targets-per-target-group", "1000"},
}
