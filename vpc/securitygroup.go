// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"iter"
	"net/netip"
	"strings"

	"enishi.dev/enishi/aws/awserr"
)

// DefaultGroupName is the name of the group that every VPC has.
const DefaultGroupName = "default"

// GroupSpec is what is asked of a new security group.
type GroupSpec struct {
	Owner       Meta // account, region, tags
	Name        string
	Description string
}

// groupText is what names and descriptions are made of.
const groupText = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789. _-:/()#,@[]+=&;{}!$*"

func isGroupText(s string) bool { return len(s) <= 255 && strings.Trim(s, groupText) == "" }

// NewSecurityGroup returns a group of v that lets everything out and nothing in.
// siblings are the groups of v, at least those with its name; have is how many the owner has in the region.
func NewSecurityGroup(f Fresh, limits Limits, v VPC, siblings iter.Seq[SecurityGroup], have int, spec GroupSpec) (SecurityGroup, error) {
	if err := spec.check(); err != nil {
		return SecurityGroup{}, err
	}
	for g := range siblings {
		if g.Name == spec.Name {
			return SecurityGroup{}, awserr.New("InvalidGroup.Duplicate",
				"The security group '%s' already exists for VPC '%s'", spec.Name, v.ID)
		}
	}
	if have >= limits.Groups {
		return SecurityGroup{}, awserr.New("SecurityGroupLimitExceeded", "The maximum number of security groups has been reached.")
	}
	meta := spec.Owner
	meta.Created = f.Now
	return SecurityGroup{
		Meta: meta, ID: SecurityGroupID(f.ID("sg")), Number: f.Number("group"), VPC: v.ID,
		Name: spec.Name, Description: spec.Description, Rules: []Rule{allowAllOut(f)},
	}, nil
}

func (s GroupSpec) check() error {
	switch {
	case s.Name == DefaultGroupName:
		return awserr.New("InvalidParameterValue", "Cannot use reserved security group name: %s", s.Name)
	case strings.HasPrefix(s.Name, "sg-"):
		return awserr.New("InvalidParameterValue",
			"Value (%s) for parameter GroupName is invalid. Group names may not be in the format sg-*.", s.Name)
	case !isGroupText(s.Name):
		return awserr.New("InvalidParameterValue",
			"Value (%s) for parameter GroupName is invalid. Character sets beyond ASCII are not supported.", s.Name)
	case !isGroupText(s.Description):
		return awserr.New("InvalidParameterValue",
			"Value (%s) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported.", s.Description)
	}
	return nil
}

// allowAllOut is the egress rule that every new group has.
func allowAllOut(f Fresh) Rule {
	return Rule{
		ID: RuleID(f.ID("sgr")), Egress: true, Protocol: -1, From: -1, To: -1,
		CIDR: netip.PrefixFrom(netip.IPv4Unspecified(), 0),
	}
}

// CanDelete returns nil if g may go: users is how many interfaces have it, and
// how many other groups' rules name it.
func (g SecurityGroup) CanDelete(users int) error {
	if g.Name == DefaultGroupName {
		return awserr.New("CannotDelete", `the specified group: "%s" name: "%s" cannot be deleted by a user`, g.ID, g.Name)
	}
	if users > 0 {
		return awserr.New("DependencyViolation", "resource %s has a dependent object", g.ID)
	}
	return nil
}
