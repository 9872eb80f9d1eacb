// SPDX-License-Identifier: Apache-2.0

package vpc

import "net/netip"

// Default is the VPC that every account has in every region from its first day,
// with its main route table, its default group, a subnet in each zone and a way out.
type Default struct {
	VPC     VPC
	Gateway InternetGateway // attached, and the main table's default route
	Table   RouteTable
	Group   SecurityGroup
	Subnets []Subnet
}

// NewDefault returns the default VPC of an account in a region with these zones:
// 172.31.0.0/16, and in it a /20 for each zone, as AWS makes it. have is how many
// VPCs the owner has already.
func NewDefault(f Fresh, limits Limits, have int, owner Meta, zones []string) (Default, error) {
	var d Default
	var err error
	cidr := netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 31}), 16)
	if d.VPC, d.Table, d.Group, err = NewVPC(f, limits, have, VPCSpec{Owner: owner, CIDR: cidr}); err != nil {
		return d, err
	}
	d.VPC.Default, d.VPC.DNSHostnames = true, true
	owner.Created = f.Now
	d.Gateway = InternetGateway{Meta: owner, ID: GatewayID(f.ID("igw")), VPC: d.VPC.ID}
	d.Table.Routes = []Route{{Prefix: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Gateway: d.Gateway.ID, Origin: "CreateRoute"}}
	for i, zone := range zones {
		d.Subnets = append(d.Subnets, Subnet{
			Meta: owner, ID: SubnetID(f.ID("subnet")), VPC: d.VPC.ID, Zone: zone, MapPublicIP: true, Default: true,
			CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 31, byte(16 * i)}), 20),
		})
	}
	return d, nil
}
