// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func (s *Server) modifySecurityGroupRules(ctx context.Context, c *api.Call, in *wire.ModifySecurityGroupRulesInput) (*wire.ModifySecurityGroupRulesOutput, error) {
	return &wire.ModifySecurityGroupRulesOutput{Return: new(true)}, s.store.Decide(ctx, func(tx *store.Tx) error {
		g, err := need(tx.View.SecurityGroups, c, vpc.SecurityGroupIDs, "GroupId", in.GroupId)
		if err != nil {
			return err
		}
		var rules []vpc.Rule
		for _, u := range in.SecurityGroupRules {
			r, err := modifiedRule(&tx.View, c, g, u)
			if err != nil {
				return err
			}
			rules = append(rules, r)
		}
		if g, err = g.Modify(s.limits, rules); err != nil {
			return err
		}
		tx.SecurityGroups.Put(g)
		return nil
	})
}

// modifiedRule is the whole of a rule as it is to be; what is not said of it is
// not kept.
func modifiedRule(v *store.View, c *api.Call, g vpc.SecurityGroup, u wire.SecurityGroupRuleUpdate) (vpc.Rule, error) {
	id, err := ruleID(u.SecurityGroupRuleId)
	if err != nil {
		return vpc.Rule{}, err
	}
	if u.SecurityGroupRule == nil {
		return vpc.Rule{}, awserr.New("MissingParameter", "The request must contain the parameter SecurityGroupRule")
	}
	rules, err := modelRules(v, c, g, false, []wire.IpPermission{permission(*u.SecurityGroupRule)})
	if err != nil {
		return vpc.Rule{}, err
	}
	if len(rules) > 1 {
		return vpc.Rule{}, awserr.New("InvalidParameterCombination",
			"Exactly one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId must be given for the rule %s.", id)
	}
	rules[0].ID = id
	return rules[0], nil
}

// permission is a rule the way the calls that add and remove rules say it.
func permission(r wire.SecurityGroupRuleRequest) wire.IpPermission {
	p := wire.IpPermission{IpProtocol: r.IpProtocol, FromPort: r.FromPort, ToPort: r.ToPort}
	if r.CidrIpv4 != nil {
		p.IpRanges = []wire.IpRange{{CidrIp: r.CidrIpv4, Description: r.Description}}
	}
	if r.CidrIpv6 != nil {
		p.Ipv6Ranges = []wire.Ipv6Range{{CidrIpv6: r.CidrIpv6, Description: r.Description}}
	}
	if r.PrefixListId != nil {
		p.PrefixListIds = []wire.PrefixListId{{PrefixListId: r.PrefixListId, Description: r.Description}}
	}
	if r.ReferencedGroupId != nil {
		p.UserIdGroupPairs = []wire.UserIdGroupPair{{GroupId: r.ReferencedGroupId, Description: r.Description}}
	}
	return p
}

func ruleID(p *string) (vpc.RuleID, error) {
	text, err := required("SecurityGroupRuleId", p)
	if err != nil {
		return "", err
	}
	return vpc.ParseID[vpc.RuleID](vpc.RuleIDs, text)
}

// describeRules gives the rules of one direction, which either permissions or
// their ids name, new descriptions, or none.
func (s *Server) describeRules(ctx context.Context, c *api.Call, r ruleRequest, byID []wire.SecurityGroupRuleDescription) error {
	switch {
	case len(r.permissions) == 0 && len(byID) == 0:
		return awserr.New("MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleDescriptions' should be provided.")
	case len(r.permissions) > 0 && len(byID) > 0:
		return awserr.New("InvalidParameterCombination", "The parameter 'ipPermissions' may not be used in combination with 'securityGroupRuleDescriptions'.")
	}
	var named []vpc.Rule
	for _, d := range byID {
		id, err := ruleID(d.SecurityGroupRuleId)
		if err != nil {
			return err
		}
		named = append(named, vpc.Rule{ID: id, Egress: r.egress, Description: value(d.Description)})
	}
	return s.store.Decide(ctx, func(tx *store.Tx) error {
		g, err := namedGroup(&tx.View, c, r.group, r.name)
		if err != nil {
			return err
		}
		rules, err := modelRules(&tx.View, c, g, r.egress, r.permissions)
		if err != nil {
			return err
		}
		if g, err = g.Describe(append(rules, named...)); err != nil {
			return err
		}
		tx.SecurityGroups.Put(g)
		return nil
	})
}

func (s *Server) describeIngress(ctx context.Context, c *api.Call, in *wire.UpdateSecurityGroupRuleDescriptionsIngressInput) (*wire.UpdateSecurityGroupRuleDescriptionsIngressOutput, error) {
	r := ruleRequest{group: in.GroupId, name: in.GroupName, permissions: in.IpPermissions}
	return &wire.UpdateSecurityGroupRuleDescriptionsIngressOutput{Return: new(true)}, s.describeRules(ctx, c, r, in.SecurityGroupRuleDescriptions)
}

func (s *Server) describeEgress(ctx context.Context, c *api.Call, in *wire.UpdateSecurityGroupRuleDescriptionsEgressInput) (*wire.UpdateSecurityGroupRuleDescriptionsEgressOutput, error) {
	r := ruleRequest{group: in.GroupId, name: in.GroupName, permissions: in.IpPermissions, egress: true}
	return &wire.UpdateSecurityGroupRuleDescriptionsEgressOutput{Return: new(true)}, s.describeRules(ctx, c, r, in.SecurityGroupRuleDescriptions)
}
