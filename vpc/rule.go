// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"fmt"
	"net/netip"
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

// passage is what a rule lets through, and in which direction.
type passage struct {
	egress             bool
	protocol, from, to int
	cidr               netip.Prefix
	group              SecurityGroupID
}

func (r Rule) passage() passage {
	return passage{r.Egress, r.Protocol, r.From, r.To, r.CIDR, r.Group}
}

// Same reports whether r and o let the same packets through; a group holds only
// one of them. Descriptions and tags do not count.
func (r Rule) Same(o Rule) bool { return r.passage() == o.passage() }

// places is where the rules are, by what they let through: whoever names
// thousands of rules looks each up once, while all other decisions wait.
func places(rules []Rule) map[passage]int {
	at := make(map[passage]int, len(rules))
	for i, r := range rules {
		at[r.passage()] = i
	}
	return at
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
