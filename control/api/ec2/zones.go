// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"slices"
	"strings"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/region"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
)

func zoneFilters(in string) filters[region.Zone] {
	is := func(s string) func(region.Zone) []string { return func(region.Zone) []string { return []string{s} } }
	return filters[region.Zone]{
		"group-long-name":  func(region.Zone) []string { return nil },
		"group-name":       is(in + "-zg-1"),
		"message":          func(region.Zone) []string { return nil },
		"opt-in-status":    is("opt-in-not-required"),
		"parent-zone-id":   func(region.Zone) []string { return nil },
		"parent-zone-name": func(region.Zone) []string { return nil },
		"region-name":      is(in),
		"state":            is("available"),
		"zone-id":          func(z region.Zone) []string { return []string{z.ID} },
		"zone-name":        func(z region.Zone) []string { return []string{z.Name} },
		"zone-type":        is("availability-zone"),
	}
}

func (s *Server) describeAvailabilityZones(_ context.Context, c *api.Call, in *wire.DescribeAvailabilityZonesInput) (*wire.DescribeAvailabilityZonesOutput, error) {
	r, _ := region.Of(c.Region)
	keep, err := zoneFilters(c.Region).keep(in.Filters, nil)
	if err != nil {
		return nil, err
	}
	asked := map[string]bool{}
	for _, name := range in.ZoneNames {
		if !slices.Contains(r.ZoneNames(), name) {
			return nil, awserr.New("InvalidParameterValue", "Invalid availability zone: [%s]", name)
		}
		asked[name] = true
	}
	for _, id := range in.ZoneIds {
		z, ok := r.Zone(id)
		if !ok || z.ID != id {
			return nil, awserr.New("InvalidParameterValue", "Invalid availability zone-id: [%s]", id)
		}
		asked[z.Name] = true
	}
	out := &wire.DescribeAvailabilityZonesOutput{AvailabilityZones: []wire.AvailabilityZone{}}
	for _, z := range r.Zones {
		if keep(z) && (len(asked) == 0 || asked[z.Name]) {
			out.AvailabilityZones = append(out.AvailabilityZones, wireZone(r, z))
		}
	}
	return out, nil
}

func wireZone(r region.Region, z region.Zone) wire.AvailabilityZone {
	return wire.AvailabilityZone{
		GroupName: new(r.Name + "-zg-1"), Messages: []wire.AvailabilityZoneMessage{}, NetworkBorderGroup: new(r.Name),
		OptInStatus: "opt-in-not-required", RegionName: new(r.Name), State: "available",
		ZoneId: new(z.ID), ZoneName: new(z.Name), ZoneType: new("availability-zone"),
	}
}

func optIn(r region.Region) string {
	if r.OptIn {
		return "opted-in" // every region is open to every account here
	}
	return "opt-in-not-required"
}

func endpointOf(r region.Region) string { return "ec2." + r.Name + ".amazonaws.com" }

var regionFilters = filters[region.Region]{
	"endpoint":      func(r region.Region) []string { return []string{endpointOf(r)} },
	"opt-in-status": func(r region.Region) []string { return []string{optIn(r)} },
	"region-name":   func(r region.Region) []string { return []string{r.Name} },
}

func (s *Server) describeRegions(_ context.Context, _ *api.Call, in *wire.DescribeRegionsInput) (*wire.DescribeRegionsOutput, error) {
	keep, err := regionFilters.keep(in.Filters, nil)
	if err != nil {
		return nil, err
	}
	asked := map[string]bool{}
	var unknown []string
	for _, name := range in.RegionNames {
		if !region.Known(name) {
			unknown = append(unknown, name)
		}
		asked[name] = true
	}
	if len(unknown) > 0 {
		return nil, awserr.New("InvalidParameterValue", "Invalid region names: %s", strings.Join(unknown, ", "))
	}
	out := &wire.DescribeRegionsOutput{Regions: []wire.Region{}}
	for _, r := range region.All() {
		if keep(r) && (len(asked) == 0 || asked[r.Name]) {
			out.Regions = append(out.Regions, wire.Region{Endpoint: new(endpointOf(r)), OptInStatus: new(optIn(r)), RegionName: new(r.Name)})
		}
	}
	return out, nil
}
