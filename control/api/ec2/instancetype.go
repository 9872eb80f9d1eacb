// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/instancetype"
	"enishi.dev/enishi/aws/region"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
)

func (s *Server) describeInstanceTypes(_ context.Context, c *api.Call, in *wire.DescribeInstanceTypesInput) (*wire.DescribeInstanceTypesOutput, error) {
	types, err := instanceTypes(in.InstanceTypes)
	if err != nil {
		return nil, err
	}
	sel := selection{IDs: texts(in.InstanceTypes), Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken, Most: 100}
	types, next, err := choose(c, sel, types, func(t instancetype.Type) string { return t.Name }, instanceTypeFilters(), nil)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeInstanceTypesOutput{InstanceTypes: []wire.InstanceTypeInfo{}, NextToken: next}
	for _, t := range types {
		out.InstanceTypes = append(out.InstanceTypes, wireInstanceType(t))
	}
	return out, nil
}

// instanceTypes are the types of the names, or all, by name, each once.
func instanceTypes(names []wire.InstanceType) ([]instancetype.Type, error) {
	if len(names) == 0 {
		return instancetype.All(), nil
	}
	var types []instancetype.Type
	var unknown []string
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		t, ok := instancetype.Of(string(name))
		if !ok {
			unknown = append(unknown, string(name))
		}
		types = append(types, t)
	}
	if len(unknown) > 0 {
		return nil, awserr.New("InvalidInstanceType", "The following supplied instance types do not exist: [%s]", strings.Join(unknown, ", "))
	}
	return types, nil
}

// offering is a type at a place.
type offering struct {
	instanceType, location string
}

var offeringFilters = filters[offering]{
	"instance-type": func(o offering) []string { return []string{o.instanceType} },
	"location":      func(o offering) []string { return []string{o.location} },
}

// describeInstanceTypeOfferings says that every type is offered everywhere.
func (s *Server) describeInstanceTypeOfferings(_ context.Context, c *api.Call, in *wire.DescribeInstanceTypeOfferingsInput) (*wire.DescribeInstanceTypeOfferingsOutput, error) {
	kind := cmp.Or(in.LocationType, "region")
	places, err := locations(c, kind)
	if err != nil {
		return nil, err
	}
	var rows []offering
	for _, t := range instancetype.All() {
		for _, place := range places {
			rows = append(rows, offering{t.Name, place})
		}
	}
	id := func(o offering) string { return o.instanceType + " " + o.location }
	slices.SortFunc(rows, func(a, b offering) int { return cmp.Compare(id(a), id(b)) })
	sel := selection{IDs: []string{string(kind)}, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken}
	rows, next, err := choose(c, sel, rows, id, offeringFilters, nil)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeInstanceTypeOfferingsOutput{InstanceTypeOfferings: []wire.InstanceTypeOffering{}, NextToken: next}
	for _, o := range rows {
		out.InstanceTypeOfferings = append(out.InstanceTypeOfferings, wire.InstanceTypeOffering{
			InstanceType: wire.InstanceType(o.instanceType), Location: new(o.location), LocationType: kind,
		})
	}
	return out, nil
}

// locations are the region's places of the kind.
func locations(c *api.Call, kind wire.LocationType) ([]string, error) {
	r, _ := region.Of(c.Region)
	switch kind {
	case "region":
		return []string{r.Name}, nil
	case "availability-zone":
		return r.ZoneNames(), nil
	case "availability-zone-id":
		var ids []string
		for _, z := range r.Zones {
			ids = append(ids, z.ID)
		}
		return ids, nil
	case "outpost":
		return nil, nil
	}
	return nil, awserr.New("InvalidParameterValue", "Value (%s) for parameter locationType is invalid.", kind)
}
