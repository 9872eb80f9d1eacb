// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"strconv"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/region"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func (s *Server) createSubnet(ctx context.Context, c *api.Call, in *wire.CreateSubnetInput) (*wire.CreateSubnetOutput, error) {
	if err := api.Only(in, "VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId", "TagSpecifications"); err != nil {
		return nil, err
	}
	text, err := required("CidrBlock", in.CidrBlock)
	if err != nil {
		return nil, err
	}
	spec := vpc.SubnetSpec{Owner: vpc.Meta{Account: c.Account, Region: c.Region}}
	if spec.CIDR, err = vpc.ParseCIDR("cidrBlock", text); err != nil {
		return nil, err
	}
	if spec.Zone, err = zoneName(c.Region, in.AvailabilityZone, in.AvailabilityZoneId); err != nil {
		return nil, err
	}
	if spec.Owner.Tags, err = s.tagsFor("subnet", in.TagSpecifications); err != nil {
		return nil, err
	}
	r, _ := region.Of(c.Region)
	out := new(wire.CreateSubnetOutput)
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		v, err := need(tx.View.VPCs, c, vpc.VPCIDs, "VpcId", in.VpcId)
		if err != nil {
			return err
		}
		n, err := vpc.NewSubnet(fresh(tx), s.limits, v, r.ZoneNames(), tx.Subnets.By("vpc", string(v.ID)), spec)
		if err != nil {
			return err
		}
		tx.Subnets.Put(n)
		out.Subnet = new(wireSubnet(c, &tx.View, n))
		return nil
	})
}

// zoneName is the zone that a request names in one of two ways, "" if in none.
// Whether there is one of the name is not checked.
func zoneName(in string, name, id *string) (string, error) {
	if id == nil {
		return value(name), nil
	}
	r, _ := region.Of(in)
	z, ok := r.Zone(*id)
	switch {
	case !ok || z.ID != *id:
		return "", awserr.New("InvalidParameterValue", "Value (%s) for parameter availabilityZoneId is invalid. The availability zone ID does not exist.", *id)
	case name != nil && *name != z.Name:
		return "", awserr.New("InvalidParameterCombination", "The parameters availabilityZone and availabilityZoneId name different availability zones.")
	}
	return z.Name, nil
}

// subnetFilters needs the view for the addresses that are free.
func subnetFilters(c *api.Call, v *store.View) filters[vpc.Subnet] {
	zone := func(n vpc.Subnet) []string { return []string{n.Zone} }
	zoneIDs := func(n vpc.Subnet) []string { return []string{zoneID(c.Region, n.Zone)} }
	cidr := func(n vpc.Subnet) []string { return []string{n.CIDR.String()} }
	isDefault := func(n vpc.Subnet) []string { return []string{strconv.FormatBool(n.Default)} }
	no := func(vpc.Subnet) []string { return []string{"false"} }
	none := func(vpc.Subnet) []string { return nil }
	return filters[vpc.Subnet]{
		"availability-zone":    zone,
		"availabilityZone":     zone,
		"availability-zone-id": zoneIDs,
		"availabilityZoneId":   zoneIDs,
		"available-ip-address-count": func(n vpc.Subnet) []string {
			return []string{strconv.Itoa(n.FreeAddresses(usedAddresses(v, n)))}
		},
		"cidr":                       cidr,
		"cidr-block":                 cidr,
		"cidrBlock":                  cidr,
		"customer-owned-ipv4-pool":   none,
		"default-for-az":             isDefault,
		"defaultForAz":               isDefault,
		"enable-dns64":               no,
		"enable-lni-at-device-index": none,
		"ipv6-cidr-block-association.association-id":  none,
		"ipv6-cidr-block-association.ipv6-cidr-block": none,
		"ipv6-cidr-block-association.state":           none,
		"ipv6-native":                                 no,
		"map-customer-owned-ip-on-launch":             no,
		"map-public-ip-on-launch":                     func(n vpc.Subnet) []string { return []string{strconv.FormatBool(n.MapPublicIP)} },
		"outpost-arn":                                 none,
		"owner-id":                                    func(n vpc.Subnet) []string { return []string{n.Account} },
		"private-dns-name-options-on-launch.enable-resource-name-dns-a-record":    no,
		"private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record": no,
		"private-dns-name-options-on-launch.hostname-type":                        func(vpc.Subnet) []string { return []string{"ip-name"} },
		"state":      func(vpc.Subnet) []string { return []string{"available"} },
		"subnet-arn": func(n vpc.Subnet) []string { return []string{c.Resource("subnet", string(n.ID))} },
		"subnet-id":  func(n vpc.Subnet) []string { return []string{string(n.ID)} },
		"vpc-id":     func(n vpc.Subnet) []string { return []string{string(n.VPC)} },
	}
}

func (s *Server) describeSubnets(_ context.Context, c *api.Call, in *wire.DescribeSubnetsInput) (*wire.DescribeSubnetsOutput, error) {
	v := s.store.View()
	rows, err := list(v.Subnets, c, vpc.SubnetIDs, in.SubnetIds)
	if err != nil {
		return nil, err
	}
	sel := selection{IDs: in.SubnetIds, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken}
	rows, next, err := choose(c, sel, rows, func(n vpc.Subnet) string { return string(n.ID) }, subnetFilters(c, v), tagsOf)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeSubnetsOutput{Subnets: []wire.Subnet{}, NextToken: next}
	for _, row := range rows {
		out.Subnets = append(out.Subnets, wireSubnet(c, v, row))
	}
	return out, nil
}

func (s *Server) modifySubnetAttribute(ctx context.Context, c *api.Call, in *wire.ModifySubnetAttributeInput) (*wire.ModifySubnetAttributeOutput, error) {
	if err := api.Only(in, "SubnetId", "MapPublicIpOnLaunch"); err != nil {
		return nil, err
	}
	if in.MapPublicIpOnLaunch == nil || in.MapPublicIpOnLaunch.Value == nil {
		return nil, awserr.New("InvalidParameterCombination", "Exactly one attribute must be given to modify, 0 are.")
	}
	return new(wire.ModifySubnetAttributeOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		n, err := need(tx.View.Subnets, c, vpc.SubnetIDs, "SubnetId", in.SubnetId)
		if err != nil {
			return err
		}
		n.MapPublicIP = *in.MapPublicIpOnLaunch.Value
		tx.Subnets.Put(n)
		return nil
	})
}

// deleteSubnet also takes away the association with a route table.
func (s *Server) deleteSubnet(ctx context.Context, c *api.Call, in *wire.DeleteSubnetInput) (*wire.DeleteSubnetOutput, error) {
	return new(wire.DeleteSubnetOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		n, err := need(tx.View.Subnets, c, vpc.SubnetIDs, "SubnetId", in.SubnetId)
		if err != nil {
			return err
		}
		if err := n.CanDelete(tx.ENIs.Count("subnet", string(n.ID))); err != nil {
			return err
		}
		for t := range tx.RouteTables.By("vpc", string(n.VPC)) {
			if a, ok := t.SubnetAssociation(n.ID); ok {
				if t, err = t.Disassociate(a.ID); err != nil {
					return err
				}
				tx.RouteTables.Put(t)
			}
		}
		tx.Subnets.Delete(string(n.ID))
		return nil
	})
}
