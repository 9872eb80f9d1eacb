// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"enishi.dev/enishi/hoststate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var resolver = netip.MustParseAddr("10.0.0.2")

// network makes a network whose resolver is the one of every test.
func network(id string) *hoststate.Network {
	return &hoststate.Network{
		ID: id, VNI: 1,
		Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("2001:db8::/56")},
		Resolver: []netip.Addr{resolver, netip.MustParseAddr("fd00:ec2::253")},
		Domain:   "ap-northeast-1.compute.internal",
	}
}

// name makes a Name of "network zone name addr,addr"; - stands for an empty one.
func name(s string) *hoststate.Name {
	f := strings.Fields(s)
	for i := range f {
		if f[i] == "-" {
			f[i] = ""
		}
	}
	n := &hoststate.Name{Network: f[0], Zone: f[1], Name: f[2], TTL: 60}
	for a := range strings.SplitSeq(f[3], ",") {
		n.Addresses = append(n.Addresses, netip.MustParseAddr(a))
	}
	return n
}

// story is the world of most tests: vpc-a has an endpoint with private DNS.
func story() *Records {
	r := new(Records)
	set := []hoststate.Unit{network("vpc-a"), network("vpc-b")}
	for _, s := range []string{
		"vpc-a ec2.ap-northeast-1.amazonaws.com ec2.ap-northeast-1.amazonaws.com 10.0.1.50,10.0.2.50",
		"vpc-a dkr.ecr.ap-northeast-1.amazonaws.com *.dkr.ecr.ap-northeast-1.amazonaws.com 10.0.1.60",
		"vpc-a - plain.example.com 10.0.1.70,2001:db8::70",
		"- - ec2.ap-northeast-1.amazonaws.com 198.18.0.1",
		"- - *.s3.ap-northeast-1.amazonaws.com 198.18.0.2",
		"- - s3.ap-northeast-1.amazonaws.com 198.18.0.2",
		"- - special.s3.ap-northeast-1.amazonaws.com 198.18.0.3",
		"- - vpce-1.ec2.ap-northeast-1.vpce.amazonaws.com 10.0.1.50",
		"- - example.com 198.18.0.9",
	} {
		set = append(set, name(s))
	}
	r.Apply(true, set, nil)
	return r
}

// ask returns the answer as one line: the rcode, then the records.
func ask(v *View, network, qname string, qtype uint16, turn uint32) string {
	q := new(dns.Msg).SetQuestion(dns.Fqdn(qname), qtype)
	return text(v.Answer(q, Asked{Network: network, At: resolver, Turn: turn}))
}

func text(m *dns.Msg) string {
	if m == nil {
		return "no answer"
	}
	var b strings.Builder
	b.WriteString(dns.RcodeToString[m.Rcode])
	for _, rr := range m.Answer {
		fmt.Fprintf(&b, " %s", strings.Join(strings.Fields(rr.String()), " "))
	}
	for _, rr := range m.Ns {
		fmt.Fprintf(&b, " (%s %d)", rr.Header().Name, rr.Header().Ttl)
	}
	return b.String()
}
