// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"slices"

	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func (s *Server) describeNetworkInterfaces(_ context.Context, c *api.Call, in *wire.DescribeNetworkInterfacesInput) (*wire.DescribeNetworkInterfacesOutput, error) {
	v := s.store.View()
	rows, err := list(v.ENIs, c, vpc.ENIIDs, in.NetworkInterfaceIds)
	if err != nil {
		return nil, err
	}
	for _, e := range rows {
		if e.Withdrawn && len(in.NetworkInterfaceIds) > 0 {
			return nil, vpc.ENIIDs.NotFound(string(e.ID))
		}
	}
	rows = slices.DeleteFunc(rows, func(e vpc.ENI) bool { return e.Withdrawn })
	sel := selection{IDs: in.NetworkInterfaceIds, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken}
	rows, next, err := choose(c, sel, rows, func(e vpc.ENI) string { return string(e.ID) }, interfaceFilters(c, v), tagsOf)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeNetworkInterfacesOutput{NetworkInterfaces: []wire.NetworkInterface{}, NextToken: next}
	for _, e := range rows {
		out.NetworkInterfaces = append(out.NetworkInterfaces, wireInterface(c, v, e))
	}
	return out, nil
}

// findInterface is find for an interface: one that is withdrawn is gone for callers.
func findInterface(v *store.View, c *api.Call, id string) (vpc.ENI, error) {
	e, err := find(v.ENIs, c, vpc.ENIIDs, id)
	if err == nil && e.Withdrawn {
		err = vpc.ENIIDs.NotFound(id)
	}
	return e, err
}

// needInterface is findInterface for a parameter that must be there.
func needInterface(v *store.View, c *api.Call, id *string) (vpc.ENI, error) {
	text, err := required("NetworkInterfaceId", id)
	if err != nil {
		return vpc.ENI{}, err
	}
	return findInterface(v, c, text)
}
