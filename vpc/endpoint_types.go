// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"slices"

	"enishi.dev/enishi/aws/awserr"
)

// The types of endpoints that AWS has. Those without a row in endpointTypes are
// refused as types that no service here offers.
const (
	Interface           EndpointType = "Interface"
	Gateway             EndpointType = "Gateway"
	GatewayLoadBalancer EndpointType = "GatewayLoadBalancer"
	ResourceType        EndpointType = "Resource"
	ServiceNetwork      EndpointType = "ServiceNetwork"
)

// endpointType is what an endpoint of one type may have (reference 1.1).
type endpointType struct {
	subnets, groups, tables, policy, privateDNS bool
}

var endpointTypes = map[EndpointType]endpointType{
	Interface: {subnets: true, groups: true, policy: true, privateDNS: true},
}

// ParseEndpointType returns the type that a request names; Gateway is AWS's default.
func ParseEndpointType(s string) (EndpointType, error) {
	t := EndpointType(s)
	if s == "" {
		t = Gateway
	}
	if !slices.Contains([]EndpointType{Interface, Gateway, GatewayLoadBalancer, ResourceType, ServiceNetwork}, t) {
		return "", awserr.New("InvalidVpcEndpointType", "The VPC endpoint type '%s' is not valid.", s)
	}
	return t, nil
}

// checkType refuses what a request gives to an endpoint of a type that does not have it.
func (s EndpointSpec) checkType() (endpointType, error) {
	switch {
	case s.Type != Interface && s.Type != GatewayLoadBalancer && len(s.Subnets) > 0:
		return endpointType{}, awserr.New("InvalidParameter", "Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints.")
	case s.Type != Gateway && len(s.Tables) > 0:
		return endpointType{}, awserr.New("InvalidParameter", "Route table IDs are only supported for Gateway type VPC Endpoint.")
	case s.Type == Gateway && len(s.Groups) > 0:
		return endpointType{}, awserr.New("InvalidParameter", "Security group IDs are only supported for Interface type VPC Endpoints.")
	}
	t, ok := endpointTypes[s.Type]
	if !ok {
		return t, awserr.New("InvalidParameter", "Endpoint type (%s) does not match available service types ([Interface]).", s.Type)
	}
	return t, nil
}
