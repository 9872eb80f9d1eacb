// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"fmt"
	"net/netip"
)

// ENISpec is what a new interface is to be.
type ENISpec struct {
	Owner       Meta
	Subnet      Subnet
	Address     netip.Addr
	Secondary   []netip.Addr
	Groups      []SecurityGroupID
	Description string
}

// NewENI returns an interface with its addresses. It is not attached yet.
func NewENI(f Fresh, s ENISpec) ENI {
	s.Owner.Created = f.Now
	e := ENI{
		Meta: s.Owner, ID: ENIID(f.ID("eni")), Number: f.Number("eni"),
		VPC: s.Subnet.VPC, Subnet: s.Subnet.ID, Zone: s.Subnet.Zone,
		Addresses: append([]netip.Addr{s.Address}, s.Secondary...), Groups: s.Groups, Type: "interface", Description: s.Description,
	}
	e.MAC = macOf(e.Number)
	return e
}

// macOf is the hardware address of the interface with the number: locally
// administered, no two alike, and never the data plane's own 02:00:00:00:00:01.
func macOf(number uint32) string {
	return fmt.Sprintf("02:01:%02x:%02x:%02x:%02x", byte(number>>24), byte(number>>16), byte(number>>8), byte(number))
}

// PrivateDNSName is the name of an address inside its VPC (reference 5.5).
func PrivateDNSName(region string, a netip.Addr) string {
	b := a.As4()
	return fmt.Sprintf("ip-%d-%d-%d-%d.%s", b[0], b[1], b[2], b[3], InternalDomain(region))
}

// PublicDNSName is the name of a public address.
func PublicDNSName(region string, a netip.Addr) string {
	domain := region + ".compute.amazonaws.com"
	if region == "us-east-1" {
		domain = "compute-1.amazonaws.com"
	}
	b := a.As4()
	return fmt.Sprintf("ec2-%d-%d-%d-%d.%s", b[0], b[1], b[2], b[3], domain)
}

// PublicName is the name of the public address of one of v's interfaces, "" where v has
// no host names.
func (v VPC) PublicName(e ENI) string {
	if !v.DNSHostnames {
		return ""
	}
	return PublicDNSName(e.Region, e.Public)
}

// InternalDomain is the domain of the names of addresses in the region's VPCs.
func InternalDomain(region string) string {
	if region == "us-east-1" {
		return "ec2.internal"
	}
	return region + ".compute.internal"
}

// Leads says that packets can go to e by a route that names it or its instance.
func (e ENI) Leads(r Route) bool {
	return !e.Withdrawn && e.Attachment != nil && (r.Instance == "" || e.Attachment.Instance == r.Instance)
}

// RequesterManaged says that a service, and not the owner, manages the interface.
func (e ENI) RequesterManaged() bool { return e.Endpoint != "" }
