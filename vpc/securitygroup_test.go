// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewSecurityGroup(t *testing.T) {
	v := VPC{ID: "vpc-1"}
	few := DefaultLimits()
	few.Groups = 7
	for _, c := range []struct {
		name        string
		group, text string
		limits      Limits
		want        string
	}{
		{"a name of its own", "web ._-:/()#,@[]+=&;{}!$*", "front", DefaultLimits(), ""},
		{"a name that is taken", "db", "x", DefaultLimits(), "InvalidGroup.Duplicate: The security group 'db' already exists for VPC 'vpc-1'"},
		{"names tell upper from lower case", "DB", "x", DefaultLimits(), ""},
		{"the default's name", "default", "x", DefaultLimits(), "InvalidParameterValue: Cannot use reserved security group name: default"},
		{"a name like an id", "sg-1", "x", DefaultLimits(), "InvalidParameterValue: Value (sg-1) for parameter GroupName is invalid. Group names may not be in the format sg-*."},
		{"a name that is too long", strings.Repeat("a", 256), "x", DefaultLimits(), "InvalidParameterValue: Value (" + strings.Repeat("a", 256) + ") for parameter GroupName is invalid. Character sets beyond ASCII are not supported."},
		{"a description of other letters", "web", "<b>", DefaultLimits(), "InvalidParameterValue: Value (<b>) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported."},
		{"one too many", "web", "x", few, "SecurityGroupLimitExceeded: The maximum number of security groups has been reached."},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := NewSecurityGroup(counted(), c.limits, v, all(SecurityGroup{Name: "db"}), 7, GroupSpec{Owner: owner, Name: c.group, Description: c.text})
			wantError(t, err, c.want)
			out := []Rule{{ID: RuleID(id("sgr", 1)), Egress: true, Protocol: -1, From: -1, To: -1, CIDR: cidr("0.0.0.0/0")}}
			if diff := cmp.Diff(out, g.Rules, comparePrefixes); err == nil && diff != "" {
				t.Errorf("it lets everything out and nothing in (-want +got)\n%s", diff)
			}
		})
	}
}

func TestCanDeleteGroup(t *testing.T) {
	g := SecurityGroup{ID: "sg-1", Name: "web", Rules: []Rule{{Group: "sg-2"}}}
	wantError(t, g.CanDelete(0), "")
	wantError(t, g.CanDelete(1), "DependencyViolation: resource sg-1 has a dependent object")
	g.Name = DefaultGroupName
	wantError(t, g.CanDelete(0), `CannotDelete: the specified group: "sg-1" name: "default" cannot be deleted by a user`)
}

func tcp(from, to int, peer string) Rule {
	r := Rule{Protocol: 6, From: from, To: to}
	if strings.HasPrefix(peer, "sg-") {
		r.Group = SecurityGroupID(peer)
	} else {
		r.CIDR = cidr(peer)
	}
	return r
}

func TestAuthorize(t *testing.T) {
	limits := DefaultLimits()
	limits.RulesPerGroup = 3
	g := SecurityGroup{ID: "sg-1", Rules: []Rule{tcp(443, 443, "10.0.0.0/8"), tcp(443, 443, "sg-9")}}
	described := tcp(443, 443, "10.0.0.0/8")
	described.Description = "another text"
	out := tcp(443, 443, "10.0.0.0/8")
	out.Egress = true
	for _, c := range []struct {
		name  string
		rules []Rule
		want  string
	}{
		{"one more", []Rule{tcp(80, 80, "10.0.0.0/8")}, ""},
		{"nothing", nil, ""},
		{"the other direction is another rule", []Rule{out}, ""},
		{"the same, with another description", []Rule{described}, `InvalidPermission.Duplicate: the specified rule "peer: 10.0.0.0/8, TCP, from port: 443, to port: 443, ALLOW" already exists`},
		{"the same group", []Rule{tcp(443, 443, "sg-9")}, `InvalidPermission.Duplicate: the specified rule "peer: sg-9, TCP, from port: 443, to port: 443, ALLOW" already exists`},
		{"twice in one call", []Rule{tcp(80, 80, "10.0.0.0/8"), tcp(80, 80, "10.0.0.0/8")}, "InvalidParameterValue: The same permission must not appear multiple times"},
		{"too many of a family", []Rule{tcp(80, 80, "10.0.0.0/8"), tcp(81, 81, "10.0.0.0/8")}, "RulesPerSecurityGroupLimitExceeded: The maximum number of rules per security group has been reached."},
		{"families are counted apart, groups in both", []Rule{tcp(80, 80, "fd00::/8"), tcp(81, 81, "fd00::/8")}, ""},
		{"more than any group has, whatever they are", slices.Repeat([]Rule{tcp(443, 443, "10.0.0.0/8")}, 20_000), "RulesPerSecurityGroupLimitExceeded: The maximum number of rules per security group has been reached."},
		{"too many of the other family", []Rule{tcp(80, 80, "fd00::/8"), tcp(81, 81, "fd00::/8"), tcp(82, 82, "fd00::/8")}, "RulesPerSecurityGroupLimitExceeded: The maximum number of rules per security group has been reached."},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := counted()
			after, added, err := g.Authorize(f, limits, c.rules)
			wantError(t, err, c.want)
			if next := f.ID("sgr"); err != nil && next != id("sgr", 1) {
				t.Errorf("what was refused took the ids before %s", next)
			}
			if len(g.Rules) != 2 || err == nil && len(after.Rules) != 2+len(c.rules) {
				t.Errorf("before %v, after %v", g.Rules, after.Rules)
			}
			for i, r := range added {
				if r.ID != RuleID(id("sgr", i+1)) || !r.Same(c.rules[i]) {
					t.Errorf("added %+v", r)
				}
			}
		})
	}
}

func TestRevoke(t *testing.T) {
	rule := func(n int, r Rule) Rule { r.ID = RuleID(fmt.Sprintf("sgr-%d", n)); return r }
	out := tcp(80, 80, "0.0.0.0/0")
	out.Egress = true
	g := SecurityGroup{ID: "sg-1", Rules: []Rule{rule(1, tcp(443, 443, "10.0.0.0/8")), rule(2, tcp(80, 80, "0.0.0.0/0")), rule(3, out)}}
	left := func(g SecurityGroup) string {
		var ids []string
		for _, r := range g.Rules {
			ids = append(ids, string(r.ID))
		}
		return strings.Join(ids, " ")
	}
	t.Run("the direction counts", func(t *testing.T) {
		after, revoked, err := g.Revoke([]Rule{out})
		wantError(t, err, "")
		if left(after) != "sgr-1 sgr-2" || len(revoked) != 1 || revoked[0].ID != "sgr-3" || left(g) != "sgr-1 sgr-2 sgr-3" {
			t.Error(left(after), revoked)
		}
	})
	t.Run("if one is not there, none goes", func(t *testing.T) {
		after, _, err := g.Revoke([]Rule{tcp(443, 443, "10.0.0.0/8"), tcp(443, 444, "10.0.0.0/8")})
		wantError(t, err, "InvalidPermission.NotFound: The specified rule does not exist in this security group.")
		if left(after) != "sgr-1 sgr-2 sgr-3" {
			t.Error(left(after))
		}
	})
	t.Run("one that is named twice goes once", func(t *testing.T) {
		after, revoked, err := g.Revoke([]Rule{tcp(443, 443, "10.0.0.0/8"), tcp(443, 443, "10.0.0.0/8")})
		wantError(t, err, "")
		if left(after) != "sgr-2 sgr-3" || len(revoked) != 1 {
			t.Error(left(after), revoked)
		}
	})
	t.Run("by id", func(t *testing.T) {
		after, _, err := g.RevokeIDs([]RuleID{"sgr-2", "sgr-1"}, false)
		wantError(t, err, "")
		if left(after) != "sgr-3" {
			t.Error(left(after))
		}
		_, _, err = g.RevokeIDs([]RuleID{"sgr-1", "sgr-3"}, false)
		wantError(t, err, "InvalidSecurityGroupRuleId.NotFound: The security group rule ID 'sgr-3' does not exist")
	})
}

func TestProtocols(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{"tcp", "tcp", ""},
		{"UDP", "udp", ""},
		{"6", "tcp", ""},
		{"58", "icmpv6", ""},
		{"-1", "-1", ""},
		{"all", "-1", ""},
		{"0", "0", ""},
		{"255", "255", ""},
		{"256", "", "InvalidParameterValue: Invalid value '256' for IP protocol. Unknown protocol."},
		{"-2", "", "InvalidParameterValue: Invalid value '-2' for IP protocol. Unknown protocol."},
		{"+6", "", "InvalidParameterValue: Invalid value '+6' for IP protocol. Unknown protocol."},
		{"", "", "InvalidParameterValue: Invalid value '' for IP protocol. Unknown protocol."},
	} {
		p, err := ParseProtocol(c.in)
		wantError(t, err, c.err)
		if err == nil && ProtocolName(p) != c.want {
			t.Errorf("%q: %s, want %s", c.in, ProtocolName(p), c.want)
		}
	}
}

func TestRuleString(t *testing.T) {
	for want, r := range map[string]Rule{
		"peer: 0.0.0.0/0, ALL, ALLOW":                      {Protocol: -1, CIDR: cidr("0.0.0.0/0")},
		"peer: sg-1, UDP, from port: 1, to port: 2, ALLOW": {Protocol: 17, From: 1, To: 2, Group: "sg-1"},
		"peer: ::/0, ICMPV6, type: 128, code: -1, ALLOW":   {Protocol: 58, From: 128, To: -1, CIDR: netip.MustParsePrefix("::/0")},
		"peer: 10.0.0.0/8, 50, ALLOW":                      {Protocol: 50, From: -1, To: -1, CIDR: cidr("10.0.0.0/8")},
	} {
		if got := r.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestModify(t *testing.T) {
	rule := func(n int, r Rule) Rule { r.ID = RuleID(fmt.Sprintf("sgr-%d", n)); return r }
	out := tcp(80, 80, "0.0.0.0/0")
	out.Egress, out.Tags = true, map[string]string{"k": "v"}
	g := SecurityGroup{ID: "sg-1", Rules: []Rule{rule(1, tcp(443, 443, "10.0.0.0/8")), rule(2, tcp(80, 80, "0.0.0.0/0")), rule(3, out)}}
	limits := DefaultLimits()
	limits.RulesPerGroup = 2
	t.Run("id, direction and tags stay", func(t *testing.T) {
		after, err := g.Modify(limits, []Rule{rule(3, tcp(22, 22, "sg-9"))})
		wantError(t, err, "")
		want := rule(3, tcp(22, 22, "sg-9"))
		want.Egress, want.Tags = true, out.Tags
		if diff := cmp.Diff([]Rule{g.Rules[0], g.Rules[1], want}, after.Rules, comparePrefixes); diff != "" || g.Rules[2].From != 80 {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	for _, c := range []struct {
		name  string
		rules []Rule
		want  string
	}{
		{"the same again", []Rule{g.Rules[0]}, ""},
		{"two change places", []Rule{rule(1, g.Rules[1]), rule(2, g.Rules[0])}, ""},
		{"one becomes another", []Rule{rule(1, g.Rules[1])}, `InvalidPermission.Duplicate: the specified rule "peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW" already exists`},
		{"the other direction is another rule", []Rule{rule(3, g.Rules[0])}, ""},
		{"one twice", []Rule{g.Rules[0], g.Rules[0]}, "InvalidParameterValue: The security group rule ID 'sgr-1' must not appear multiple times"},
		{"one that is not there", []Rule{rule(4, tcp(1, 1, "sg-9"))}, "InvalidSecurityGroupRuleId.NotFound: The security group rule ID 'sgr-4' does not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := g.Modify(limits, c.rules)
			wantError(t, err, c.want)
		})
	}
	t.Run("too many of a family, after a change of family", func(t *testing.T) {
		limits.RulesPerGroup = 1
		g := SecurityGroup{ID: "sg-1", Rules: []Rule{rule(1, tcp(443, 443, "10.0.0.0/8")), rule(2, tcp(443, 443, "fd00::/8"))}}
		_, err := g.Modify(limits, []Rule{rule(2, tcp(80, 80, "10.0.0.0/8"))})
		wantError(t, err, "RulesPerSecurityGroupLimitExceeded: The maximum number of rules per security group has been reached.")
	})
}
