// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"cmp"

	"enishi.dev/enishi/aws/awserr"
)

// The types of endpoints that AWS has.
const (
	Interface           EndpointType = "Interface"
	Gateway             EndpointType = "Gateway"
	GatewayLoadBalancer EndpointType = "GatewayLoadBalancer"
	ResourceType        EndpointType = "Resource"
	ServiceNetwork      EndpointType = "ServiceNetwork"
)

// endpointType is what an endpoint of one type may be given (reference 1.1), and
// whether a service here offers it.
type endpointType struct{ subnets, groups, tables, offered bool }

var endpointTypes = map[EndpointType]endpointType{
	Interface:           {subnets: true, groups: true, offered: true},
	Gateway:             {tables: true},
	GatewayLoadBalancer: {subnets: true},
	ResourceType:        {subnets: true, groups: true},
	ServiceNetwork:      {subnets: true, groups: true},
}

// ParseEndpointType returns the type that a request names; Gateway is AWS's default.
func ParseEndpointType(s string) (EndpointType, error) {
	t := cmp.Or(EndpointType(s), Gateway)
	if _, ok := endpointTypes[t]; !ok {
		return "", awserr.New("InvalidVpcEndpointType", "The VPC endpoint type '%s' is not valid.", s)
	}
	return t, nil
}

// checkType refuses what a request gives to an endpoint of a type that does not
// have it, and a type that no service offers.
func (s EndpointSpec) checkType() error {
	switch t := endpointTypes[s.Type]; {
	case len(s.Subnets) > 0 && !t.subnets:
		return awserr.New("InvalidParameter", "Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints.")
	case len(s.Tables) > 0 && !t.tables:
		return awserr.New("InvalidParameter", "Route table IDs are only supported for Gateway type VPC Endpoint.")
	case len(s.Groups) > 0 && !t.groups:
		return awserr.New("InvalidParameter", "Security group IDs are only supported for Interface type VPC Endpoints.")
	case !t.offered:
		return awserr.New("InvalidParameter", "Endpoint type (%s) does not match available service types ([Interface]).", s.Type)
	}
	return nil
}
