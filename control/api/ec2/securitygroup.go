// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"cmp"
	"context"
	"slices"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func (s *Server) createSecurityGroup(ctx context.Context, c *api.Call, in *wire.CreateSecurityGroupInput) (*wire.CreateSecurityGroupOutput, error) {
	spec := vpc.GroupSpec{Owner: vpc.Meta{Account: c.Account, Region: c.Region}}
	var err error
	if spec.Name, err = required("GroupName", in.GroupName); err != nil {
		return nil, err
	}
	if spec.Description, err = required("GroupDescription", in.Description); err != nil {
		return nil, err
	}
	if spec.Owner.Tags, err = s.tagsFor("security-group", in.TagSpecifications); err != nil {
		return nil, err
	}
	out := new(wire.CreateSecurityGroupOutput)
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		v, err := vpcOrDefault(&tx.View, c, in.VpcId)
		if err != nil {
			return err
		}
		g, err := vpc.NewSecurityGroup(fresh(tx), s.limits, v, tx.SecurityGroups.By("name", store.GroupName(v.ID, spec.Name)),
			tx.SecurityGroups.Count("account", c.Owner()), spec)
		if err != nil {
			return err
		}
		tx.SecurityGroups.Put(g)
		out.GroupId, out.Tags = new(string(g.ID)), wireTags(g.Tags)
		out.SecurityGroupArn = new(c.Resource("security-group", string(g.ID)))
		return nil
	})
}

// defaultVPC is the caller's default VPC in the region.
func defaultVPC(v *store.View, c *api.Call) (vpc.VPC, bool) {
	for row := range v.VPCs.By("account", c.Owner()) {
		if row.Default {
			return row, true
		}
	}
	return vpc.VPC{}, false
}

func vpcOrDefault(v *store.View, c *api.Call, id *string) (vpc.VPC, error) {
	if value(id) != "" {
		return find(v.VPCs, c, vpc.VPCIDs, *id)
	}
	row, ok := defaultVPC(v, c)
	if !ok {
		return row, awserr.New("VPCIdNotSpecified", "No default VPC for this user")
	}
	return row, nil
}

// namedGroup is the group that a request names, by id, or by name in the default VPC.
func namedGroup(v *store.View, c *api.Call, id, name *string) (vpc.SecurityGroup, error) {
	if id != nil {
		return find(v.SecurityGroups, c, vpc.SecurityGroupIDs, *id)
	}
	if value(name) == "" {
		return vpc.SecurityGroup{}, awserr.New("MissingParameter", "The request must contain the parameter GroupName or GroupId")
	}
	home, ok := defaultVPC(v, c)
	if !ok {
		return vpc.SecurityGroup{}, vpc.SecurityGroupIDs.NotFound(*name)
	}
	return groupInVPC(v, home.ID, *name)
}

func groupInVPC(v *store.View, id vpc.VPCID, name string) (vpc.SecurityGroup, error) {
	for g := range v.SecurityGroups.By("name", store.GroupName(id, name)) {
		return g, nil
	}
	return vpc.SecurityGroup{}, awserr.New("InvalidGroup.NotFound", "The security group '%s' does not exist in VPC '%s'", name, id)
}

func (s *Server) describeSecurityGroups(_ context.Context, c *api.Call, in *wire.DescribeSecurityGroupsInput) (*wire.DescribeSecurityGroupsOutput, error) {
	v := s.store.View()
	ids := slices.Clone(in.GroupIds)
	for _, name := range in.GroupNames {
		g, err := namedGroup(v, c, nil, new(name))
		if err != nil {
			return nil, err
		}
		ids = append(ids, string(g.ID))
	}
	rows, err := list(v.SecurityGroups, c, vpc.SecurityGroupIDs, ids)
	if err != nil {
		return nil, err
	}
	sel := selection{IDs: ids, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken}
	var by filters[vpc.SecurityGroup]
	if len(in.Filters) > 0 { // there are many, and most requests have none
		by = groupFilters(v)
	}
	rows, next, err := choose(c, sel, rows, func(g vpc.SecurityGroup) string { return string(g.ID) }, by, tagsOf)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeSecurityGroupsOutput{SecurityGroups: []wire.SecurityGroup{}, NextToken: next}
	for _, g := range rows {
		out.SecurityGroups = append(out.SecurityGroups, wireGroup(c, g))
	}
	return out, nil
}

func (s *Server) describeSecurityGroupRules(_ context.Context, c *api.Call, in *wire.DescribeSecurityGroupRulesInput) (*wire.DescribeSecurityGroupRulesOutput, error) {
	v := s.store.View()
	var rows []ruleRow
	missing := map[string]bool{}
	for _, id := range in.SecurityGroupRuleIds {
		if _, err := vpc.ParseID[vpc.RuleID](vpc.RuleIDs, id); err != nil {
			return nil, err
		}
		missing[id] = true
	}
	all := len(missing) == 0
	for g := range v.SecurityGroups.By("account", c.Owner()) {
		for _, r := range g.Rules {
			if all || missing[string(r.ID)] {
				rows = append(rows, ruleRow{g, r})
				delete(missing, string(r.ID))
			}
		}
	}
	for id := range missing {
		return nil, vpc.RuleIDs.NotFound(id)
	}
	id := func(r ruleRow) string { return string(r.rule.ID) }
	slices.SortFunc(rows, func(a, b ruleRow) int { return cmp.Compare(id(a), id(b)) })
	sel := selection{IDs: in.SecurityGroupRuleIds, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken}
	rows, next, err := choose(c, sel, rows, id, ruleFilters, func(r ruleRow) map[string]string { return r.rule.Tags })
	if err != nil {
		return nil, err
	}
	return &wire.DescribeSecurityGroupRulesOutput{SecurityGroupRules: wireRules(c, v, rows), NextToken: next}, nil
}

func (s *Server) deleteSecurityGroup(ctx context.Context, c *api.Call, in *wire.DeleteSecurityGroupInput) (*wire.DeleteSecurityGroupOutput, error) {
	out := &wire.DeleteSecurityGroupOutput{Return: new(true)}
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		g, err := namedGroup(&tx.View, c, in.GroupId, in.GroupName)
		if err != nil {
			return err
		}
		id := string(g.ID)
		users := count(tx.ENIs.By("group", id), func(e vpc.ENI) bool { return !e.Withdrawn }) +
			count(tx.Endpoints.By("group", id), func(e vpc.Endpoint) bool { return !e.DeleteRequested }) +
			count(tx.SecurityGroups.By("group", id), func(o vpc.SecurityGroup) bool { return o.ID != g.ID })
		if err := g.CanDelete(users); err != nil {
			return err
		}
		tx.SecurityGroups.Delete(id)
		out.GroupId = &id
		return nil
	})
}
