// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"enishi.dev/enishi/aws/awserr"
)

// The protocols that have ports, or types and codes.
const (
	protocolAll    = -1
	protocolICMP   = 1
	protocolTCP    = 6
	protocolUDP    = 17
	protocolICMPv6 = 58
)

var protocolNames = map[int]string{
	protocolICMP: "icmp", protocolTCP: "tcp", protocolUDP: "udp", protocolICMPv6: "icmpv6",
}

// ProtocolName is how AWS writes the protocol of a rule.
func ProtocolName(p int) string {
	if name, ok := protocolNames[p]; ok {
		return name
	}
	return strconv.Itoa(p)
}

// ParseProtocol is the inverse of [ProtocolName]; it also takes the numbers of
// protocols that have names, and any case.
func ParseProtocol(s string) (int, error) {
	lower := strings.ToLower(s)
	for p, name := range protocolNames {
		if lower == name {
			return p, nil
		}
	}
	if lower == "all" {
		return protocolAll, nil
	}
	p, err := strconv.Atoi(s)
	if err != nil || p < protocolAll || p > 255 || strconv.Itoa(p) != s {
		return 0, awserr.New("InvalidParameterValue", "Invalid value '%s' for IP protocol. Unknown protocol.", s)
	}
	return p, nil
}

// HasPorts reports whether From and To of r mean something.
func (r Rule) HasPorts() bool {
	_, ok := protocolNames[r.Protocol]
	return ok
}

// WithPorts returns r with what a caller said of ports, nil being nothing. For a
// protocol that has none they are ignored, as AWS does.
func (r Rule) WithPorts(from, to *int32) (Rule, error) {
	r.From, r.To = -1, -1
	switch r.Protocol {
	case protocolTCP, protocolUDP:
		if from == nil || to == nil {
			return r, awserr.New("InvalidParameterValue",
				"Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
		}
		r.From, r.To = int(*from), int(*to)
		if r.From < 0 || r.To > 65535 || r.From > r.To {
			return r, awserr.New("InvalidParameterValue", "Invalid TCP/UDP port range (%d:%d)", r.From, r.To)
		}
	case protocolICMP, protocolICMPv6:
		if from != nil {
			r.From = int(*from)
		}
		if to != nil {
			r.To = int(*to)
		}
		if r.From < -1 || r.From > 255 || r.To < -1 || r.To > 255 || r.From == -1 && r.To != -1 {
			return r, awserr.New("InvalidParameterValue", "Invalid ICMP type/code (%d:%d)", r.From, r.To)
		}
	}
	return r, nil
}

// Same reports whether r and o let the same packets through; a group holds only
// one of them. Descriptions and tags do not count.
func (r Rule) Same(o Rule) bool {
	return r.Egress == o.Egress && r.Protocol == o.Protocol && r.From == o.From && r.To == o.To &&
		r.CIDR == o.CIDR && r.Group == o.Group
}

// String is r as AWS's errors describe it.
func (r Rule) String() string {
	peer := string(r.Group)
	if peer == "" {
		peer = r.CIDR.String()
	}
	s := "peer: " + peer + ", "
	switch r.Protocol {
	case protocolAll:
		s += "ALL, "
	case protocolTCP, protocolUDP:
		s += fmt.Sprintf("%s, from port: %d, to port: %d, ", strings.ToUpper(ProtocolName(r.Protocol)), r.From, r.To)
	case protocolICMP, protocolICMPv6:
		s += fmt.Sprintf("%s, type: %d, code: %d, ", strings.ToUpper(ProtocolName(r.Protocol)), r.From, r.To)
	default:
		s += ProtocolName(r.Protocol) + ", "
	}
	return s + "ALLOW"
}

// Authorize returns g with the rules, which get ids.
func (g SecurityGroup) Authorize(f Fresh, limits Limits, rules []Rule) (SecurityGroup, []Rule, error) {
	all, added := slices.Clone(g.Rules), slices.Clone(rules)
	for i, r := range added {
		if slices.ContainsFunc(added[:i], r.Same) {
			return g, nil, awserr.New("InvalidParameterValue", "The same permission must not appear multiple times")
		}
		if slices.ContainsFunc(g.Rules, r.Same) {
			return g, nil, awserr.New("InvalidPermission.Duplicate", `the specified rule "%s" already exists`, r)
		}
		if !isGroupText(r.Description) {
			return g, nil, awserr.New("InvalidParameterValue",
				"Invalid rule description. Valid descriptions are strings less than 256 characters from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*")
		}
		added[i].ID = RuleID(f.ID("sgr"))
		all = append(all, added[i])
	}
	for _, egress := range []bool{false, true} {
		for _, v6 := range []bool{false, true} {
			if count(all, egress, v6) > limits.RulesPerGroup {
				return g, nil, awserr.New("RulesPerSecurityGroupLimitExceeded",
					"The maximum number of rules per security group has been reached.")
			}
		}
	}
	g.Rules = all
	return g, added, nil
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
	var ids []RuleID
	for _, r := range rules {
		i := slices.IndexFunc(g.Rules, r.Same)
		if i < 0 {
			return g, nil, awserr.New("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		ids = append(ids, g.Rules[i].ID)
	}
	return g.RevokeIDs(ids, len(rules) > 0 && rules[0].Egress)
}

// RevokeIDs returns g without its rules of these ids in one direction, and them.
// If one is not there, none goes.
func (g SecurityGroup) RevokeIDs(ids []RuleID, egress bool) (SecurityGroup, []Rule, error) {
	gone := func(r Rule) bool { return r.Egress == egress && slices.Contains(ids, r.ID) }
	var revoked []Rule
	for _, r := range g.Rules {
		if gone(r) {
			revoked = append(revoked, r)
		}
	}
	for _, id := range ids {
		if !slices.ContainsFunc(revoked, func(r Rule) bool { return r.ID == id }) {
			return g, nil, RuleIDs.NotFound(string(id))
		}
	}
	g.Rules = slices.DeleteFunc(slices.Clone(g.Rules), gone)
	return g, revoked, nil
}
