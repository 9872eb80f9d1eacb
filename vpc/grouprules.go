// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"slices"

	"enishi.dev/enishi/aws/awserr"
)

// Authorize returns g with the rules, which get ids. More of them than any group
// may have are not looked at.
func (g SecurityGroup) Authorize(f Fresh, limits Limits, rules []Rule) (SecurityGroup, []Rule, error) {
	if err := checkQuota(limits, rules); err != nil {
		return g, nil, err
	}
	have, named := places(g.Rules), map[passage]bool{}
	for _, r := range rules {
		p := r.passage()
		if named[p] {
			return g, nil, awserr.New("InvalidParameterValue", "The same permission must not appear multiple times")
		}
		named[p] = true
		if _, ok := have[p]; ok {
			return g, nil, awserr.New("InvalidPermission.Duplicate", `the specified rule "%s" already exists`, r)
		}
		if err := r.checkDescription(); err != nil {
			return g, nil, err
		}
	}
	all := slices.Concat(g.Rules, rules)
	if err := checkQuota(limits, all); err != nil {
		return g, nil, err
	}
	added := all[len(g.Rules):]
	for i := range added {
		added[i].ID = RuleID(f.ID("sgr"))
	}
	g.Rules = all
	return g, slices.Clone(added), nil
}

// Modify returns g with each of the rules in place of the one that has its id,
// whose direction and tags stay. What they come to may let the same packets
// through no more than once.
func (g SecurityGroup) Modify(limits Limits, rules []Rule) (SecurityGroup, error) {
	all, changed := slices.Clone(g.Rules), map[RuleID]bool{}
	for _, r := range rules {
		i := slices.IndexFunc(all, func(old Rule) bool { return old.ID == r.ID })
		switch {
		case i < 0:
			return g, RuleIDs.NotFound(string(r.ID))
		case changed[r.ID]:
			return g, awserr.New("InvalidParameterValue", "The security group rule ID '%s' must not appear multiple times", r.ID)
		}
		if err := r.checkDescription(); err != nil {
			return g, err
		}
		changed[r.ID] = true
		r.Egress, r.Tags = all[i].Egress, all[i].Tags
		all[i] = r
	}
	for i, r := range all {
		if slices.ContainsFunc(all[:i], r.Same) {
			return g, awserr.New("InvalidPermission.Duplicate", `the specified rule "%s" already exists`, r)
		}
	}
	if err := checkQuota(limits, all); err != nil {
		return g, err
	}
	g.Rules = all
	return g, nil
}

// Describe returns g with the descriptions of these rules on its own, which they
// name by id, or else by being the same.
func (g SecurityGroup) Describe(rules []Rule) (SecurityGroup, error) {
	all := slices.Clone(g.Rules)
	same, byID := places(all), map[RuleID]int{}
	for i, r := range all {
		byID[r.ID] = i
	}
	for _, r := range rules {
		if err := r.checkDescription(); err != nil {
			return g, err
		}
		i, ok := same[r.passage()]
		if r.ID != "" {
			i, ok = byID[r.ID]
			ok = ok && all[i].Egress == r.Egress
		}
		switch {
		case !ok && r.ID != "":
			return g, RuleIDs.NotFound(string(r.ID))
		case !ok:
			return g, awserr.New("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		all[i].Description = r.Description
	}
	g.Rules = all
	return g, nil
}

func (r Rule) checkDescription() error {
	if isGroupText(r.Description) {
		return nil
	}
	return awserr.New("InvalidParameterValue",
		"Invalid rule description. Valid descriptions are strings less than 256 characters from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*")
}

// checkQuota refuses more rules than a group may have of one direction and family.
func checkQuota(limits Limits, rules []Rule) error {
	for _, egress := range []bool{false, true} {
		for _, v6 := range []bool{false, true} {
			if count(rules, egress, v6) > limits.RulesPerGroup {
				return awserr.New("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
			}
		}
	}
	return nil
}

// count is how many rules count against one quota: a rule that names a group
// counts for both families.
func count(rules []Rule, egress, v6 bool) int {
	n := 0
	for _, r := range rules {
		if r.Egress == egress && (r.Group != "" || r.CIDR.Addr().Is6() == v6) {
			n++
		}
	}
	return n
}

// Revoke returns g without the rules that are the same as these, and them as g
// had them. If one is not there, none goes.
func (g SecurityGroup) Revoke(rules []Rule) (SecurityGroup, []Rule, error) {
	at := places(g.Rules)
	var ids []RuleID
	for _, r := range rules {
		i, ok := at[r.passage()]
		if !ok {
			return g, nil, awserr.New("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		ids = append(ids, g.Rules[i].ID)
	}
	return g.RevokeIDs(ids, len(rules) > 0 && rules[0].Egress)
}

// RevokeIDs returns g without its rules of these ids in one direction, and them.
// If one is not there, none goes.
func (g SecurityGroup) RevokeIDs(ids []RuleID, egress bool) (SecurityGroup, []Rule, error) {
	there, gone := map[RuleID]bool{}, map[RuleID]bool{}
	for _, r := range g.Rules {
		there[r.ID] = r.Egress == egress
	}
	for _, id := range ids {
		if !there[id] {
			return g, nil, RuleIDs.NotFound(string(id))
		}
		gone[id] = true
	}
	left := make([]Rule, 0, len(g.Rules))
	var revoked []Rule
	for _, r := range g.Rules {
		if gone[r.ID] {
			revoked = append(revoked, r)
		} else {
			left = append(left, r)
		}
	}
	g.Rules = left
	return g, revoked, nil
}
