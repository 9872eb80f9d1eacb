// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"net/netip"

	"enishi.dev/enishi/aws/awserr"
)

// VPCSpec is what is asked of a new VPC.
type VPCSpec struct {
	Owner   Meta // account, region, tags
	CIDR    netip.Prefix
	Tenancy string // default or dedicated; "" is default
}

// firstVNI is below the first VPC's number: in a network's service namespace the
// VNI is a link's index too, and the low ones are taken there.
const firstVNI = 255

// lastVNI is the highest number that packets can carry. Numbers are given out once
// in the life of a cluster, so after this many VPCs there are no more.
const lastVNI = 1<<24 - 1

// unusable are the ranges that no VPC can have: they mean something else to every host.
var unusable = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("224.0.0.0/3"),
}

// NewVPC returns a VPC with what each has from the first day: its main route
// table and its default security group. have is how many the owner has already.
func NewVPC(f Fresh, limits Limits, have int, spec VPCSpec) (VPC, RouteTable, SecurityGroup, error) {
	if err := checkVPC(limits, have, &spec); err != nil {
		return VPC{}, RouteTable{}, SecurityGroup{}, err
	}
	number := f.Number("vni")
	if number > lastVNI-firstVNI {
		return VPC{}, RouteTable{}, SecurityGroup{}, tooManyVPCs()
	}
	meta := spec.Owner
	meta.Created = f.Now
	v := VPC{
		Meta: meta, ID: VPCID(f.ID("vpc")), VNI: firstVNI + number,
		CIDRs: []netip.Prefix{spec.CIDR}, Tenancy: spec.Tenancy, DNSSupport: true,
	}
	meta.Tags = nil
	main := RouteTable{
		Meta: meta, ID: RouteTableID(f.ID("rtb")), Number: f.Number("table"), VPC: v.ID,
		Associations: []TableAssociation{{ID: AssociationID(f.ID("rtbassoc"))}},
	}
	group := SecurityGroup{
		Meta: meta, ID: SecurityGroupID(f.ID("sg")), Number: f.Number("group"), VPC: v.ID,
		Name: DefaultGroupName, Description: "default VPC security group",
	}
	group.Rules = []Rule{
		{ID: RuleID(f.ID("sgr")), Protocol: -1, From: -1, To: -1, Group: group.ID},
		allowAllOut(f),
	}
	v.MainTable, v.DefaultGroup = main.ID, group.ID
	return v, main, group, nil
}

func checkVPC(limits Limits, have int, spec *VPCSpec) error {
	switch spec.Tenancy {
	case "":
		spec.Tenancy = "default"
	case "default", "dedicated":
	default:
		return awserr.New("InvalidParameterValue",
			"Value (%s) for parameter instanceTenancy is invalid. Valid values are default and dedicated.", spec.Tenancy)
	}
	c := spec.CIDR
	if !c.Addr().Is4() || c.Bits() < 16 || c.Bits() > 28 {
		return awserr.New("InvalidVpc.Range", "The CIDR '%s' is invalid.", c)
	}
	for _, u := range unusable {
		if u.Overlaps(c) {
			return awserr.New("InvalidVpc.Range", "The CIDR '%s' is invalid.", c)
		}
	}
	if have >= limits.VPCs {
		return tooManyVPCs()
	}
	return nil
}

func tooManyVPCs() error {
	return awserr.New("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
}

// VPCContents is what still lies in a VPC and keeps it from going.
type VPCContents struct {
	Subnets   int
	ENIs      int
	Endpoints int // whose interfaces and addresses are not free yet
	Tables    int // without the main one
	Groups    int // without the default one
	Gateways  int // internet gateways that are attached
	UsedBy    int // groups of other VPCs whose rules name its default group
}

// CanDelete returns nil if v may go, and its main table and default group with it.
func (v VPC) CanDelete(c VPCContents) error {
	if c != (VPCContents{}) {
		return awserr.New("DependencyViolation", "The vpc '%s' has dependencies and cannot be deleted.", v.ID)
	}
	return nil
}
