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

// ruleRequest is what the four calls on rules have in common.
type ruleRequest struct {
	group, name *string
	egress      bool
	permissions []wire.IpPermission
	flat        flatPermission
	ids         []string // of rules to revoke
}

// flatPermission is the older way to say a permission: one, in parameters of its own.
type flatPermission struct {
	protocol, cidr, sourceName, sourceOwner *string
	from, to                                *int32
}

func (f flatPermission) given() bool { return f != flatPermission{} }

// all are the permissions of the request, whichever way they are said.
func (r ruleRequest) all() ([]wire.IpPermission, error) {
	ways := howMany(len(r.permissions) > 0, r.flat.given(), len(r.ids) > 0)
	switch {
	case ways == 0:
		return nil, awserr.New("MissingParameter", "The request must contain the parameter IpPermissions")
	case ways > 1:
		return nil, awserr.New("InvalidParameterCombination", "The parameter 'ipPermissions' may not be used in combination with others that name rules.")
	case !r.flat.given():
		return r.permissions, nil
	}
	p := wire.IpPermission{IpProtocol: r.flat.protocol, FromPort: r.flat.from, ToPort: r.flat.to}
	if r.flat.sourceName != nil {
		// A group of any protocol, as in the days before VPCs.
		if p.IpProtocol == nil {
			p.IpProtocol = new("-1")
		}
		p.UserIdGroupPairs = []wire.UserIdGroupPair{{GroupName: r.flat.sourceName, UserId: r.flat.sourceOwner}}
	}
	if r.flat.cidr != nil {
		p.IpRanges = []wire.IpRange{{CidrIp: r.flat.cidr}}
	}
	return []wire.IpPermission{p}, nil
}

// authorize adds the rules, with the tags, and returns them as AWS writes them.
func (s *Server) authorize(ctx context.Context, c *api.Call, r ruleRequest, specs []wire.TagSpecification) ([]wire.SecurityGroupRule, error) {
	permissions, err := r.all()
	if err != nil {
		return nil, err
	}
	tags, err := s.tagsFor("security-group-rule", specs)
	if err != nil {
		return nil, err
	}
	var out []wire.SecurityGroupRule
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		g, err := namedGroup(&tx.View, c, r.group, r.name)
		if err != nil {
			return err
		}
		rules, err := modelRules(&tx.View, c, g, r.egress, permissions)
		if err != nil {
			return err
		}
		for i := range rules {
			rules[i].Tags = tags
		}
		g, added, err := g.Authorize(fresh(tx), s.limits, rules)
		if err != nil {
			return err
		}
		tx.SecurityGroups.Put(g)
		var rows []ruleRow
		for _, rule := range added {
			rows = append(rows, ruleRow{g, rule})
		}
		out = wireRules(c, &tx.View, rows)
		return nil
	})
}

// revoke takes the rules away, and returns them as AWS writes them.
func (s *Server) revoke(ctx context.Context, c *api.Call, r ruleRequest) ([]wire.RevokedSecurityGroupRule, error) {
	permissions, err := r.all()
	if err != nil {
		return nil, err
	}
	var ids []vpc.RuleID
	for _, text := range r.ids {
		id, err := vpc.ParseID[vpc.RuleID](vpc.RuleIDs, text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	var out []wire.RevokedSecurityGroupRule
	err = s.store.Decide(ctx, func(tx *store.Tx) error {
		g, err := namedGroup(&tx.View, c, r.group, r.name)
		if err != nil {
			return err
		}
		rules, err := modelRules(&tx.View, c, g, r.egress, permissions)
		if err != nil {
			return err
		}
		var revoked []vpc.Rule
		if len(ids) > 0 {
			g, revoked, err = g.RevokeIDs(ids, r.egress)
		} else {
			g, revoked, err = g.Revoke(rules)
		}
		if err != nil {
			return err
		}
		tx.SecurityGroups.Put(g)
		out = wireRevoked(g, revoked)
		return nil
	})
	return out, err
}

func (s *Server) authorizeIngress(ctx context.Context, c *api.Call, in *wire.AuthorizeSecurityGroupIngressInput) (*wire.AuthorizeSecurityGroupIngressOutput, error) {
	rules, err := s.authorize(ctx, c, ruleRequest{
		group: in.GroupId, name: in.GroupName, permissions: in.IpPermissions,
		flat: flatPermission{in.IpProtocol, in.CidrIp, in.SourceSecurityGroupName, in.SourceSecurityGroupOwnerId, in.FromPort, in.ToPort},
	}, in.TagSpecifications)
	return &wire.AuthorizeSecurityGroupIngressOutput{Return: new(true), SecurityGroupRules: rules}, err
}

func (s *Server) authorizeEgress(ctx context.Context, c *api.Call, in *wire.AuthorizeSecurityGroupEgressInput) (*wire.AuthorizeSecurityGroupEgressOutput, error) {
	rules, err := s.authorize(ctx, c, ruleRequest{
		group: in.GroupId, permissions: in.IpPermissions, egress: true,
		flat: flatPermission{in.IpProtocol, in.CidrIp, in.SourceSecurityGroupName, in.SourceSecurityGroupOwnerId, in.FromPort, in.ToPort},
	}, in.TagSpecifications)
	return &wire.AuthorizeSecurityGroupEgressOutput{Return: new(true), SecurityGroupRules: rules}, err
}

func (s *Server) revokeIngress(ctx context.Context, c *api.Call, in *wire.RevokeSecurityGroupIngressInput) (*wire.RevokeSecurityGroupIngressOutput, error) {
	rules, err := s.revoke(ctx, c, ruleRequest{
		group: in.GroupId, name: in.GroupName, permissions: in.IpPermissions, ids: in.SecurityGroupRuleIds,
		flat: flatPermission{in.IpProtocol, in.CidrIp, in.SourceSecurityGroupName, in.SourceSecurityGroupOwnerId, in.FromPort, in.ToPort},
	})
	return &wire.RevokeSecurityGroupIngressOutput{Return: new(true), RevokedSecurityGroupRules: rules}, err
}

func (s *Server) revokeEgress(ctx context.Context, c *api.Call, in *wire.RevokeSecurityGroupEgressInput) (*wire.RevokeSecurityGroupEgressOutput, error) {
	rules, err := s.revoke(ctx, c, ruleRequest{
		group: in.GroupId, permissions: in.IpPermissions, ids: in.SecurityGroupRuleIds, egress: true,
		flat: flatPermission{in.IpProtocol, in.CidrIp, in.SourceSecurityGroupName, in.SourceSecurityGroupOwnerId, in.FromPort, in.ToPort},
	})
	return &wire.RevokeSecurityGroupEgressOutput{Return: new(true), RevokedSecurityGroupRules: rules}, err
}
