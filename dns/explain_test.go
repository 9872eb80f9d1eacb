// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"enishi.dev/enishi/hoststate"
)

func TestExplainSaysWhoseNameItIs(t *testing.T) {
	v := story().View()
	addrs := func(s ...string) (as []netip.Addr) {
		for _, a := range s {
			as = append(as, netip.MustParseAddr(a))
		}
		return as
	}
	const ec2 = "ec2.ap-northeast-1.amazonaws.com"
	for _, c := range []struct {
		network, name string
		want          hoststate.NameAnswer
	}{
		{"vpc-a", "EC2.ap-northeast-1.amazonaws.com.", hoststate.NameAnswer{From: "private zone", Zone: ec2, Addresses: addrs("10.0.1.50", "10.0.2.50")}},
		{"vpc-b", ec2, hoststate.NameAnswer{From: "public", Addresses: addrs("198.18.0.1")}},
		{"vpc-a", "no." + ec2, hoststate.NameAnswer{From: "private zone", Zone: ec2}}, // it hides what is public
		{"vpc-a", "plain.example.com", hoststate.NameAnswer{From: "vpc", Addresses: addrs("10.0.1.70", "2001:db8::70")}},
		{"vpc-a", "ip-10-0-1-9.ap-northeast-1.compute.internal", hoststate.NameAnswer{From: "address", Addresses: addrs("10.0.1.9")}},
		{"vpc-b", "plain.example.com", hoststate.NameAnswer{}},
		{"vpc-no", ec2, hoststate.NameAnswer{From: "no resolver"}},
	} {
		if d := cmp.Diff(c.want, v.Explain(c.network, c.name), cmpopts.EquateComparable(netip.Addr{})); d != "" {
			t.Errorf("%s in %s: %s", c.name, c.network, d)
		}
	}
}
