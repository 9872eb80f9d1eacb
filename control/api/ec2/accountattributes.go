// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"slices"
	"strconv"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
)

// accountAttribute is one thing that AWS says of an account in a region.
type accountAttribute struct {
	name  wire.AccountAttributeName
	value string
}

func (s *Server) accountAttributes(v *store.View, c *api.Call) []accountAttribute {
	home := "none"
	if d, ok := defaultVPC(v, c); ok {
		home = string(d.ID)
	}
	return []accountAttribute{
		{"supported-platforms", "VPC"},
		{"vpc-max-security-groups-per-interface", strconv.Itoa(s.limits.GroupsPerInterface)},
		{"max-elastic-ips", strconv.Itoa(s.limits.ElasticIPs)},
		{"max-instances", strconv.Itoa(s.limits.Instances)},
		{"vpc-max-elastic-ips", strconv.Itoa(s.limits.ElasticIPs)},
		{"default-vpc", home},
	}
}

func (s *Server) describeAccountAttributes(_ context.Context, c *api.Call, in *wire.DescribeAccountAttributesInput) (*wire.DescribeAccountAttributesOutput, error) {
	all := s.accountAttributes(s.store.View(), c)
	for _, name := range in.AttributeNames {
		if !slices.ContainsFunc(all, func(a accountAttribute) bool { return a.name == name }) {
			return nil, awserr.New("InvalidParameterValue", "Value (%s) for parameter attributeName is invalid. Unknown account attribute.", name)
		}
	}
	out := &wire.DescribeAccountAttributesOutput{AccountAttributes: []wire.AccountAttribute{}}
	for _, a := range all {
		if len(in.AttributeNames) == 0 || slices.Contains(in.AttributeNames, a.name) {
			out.AccountAttributes = append(out.AccountAttributes, wire.AccountAttribute{
				AttributeName: new(string(a.name)), AttributeValues: []wire.AccountAttributeValue{{AttributeValue: new(a.value)}},
			})
		}
	}
	return out, nil
}
