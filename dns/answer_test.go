// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"enishi.dev/enishi/hoststate"
)

func TestAnswer(t *testing.T) {
	v := story().View()
	for _, tt := range []struct {
		name, network, ask string
		qtype              uint16
		turn               uint32
		want               string
	}{
		{"a private name hides the public one", "vpc-a", "ec2.ap-northeast-1.amazonaws.com", dns.TypeA, 0,
			"NOERROR ec2.ap-northeast-1.amazonaws.com. 60 IN A 10.0.1.50 ec2.ap-northeast-1.amazonaws.com. 60 IN A 10.0.2.50"},
		{"addresses take turns", "vpc-a", "ec2.ap-northeast-1.amazonaws.com", dns.TypeA, 3,
			"NOERROR ec2.ap-northeast-1.amazonaws.com. 60 IN A 10.0.2.50 ec2.ap-northeast-1.amazonaws.com. 60 IN A 10.0.1.50"},
		{"another network sees the public one", "vpc-b", "ec2.ap-northeast-1.amazonaws.com", dns.TypeA, 0,
			"NOERROR ec2.ap-northeast-1.amazonaws.com. 60 IN A 198.18.0.1"},
		{"the name's spelling comes back as it was asked", "vpc-b", "eC2.AP-northeast-1.amazonaws.COM", dns.TypeA, 0,
			"NOERROR eC2.AP-northeast-1.amazonaws.COM. 60 IN A 198.18.0.1"},
		{"a private name has no other types", "vpc-a", "ec2.ap-northeast-1.amazonaws.com", dns.TypeAAAA, 0,
			"NOERROR (ec2.ap-northeast-1.amazonaws.com. 5)"},
		{"what is under a private name does not exist", "vpc-a", "x.ec2.ap-northeast-1.amazonaws.com", dns.TypeA, 0,
			"NXDOMAIN (ec2.ap-northeast-1.amazonaws.com. 5)"},
		{"siblings of a private name stay public", "vpc-a", "s3.ap-northeast-1.amazonaws.com", dns.TypeA, 0,
			"NOERROR s3.ap-northeast-1.amazonaws.com. 60 IN A 198.18.0.2"},
		{"a private wildcard answers", "vpc-a", "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com", dns.TypeA, 0,
			"NOERROR 123456789012.dkr.ecr.ap-northeast-1.amazonaws.com. 60 IN A 10.0.1.60"},
		{"a private wildcard's apex holds nothing", "vpc-a", "dkr.ecr.ap-northeast-1.amazonaws.com", dns.TypeA, 0,
			"NOERROR (dkr.ecr.ap-northeast-1.amazonaws.com. 5)"},
		{"a wildcard covers names below it at any depth", "vpc-a", "a.b.s3.ap-northeast-1.amazonaws.com", dns.TypeA, 0,
			"NOERROR a.b.s3.ap-northeast-1.amazonaws.com. 60 IN A 198.18.0.2"},
		{"a name beats the wildcard beside it", "vpc-a", "special.s3.ap-northeast-1.amazonaws.com", dns.TypeA, 0,
			"NOERROR special.s3.ap-northeast-1.amazonaws.com. 60 IN A 198.18.0.3"},
		{"below a name that exists the wildcard beside it does not count", "vpc-a", "a.special.s3.ap-northeast-1.amazonaws.com", dns.TypeA, 0,
			"NXDOMAIN (. 5)"},
		{"regional endpoint names are public", "vpc-b", "vpce-1.ec2.ap-northeast-1.vpce.amazonaws.com", dns.TypeA, 0,
			"NOERROR vpce-1.ec2.ap-northeast-1.vpce.amazonaws.com. 60 IN A 10.0.1.50"},
		{"a network's own name without a zone", "vpc-a", "plain.example.com", dns.TypeAAAA, 0,
			"NOERROR plain.example.com. 60 IN AAAA 2001:db8::70"},
		{"it is its network's alone", "vpc-b", "plain.example.com", dns.TypeA, 0, "NXDOMAIN (. 5)"},
		{"it hides nothing above it", "vpc-a", "example.com", dns.TypeA, 0, "NOERROR example.com. 60 IN A 198.18.0.9"},
		{"a name with names under it exists", "vpc-a", "amazonaws.com", dns.TypeA, 0, "NOERROR (. 5)"},
		{"everything else does not exist", "vpc-a", "www.debian.org", dns.TypeA, 0, "NXDOMAIN (. 5)"},
		{"the root has nothing", "vpc-a", ".", dns.TypeNS, 0, "NOERROR (. 5)"},
		{"an escaped dot is no border between labels", "vpc-a", `x\.ec2.ap-northeast-1.amazonaws.com`, dns.TypeA, 0, "NXDOMAIN (. 5)"},
		{"an escaped backslash before a dot is one", "vpc-a", `x\\.ec2.ap-northeast-1.amazonaws.com`, dns.TypeA, 0,
			"NXDOMAIN (ec2.ap-northeast-1.amazonaws.com. 5)"},
		{"the SOA of a private zone", "vpc-a", "ec2.ap-northeast-1.amazonaws.com", dns.TypeSOA, 0,
			"NOERROR ec2.ap-northeast-1.amazonaws.com. 5 IN SOA ns-1536.awsdns-00.co.uk. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 5"},
		{"ANY is answered as RFC 8482 wants it", "vpc-a", "ec2.ap-northeast-1.amazonaws.com", dns.TypeANY, 0,
			`NOERROR ec2.ap-northeast-1.amazonaws.com. 5 IN HINFO "RFC8482" ""`},
		{"ANY of nothing", "vpc-a", "nothing.example", dns.TypeANY, 0, "NXDOMAIN (. 5)"},
		{"a zone transfer is refused", "vpc-a", "amazonaws.com", dns.TypeAXFR, 0, "REFUSED"},
		{"an address has a name", "vpc-a", "ip-10-0-1-50.ap-northeast-1.compute.internal", dns.TypeA, 0,
			"NOERROR ip-10-0-1-50.ap-northeast-1.compute.internal. 60 IN A 10.0.1.50"},
		{"the name of an address outside the network", "vpc-a", "ip-10-9-1-50.ap-northeast-1.compute.internal", dns.TypeA, 0,
			"NXDOMAIN (ap-northeast-1.compute.internal. 5)"},
		{"a number with a zero before it is no address", "vpc-a", "ip-10-0-01-50.ap-northeast-1.compute.internal", dns.TypeA, 0,
			"NXDOMAIN (ap-northeast-1.compute.internal. 5)"},
		{"an IPv6 address has no name", "vpc-a", "ip-2001-db8--1.ap-northeast-1.compute.internal", dns.TypeAAAA, 0,
			"NXDOMAIN (ap-northeast-1.compute.internal. 5)"},
		{"and back", "vpc-a", "50.1.0.10.in-addr.arpa", dns.TypePTR, 0,
			"NOERROR 50.1.0.10.in-addr.arpa. 60 IN PTR ip-10-0-1-50.ap-northeast-1.compute.internal."},
		{"an address outside has no name", "vpc-a", "8.8.8.8.in-addr.arpa", dns.TypePTR, 0, "NXDOMAIN (. 5)"},
		{"a network that is not here", "vpc-c", "example.com", dns.TypeA, 0, "no answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, ask(v, tt.network, tt.ask, tt.qtype, tt.turn)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestOnlyTheResolverAnswers(t *testing.T) {
	off := network("vpc-off")
	off.Resolver = nil
	r := story()
	r.Apply(false, []hoststate.Unit{off}, nil)
	for _, tt := range []struct {
		name, network, at string
		want              string
	}{
		{"the base address and two", "vpc-b", "10.0.0.2", "NOERROR"},
		{"an IPv4 address as IPv6 sockets give it", "vpc-b", "::ffff:10.0.0.2", "NOERROR"},
		{"the IPv6 one", "vpc-b", "fd00:ec2::253", "NOERROR"},
		{"an endpoint's address is none", "vpc-b", "10.0.1.50", "no answer"},
		{"a network without DNS support", "vpc-off", "10.0.0.2", "no answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := new(dns.Msg).SetQuestion("amazonaws.com.", dns.TypeA)
			m := r.View().Answer(q, Asked{Network: tt.network, At: netip.MustParseAddr(tt.at)})
			if m != nil {
				m.Ns = nil
			}
			if got := text(m); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestApply(t *testing.T) {
	const ec2 = "ec2.ap-northeast-1.amazonaws.com"
	private := name("vpc-a " + ec2 + " " + ec2 + " 10.0.1.50")
	public := name("- - " + ec2 + " 198.18.0.1")
	withPrivate, withPublic := "NOERROR "+ec2+". 60 IN A 10.0.1.50", "NOERROR "+ec2+". 60 IN A 198.18.0.1"
	r := new(Records)
	step := func(what, want string, full bool, set []hoststate.Unit, gone ...hoststate.Key) {
		t.Helper()
		before := r.View()
		was := ask(before, "vpc-a", ec2, dns.TypeA, 0)
		r.Apply(full, set, gone)
		if got := ask(r.View(), "vpc-a", ec2, dns.TypeA, 0); got != want {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
		if got := ask(before, "vpc-a", ec2, dns.TypeA, 0); got != was {
			t.Errorf("%s: the view before now says %s, said %s", what, got, was)
		}
	}
	step("no network yet", "no answer", false, []hoststate.Unit{public})
	step("a network sees public names", withPublic, false, []hoststate.Unit{network("vpc-a")})
	step("a private name hides them", withPrivate, false, []hoststate.Unit{private})
	moved := *private
	moved.Zone, moved.Name = "amazonaws.com", "sts.ap-northeast-1.amazonaws.com"
	step("a wider zone changes nothing within the longer one", withPrivate, false, []hoststate.Unit{&moved})
	step("when the longer one is gone, the wider one hides the name", "NXDOMAIN (amazonaws.com. 5)", false, nil, private.Key())
	wide := *private
	wide.Zone = "amazonaws.com"
	step("a name of the wider zone", withPrivate, false, []hoststate.Unit{&wide})
	step("the same name moves to a zone of its own", withPrivate, false, []hoststate.Unit{private})
	step("what it left behind is gone too", withPublic, false, nil, private.Key(), moved.Key())
	step("applying twice is applying once", withPublic, false, nil, private.Key(), moved.Key())
	step("full: what is not there is gone", "NXDOMAIN (. 5)", true, []hoststate.Unit{network("vpc-a")})
	step("the network goes", "no answer", false, nil, hoststate.Key{Kind: hoststate.KindNetwork, ID: "vpc-a"})
}
