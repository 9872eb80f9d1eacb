// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"strconv"

	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// groupFilters needs the view for the names of groups in rules.
func groupFilters(v *store.View) filters[vpc.SecurityGroup] {
	f := filters[vpc.SecurityGroup]{
		"description": one(func(g vpc.SecurityGroup) string { return g.Description }),
		"group-id":    one(func(g vpc.SecurityGroup) vpc.SecurityGroupID { return g.ID }),
		"group-name":  one(func(g vpc.SecurityGroup) string { return g.Name }),
		"owner-id":    one(func(g vpc.SecurityGroup) string { return g.Account }),
		"vpc-id":      one(func(g vpc.SecurityGroup) vpc.VPCID { return g.VPC }),
	}
	permissionFilters(f, "ip-permission.", false, v)
	permissionFilters(f, "egress.ip-permission.", true, v)
	return f
}

// permissionFilters adds those that look at the rules of one direction.
func permissionFilters(f filters[vpc.SecurityGroup], prefix string, egress bool, v *store.View) {
	add := func(name string, of func(vpc.Rule) string) {
		f[prefix+name] = func(g vpc.SecurityGroup) []string {
			var out []string
			for _, r := range g.Rules {
				if s := of(r); s != "" && r.Egress == egress {
					out = append(out, s)
				}
			}
			return out
		}
	}
	add("cidr", func(r vpc.Rule) string {
		if !r.CIDR.Addr().Is4() {
			return ""
		}
		return r.CIDR.String()
	})
	add("ipv6-cidr", func(r vpc.Rule) string {
		if !r.CIDR.Addr().Is6() {
			return ""
		}
		return r.CIDR.String()
	})
	add("from-port", func(r vpc.Rule) string { return strconv.Itoa(r.From) })
	add("to-port", func(r vpc.Rule) string { return strconv.Itoa(r.To) })
	add("protocol", func(r vpc.Rule) string { return vpc.ProtocolName(r.Protocol) })
	add("prefix-list-id", func(vpc.Rule) string { return "" })
	add("group-id", func(r vpc.Rule) string { return string(r.Group) })
	add("group-name", func(r vpc.Rule) string {
		g, _ := v.SecurityGroups.Get(string(r.Group))
		return g.Name
	})
	add("user-id", func(r vpc.Rule) string {
		g, _ := v.SecurityGroups.Get(string(r.Group))
		return g.Account
	})
}

// ruleRow is a rule with the group that has it.
type ruleRow struct {
	group vpc.SecurityGroup
	rule  vpc.Rule
}

var ruleFilters = filters[ruleRow]{
	"group-id":               one(func(r ruleRow) vpc.SecurityGroupID { return r.group.ID }),
	"security-group-rule-id": one(func(r ruleRow) vpc.RuleID { return r.rule.ID }),
}
