// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"enishi.dev/enishi/aws/region"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/vpc"
)

// serviceFilters are those of AWS services: nobody's own are there yet.
func serviceFilters(r region.Region) filters[region.Service] {
	is := func(s string) func(region.Service) []string {
		return func(region.Service) []string { return []string{s} }
	}
	return filters[region.Service]{
		"owner":                      is("amazon"),
		"service-name":               func(s region.Service) []string { return []string{r.ServiceName(s)} },
		"service-region":             is(r.Name),
		"service-type":               is(string(vpc.Interface)),
		"supported-ip-address-types": is("ipv4"),
	}
}

func (s *Server) describeVPCEndpointServices(_ context.Context, c *api.Call, in *wire.DescribeVpcEndpointServicesInput) (*wire.DescribeVpcEndpointServicesOutput, error) {
	r, _ := region.Of(c.Region)
	rows := region.Services()
	if len(in.ServiceNames) > 0 {
		rows = nil
		for _, name := range in.ServiceNames {
			service, ok := r.ServiceOf(name)
			if !ok {
				return nil, vpc.NoService(name)
			}
			rows = append(rows, service)
		}
		slices.SortFunc(rows, func(a, b region.Service) int { return cmp.Compare(a.Name, b.Name) })
		rows = slices.Compact(rows)
	}
	if len(in.ServiceRegions) > 0 && !matchesAny(parsePatterns(in.ServiceRegions), []string{r.Name}) {
		rows = nil
	}
	sel := selection{IDs: in.ServiceNames, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken}
	none := func(region.Service) map[string]string { return nil }
	rows, next, err := choose(c, sel, rows, r.ServiceName, serviceFilters(r), none)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeVpcEndpointServicesOutput{ServiceDetails: []wire.ServiceDetail{}, ServiceNames: []string{}, NextToken: next}
	for _, row := range rows {
		out.ServiceNames = append(out.ServiceNames, r.ServiceName(row))
		out.ServiceDetails = append(out.ServiceDetails, wireService(r, row))
	}
	return out, nil
}

// serviceID is the id of one of AWS's services in a region: always the same.
func serviceID(r region.Region, s region.Service) string {
	sum := sha256.Sum256([]byte(r.ServiceName(s)))
	return "vpce-svc-" + hex.EncodeToString(sum[:])[:17]
}

func wireService(r region.Region, s region.Service) wire.ServiceDetail {
	d := wire.ServiceDetail{
		AcceptanceRequired: new(false), AvailabilityZones: r.ZoneNames(), BaseEndpointDnsNames: []string{r.BaseName(s)},
		ManagesVpcEndpoints: new(false), Owner: new("amazon"), PrivateDnsName: new(r.PrivateName(s)),
		PrivateDnsNameVerificationState: "verified", PrivateDnsNames: []wire.PrivateDnsDetails{{PrivateDnsName: new(r.PrivateName(s))}},
		ServiceId: new(serviceID(r, s)), ServiceName: new(r.ServiceName(s)), ServiceRegion: new(r.Name),
		ServiceType:             []wire.ServiceTypeDetail{{ServiceType: wire.ServiceType(vpc.Interface)}},
		SupportedIpAddressTypes: []wire.ServiceConnectivityType{"ipv4"}, Tags: []wire.Tag{},
		VpcEndpointPolicySupported: new(s.Policy),
	}
	for _, z := range r.Zones {
		d.AvailabilityZoneIds = append(d.AvailabilityZoneIds, z.ID)
	}
	return d
}
