// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// modelRules are the rules of one direction that the permissions ask for in
// group g: one for each other side that is named.
func modelRules(v *store.View, c *api.Call, g vpc.SecurityGroup, egress bool, permissions []wire.IpPermission) ([]vpc.Rule, error) {
	var rules []vpc.Rule
	for _, p := range permissions {
		name, err := required("IpProtocol", p.IpProtocol)
		if err != nil {
			return nil, err
		}
		base := vpc.Rule{Egress: egress}
		if base.Protocol, err = vpc.ParseProtocol(name); err != nil {
			return nil, err
		}
		if base, err = base.WithPorts(p.FromPort, p.ToPort); err != nil {
			return nil, err
		}
		sides, err := otherSides(v, c, g, base, p)
		if err != nil {
			return nil, err
		}
		rules = append(rules, sides...)
	}
	return rules, nil
}

// otherSides is base once for each range and group of the permission.
func otherSides(v *store.View, c *api.Call, g vpc.SecurityGroup, base vpc.Rule, p wire.IpPermission) ([]vpc.Rule, error) {
	var rules []vpc.Rule
	inRange := func(param string, cidr, description *string) error {
		r := base
		var err error
		r.CIDR, err = vpc.ParseCIDR(param, value(cidr))
		if err != nil || r.CIDR.Addr().Is6() != (param == "cidrIpv6") {
			return awserr.New("InvalidParameterValue", "CIDR block %s is malformed", value(cidr))
		}
		r.Description = value(description)
		rules = append(rules, r)
		return nil
	}
	for _, x := range p.IpRanges {
		if err := inRange("cidrIp", x.CidrIp, x.Description); err != nil {
			return nil, err
		}
	}
	for _, x := range p.Ipv6Ranges {
		if err := inRange("cidrIpv6", x.CidrIpv6, x.Description); err != nil {
			return nil, err
		}
	}
	for _, x := range p.UserIdGroupPairs {
		other, err := pairedGroup(v, c, g, x)
		if err != nil {
			return nil, err
		}
		r := base
		r.Group, r.Description = other.ID, value(x.Description)
		rules = append(rules, r)
	}
	for _, x := range p.PrefixListIds {
		return nil, noPrefixList(c, x.PrefixListId)
	}
	if len(rules) == 0 {
		return nil, awserr.New("MissingParameter", "The request must contain a source or destination for the protocol %s", value(p.IpProtocol))
	}
	return rules, nil
}

// pairedGroup is the group that a rule of g names: in the same VPC, by id or name.
func pairedGroup(v *store.View, c *api.Call, g vpc.SecurityGroup, x wire.UserIdGroupPair) (vpc.SecurityGroup, error) {
	if x.VpcPeeringConnectionId != nil {
		return vpc.SecurityGroup{}, awserr.New("InvalidVpcPeeringConnectionID.NotFound",
			"The vpcPeeringConnection ID '%s' does not exist", *x.VpcPeeringConnectionId)
	}
	if x.GroupId == nil && x.GroupName != nil {
		return groupInVPC(v, g.VPC, *x.GroupName)
	}
	other, err := need(v.SecurityGroups, c, vpc.SecurityGroupIDs, "GroupId", x.GroupId)
	if err == nil && (x.UserId != nil && *x.UserId != other.Account) {
		err = vpc.SecurityGroupIDs.NotFound(*x.GroupId)
	}
	if err == nil && other.VPC != g.VPC {
		err = awserr.New("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
	}
	return other, err
}
