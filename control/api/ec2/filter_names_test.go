// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	_ "embed"
	"strings"
	"testing"

	"enishi.dev/enishi/aws/region"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
)

// filterNames has a line for each filter that AWS documents: action and name.
//
//go:embed testdata/filters.list
var filterNames string

func TestEveryFilterThatAWSDocumentsIsKnown(t *testing.T) {
	r, _ := region.Of("ap-northeast-1")
	c, v := &api.Call{Region: r.Name}, new(store.View)
	knows := map[string]func(string) bool{
		"DescribeAddresses":                    known(addressFilters),
		"DescribeAvailabilityZones":            known(zoneFilters(r.Name)),
		"DescribeImages":                       known(imageFilters()),
		"DescribeInstanceCreditSpecifications": known(creditFilters),
		"DescribeInstanceStatus":               known(statusFilters(c)),
		"DescribeInstanceTypeOfferings":        known(offeringFilters),
		"DescribeInstanceTypes":                known(instanceTypeFilters()),
		"DescribeInstances":                    known(instanceFilters(c, v)),
		"DescribeInternetGateways":             known(gatewayFilters),
		"DescribeManagedPrefixLists":           known(managedPrefixListFilters),
		"DescribeNetworkInterfaces":            known(interfaceFilters(c, v)),
		"DescribePrefixLists":                  known(prefixListFilters),
		"DescribeRegions":                      known(regionFilters),
		"DescribeRouteTables":                  known(routeTableFilters()),
		"DescribeSecurityGroupRules":           known(ruleFilters),
		"DescribeSecurityGroups":               known(groupFilters(v)),
		"DescribeSubnets":                      known(subnetFilters(c, v)),
		"DescribeTags":                         known(tagFilters),
		"DescribeVpcEndpointServices":          known(serviceFilters(r)),
		"DescribeVpcEndpoints":                 known(endpointFilters),
		"DescribeVpcs":                         known(vpcFilters),
	}
	for line := range strings.Lines(filterNames) {
		action, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "tag-key" && (knows[action] == nil || !knows[action](name)) {
			t.Errorf("%s does not know the filter %s", action, name)
		}
	}
}

func known[T any](f filters[T]) func(string) bool {
	return func(name string) bool { _, ok := f[name]; return ok }
}
