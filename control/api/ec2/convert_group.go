// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func wireGroup(c *api.Call, g vpc.SecurityGroup) wire.SecurityGroup {
	return wire.SecurityGroup{
		Description:         new(g.Description),
		GroupId:             new(string(g.ID)),
		GroupName:           new(g.Name),
		IpPermissions:       wirePermissions(g, false),
		IpPermissionsEgress: wirePermissions(g, true),
		OwnerId:             new(g.Account),
		SecurityGroupArn:    new(c.Resource("security-group", string(g.ID))),
		Tags:                wireTags(g.Tags),
		VpcId:               new(string(g.VPC)),
	}
}

// wirePermissions gathers the rules of one direction that differ only in the
// other side, as AWS does.
func wirePermissions(g vpc.SecurityGroup, egress bool) []wire.IpPermission {
	out := []wire.IpPermission{}
	type sort struct{ protocol, from, to int }
	at := map[sort]int{}
	for _, r := range g.Rules {
		if r.Egress != egress {
			continue
		}
		k := sort{r.Protocol, r.From, r.To}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, emptyPermission(r))
		}
		p := &out[i]
		switch {
		case r.Group != "":
			p.UserIdGroupPairs = append(p.UserIdGroupPairs, wire.UserIdGroupPair{
				Description: text(r.Description), GroupId: new(string(r.Group)), UserId: new(g.Account),
			})
		case r.CIDR.Addr().Is4():
			p.IpRanges = append(p.IpRanges, wire.IpRange{CidrIp: new(r.CIDR.String()), Description: text(r.Description)})
		default:
			p.Ipv6Ranges = append(p.Ipv6Ranges, wire.Ipv6Range{CidrIpv6: new(r.CIDR.String()), Description: text(r.Description)})
		}
	}
	return out
}

func emptyPermission(r vpc.Rule) wire.IpPermission {
	p := wire.IpPermission{
		IpProtocol: new(vpc.ProtocolName(r.Protocol)), IpRanges: []wire.IpRange{}, Ipv6Ranges: []wire.Ipv6Range{},
		PrefixListIds: []wire.PrefixListId{}, UserIdGroupPairs: []wire.UserIdGroupPair{},
	}
	if r.HasPorts() {
		p.FromPort, p.ToPort = new(int32(r.From)), new(int32(r.To))
	}
	return p
}

func wireRules(c *api.Call, v *store.View, rows []ruleRow) []wire.SecurityGroupRule {
	out := make([]wire.SecurityGroupRule, 0, len(rows))
	for _, row := range rows {
		r := row.rule
		w := wire.SecurityGroupRule{
			Description:          text(r.Description),
			FromPort:             new(int32(r.From)),
			GroupId:              new(string(row.group.ID)),
			GroupOwnerId:         new(row.group.Account),
			IpProtocol:           new(vpc.ProtocolName(r.Protocol)),
			IsEgress:             new(r.Egress),
			SecurityGroupRuleArn: new(c.Resource("security-group-rule", string(r.ID))),
			SecurityGroupRuleId:  new(string(r.ID)),
			Tags:                 wireTags(r.Tags),
			ToPort:               new(int32(r.To)),
		}
		switch {
		case r.Group != "":
			other, _ := v.SecurityGroups.Get(string(r.Group))
			w.ReferencedGroupInfo = &wire.ReferencedSecurityGroup{
				GroupId: new(string(r.Group)), UserId: new(other.Account), VpcId: text(other.VPC),
			}
		case r.CIDR.Addr().Is4():
			w.CidrIpv4 = new(r.CIDR.String())
		default:
			w.CidrIpv6 = new(r.CIDR.String())
		}
		out = append(out, w)
	}
	return out
}

func wireRevoked(g vpc.SecurityGroup, rules []vpc.Rule) []wire.RevokedSecurityGroupRule {
	out := make([]wire.RevokedSecurityGroupRule, 0, len(rules))
	for _, r := range rules {
		w := wire.RevokedSecurityGroupRule{
			Description: text(r.Description), FromPort: new(int32(r.From)), GroupId: new(string(g.ID)),
			IpProtocol: new(vpc.ProtocolName(r.Protocol)), IsEgress: new(r.Egress), ReferencedGroupId: text(r.Group),
			SecurityGroupRuleId: new(string(r.ID)), ToPort: new(int32(r.To)),
		}
		switch {
		case r.Group != "":
		case r.CIDR.Addr().Is4():
			w.CidrIpv4 = new(r.CIDR.String())
		default:
			w.CidrIpv6 = new(r.CIDR.String())
		}
		out = append(out, w)
	}
	return out
}

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
		return nil, awserr.New("InvalidPrefixListID.NotFound", "The prefix list ID '%s' does not exist", value(x.PrefixListId))
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
