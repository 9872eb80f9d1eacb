// SPDX-License-Identifier: Apache-2.0

package ec2

import (
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
