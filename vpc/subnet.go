// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"enishi.dev/enishi/aws/awserr"
)

// SubnetSpec is what is asked of a new subnet.
type SubnetSpec struct {
	Owner Meta // account, region, tags
	CIDR  netip.Prefix
	Zone  string // "" takes the first
}

// reservedAddresses is how many of a subnet's addresses AWS keeps for itself:
// the first four and the last.
const reservedAddresses = 5

// NewSubnet returns a subnet of v beside those that are there. zones are the
// names of the region's zones.
func NewSubnet(f Fresh, limits Limits, v VPC, zones []string, siblings iter.Seq[Subnet], spec SubnetSpec) (Subnet, error) {
	if spec.Zone == "" && len(zones) > 0 {
		spec.Zone = zones[0]
	}
	if !slices.Contains(zones, spec.Zone) {
		return Subnet{}, awserr.New("InvalidParameterValue",
			"Value (%s) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: %s.",
			spec.Zone, strings.Join(zones, ", "))
	}
	c := spec.CIDR
	inVPC := func(outer netip.Prefix) bool { return contains(outer, c) }
	if !c.Addr().Is4() || c.Bits() < 16 || c.Bits() > 28 || !slices.ContainsFunc(v.CIDRs, inVPC) {
		return Subnet{}, awserr.New("InvalidSubnet.Range", "The CIDR '%s' is invalid.", c)
	}
	have := 0
	for s := range siblings {
		if s.CIDR.Overlaps(c) {
			return Subnet{}, awserr.New("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", c)
		}
		have++
	}
	if have >= limits.Subnets {
		return Subnet{}, awserr.New("SubnetLimitExceeded", "The maximum number of subnets has been reached.")
	}
	meta := spec.Owner
	meta.Created = f.Now
	return Subnet{Meta: meta, ID: SubnetID(f.ID("subnet")), VPC: v.ID, Zone: spec.Zone, CIDR: c}, nil
}

// FreeAddresses is how many addresses of s can still be given out when used are.
func (s Subnet) FreeAddresses(used int) int {
	return 1<<(32-s.CIDR.Bits()) - reservedAddresses - used
}

// CanDelete returns nil if s may go. Interfaces that are withdrawn count too:
// their addresses are not free yet.
func (s Subnet) CanDelete(interfaces int) error {
	if interfaces > 0 {
		return awserr.New("DependencyViolation", "The subnet '%s' has dependencies and cannot be deleted.", s.ID)
	}
	return nil
}
