// SPDX-License-Identifier: Apache-2.0

// Package vpc is the model of networks: what VPCs, subnets, interfaces, groups,
// routes, endpoints and instances are, which of them may exist together, and in
// which state they are. It is pure: values and checks, no I/O, no clock.
package vpc

// The ids of resources: a prefix and 17 lower-case hexadecimal digits.
type (
	ID              string // any of the below
	VPCID           string // vpc-
	SubnetID        string // subnet-
	RouteTableID    string // rtb-
	AssociationID   string // rtbassoc-
	SecurityGroupID string // sg-
	RuleID          string // sgr-
	ENIID           string // eni-
	EndpointID      string // vpce-
	InstanceID      string // i-
	GatewayID       string // igw-
	ReservationID   string // r-
)
