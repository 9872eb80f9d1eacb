// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"strings"

	"enishi.dev/enishi/aws/awserr"
)

// IDKind is one sort of id, as AWS's errors spell it. Calls on endpoints spell
// some of them otherwise; these have a kind of their own here.
type IDKind struct {
	Prefix        string
	malformed     string // code
	malformedText string // %s is what the caller gave
	notFound      string // code
	notFoundText  string
}

const (
	expecting         = `Invalid id: "%s" (expecting "PREFIX-...")`
	expectingInFamily = `Invalid Id: '%s' (expecting 'PREFIX-...; the Id may only contain lowercase alphanumeric characters and a single dash')`
)

func idKind(prefix, malformed, text, notFound, notFoundText string) IDKind {
	return IDKind{prefix, malformed, strings.ReplaceAll(text, "PREFIX", prefix), notFound, notFoundText}
}

// The kinds of ids.
var (
	VPCIDs           = idKind("vpc", "InvalidVpcId.Malformed", "The vpc ID %s is malformed", "InvalidVpcID.NotFound", "The vpc ID '%s' does not exist")
	SubnetIDs        = idKind("subnet", "InvalidSubnetID.Malformed", expecting, "InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist")
	RouteTableIDs    = idKind("rtb", "InvalidRouteTableId.Malformed", expecting, "InvalidRouteTableID.NotFound", "The routeTable ID '%s' does not exist")
	AssociationIDs   = idKind("rtbassoc", "InvalidAssociationID.Malformed", expecting, "InvalidAssociationID.NotFound", "The association ID '%s' does not exist")
	SecurityGroupIDs = idKind("sg", "InvalidGroupId.Malformed", expecting, "InvalidGroup.NotFound", "The security group '%s' does not exist")
	RuleIDs          = idKind("sgr", "InvalidSecurityGroupRuleId.Malformed", expecting, "InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist")
	ENIIDs           = idKind("eni", "InvalidNetworkInterfaceId.Malformed", expecting, "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist")
	AttachmentIDs    = idKind("eni-attach", "InvalidNetworkInterfaceAttachmentId.Malformed", expecting, "InvalidAttachmentID.NotFound", "The network interface attachment ID '%s' does not exist")
	EndpointIDs      = idKind("vpce", "InvalidVpcEndpointId.Malformed", expectingInFamily, "InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '%s' does not exist")
	GatewayIDs       = idKind("igw", "InvalidInternetGatewayId.Malformed", expecting, "InvalidInternetGatewayID.NotFound", "The internetGateway ID '%s' does not exist")
	PrefixListIDs    = idKind("pl", "InvalidPrefixListId.Malformed", expecting, "InvalidPrefixListID.NotFound", "The prefix list ID '%s' does not exist")
	ImageIDs         = idKind("ami", "InvalidAMIID.Malformed", expecting, "InvalidAMIID.NotFound", "The image id '[%s]' does not exist")
	InstanceIDs      = idKind("i", "InvalidInstanceID.Malformed", expecting, "InvalidInstanceID.NotFound", "The instance ID '%s' does not exist")

	// Those of interfaces that are a service's.
	ServiceAttachmentIDs = idKind("ela-attach", "InvalidNetworkInterfaceAttachmentId.Malformed", expecting, "InvalidAttachmentID.NotFound", "The network interface attachment ID '%s' does not exist")

	// As the calls on routes spell it.
	RouteGatewayIDs = idKind("igw", "InvalidGatewayID.NotFound", "The gateway ID '%s' does not exist", "InvalidGatewayID.NotFound", "The gateway ID '%s' does not exist")

	// As the calls on VPC endpoints spell them.
	EndpointVPCIDs    = idKind("vpc", "InvalidVpcId.Malformed", "The vpc ID %s is malformed", "InvalidVpcId.NotFound", "The VPC ID '%s' does not exist")
	EndpointSubnetIDs = idKind("subnet", "InvalidSubnetId.Malformed", "Invalid Subnet Id: '%s' (expecting 'subnet-...; the Id may only contain lowercase alphanumeric characters and a single dash')", "InvalidSubnetId.NotFound", "The subnet ID '%s' does not exist")
	EndpointTableIDs  = idKind("rtb", "InvalidRouteTableId.Malformed", expectingInFamily, "InvalidRouteTableId.NotFound", "The routeTable ID '%s' does not exist")
	EndpointGroupIDs  = idKind("sg", "InvalidSecurityGroupId.Malformed", expectingInFamily, "InvalidSecurityGroupId.NotFound", "The security group '%s' does not exist")
)

// Is reports whether s is an id of the kind: the prefix, a hyphen, and 17 lower
// case hexadecimal digits, or the 8 that old ids have at AWS.
func (k IDKind) Is(s string) bool {
	digits, ok := strings.CutPrefix(s, k.Prefix+"-")
	return ok && (len(digits) == 17 || len(digits) == 8) &&
		strings.Trim(digits, "0123456789abcdef") == ""
}

// NotFound is the error for an id of the kind that nothing has.
func (k IDKind) NotFound(id string) error {
	return awserr.New(k.notFound, k.notFoundText, id)
}

// ParseID is the way from a caller's string to an id: T is the type for the kind.
func ParseID[T ~string](k IDKind, s string) (T, error) {
	if !k.Is(s) {
		return "", awserr.New(k.malformed, k.malformedText, s)
	}
	return T(s), nil
}
