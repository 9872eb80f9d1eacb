// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"slices"

	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/vpc"
)

var endpointFilters = filters[vpc.Endpoint]{
	"ip-address-type":    func(e vpc.Endpoint) []string { return []string{e.AddressType} },
	"service-name":       func(e vpc.Endpoint) []string { return []string{e.Service} },
	"service-region":     func(e vpc.Endpoint) []string { return []string{e.Region} },
	"vpc-endpoint-id":    one(func(e vpc.Endpoint) vpc.EndpointID { return e.ID }),
	"vpc-endpoint-state": func(e vpc.Endpoint) []string { return []string{e.State()} },
	"vpc-endpoint-type":  one(func(e vpc.Endpoint) vpc.EndpointType { return e.Type }),
	"vpc-id":             one(func(e vpc.Endpoint) vpc.VPCID { return e.VPC }),
}

// describeVPCEndpoints shows deleted endpoints only to whoever asks for that
// state: at AWS they vanish soon, and Terraform waits for it.
func (s *Server) describeVPCEndpoints(_ context.Context, c *api.Call, in *wire.DescribeVpcEndpointsInput) (*wire.DescribeVpcEndpointsOutput, error) {
	v := s.store.View()
	rows, err := list(v.Endpoints, c, vpc.EndpointIDs, in.VpcEndpointIds)
	if err != nil {
		return nil, err
	}
	if !asksForDeleted(in.Filters) {
		for _, e := range rows {
			if len(in.VpcEndpointIds) > 0 && !e.Status.Gone.IsZero() {
				return nil, vpc.EndpointIDs.NotFound(string(e.ID))
			}
		}
		rows = slices.DeleteFunc(rows, func(e vpc.Endpoint) bool { return !e.Status.Gone.IsZero() })
	}
	sel := selection{IDs: in.VpcEndpointIds, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken}
	rows, next, err := choose(c, sel, rows, func(e vpc.Endpoint) string { return string(e.ID) }, endpointFilters, tagsOf)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeVpcEndpointsOutput{VpcEndpoints: []wire.VpcEndpoint{}, NextToken: next}
	for _, e := range rows {
		out.VpcEndpoints = append(out.VpcEndpoints, wireEndpoint(v, e))
	}
	return out, nil
}

func asksForDeleted(request []wire.Filter) bool {
	return slices.ContainsFunc(request, func(f wire.Filter) bool {
		return value(f.Name) == "vpc-endpoint-state" && slices.Contains(f.Values, "deleted")
	})
}
