// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"
	"strings"
	"testing"

	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/hoststate"
)

func TestWhyNamesWhatDecides(t *testing.T) {
	eni := func(id, addr, group string) wire.NetworkInterface {
		return wire.NetworkInterface{
			NetworkInterfaceId: &id, PrivateIpAddress: &addr, SubnetId: new("subnet-1"), VpcId: new("vpc-1"),
			Groups: []wire.GroupIdentifier{{GroupId: &group}},
		}
	}
	from, target := eni("eni-1", "10.0.1.4", "sg-1"), eni("eni-2", "10.0.1.5", "sg-2")
	outcome := func(o hoststate.Outcome) hoststate.Outcome {
		o.Source, o.Table = netip.MustParseAddr("10.0.1.4"), "rtb-1"
		if o.Verdict == "" {
			o.Verdict = "drop"
		}
		return o
	}
	for _, c := range []struct {
		name string
		f    whyFacts
		want []string // lines, or their beginnings
	}{
		{"a rule lets it in", whyFacts{target: &target, outcome: outcome(hoststate.Outcome{Verdict: "deliver", Target: "eni-2", Egress: "sgr-1", Ingress: "sgr-2",
			Back: &hoststate.Answer{Verdict: "deliver", Flow: true, Target: "eni-1"}})},
			[]string{"route     local: 10.0.1.5 is eni-2", "out       sgr-1 of sg-1 lets it out", "in        sgr-2 of sg-2 lets it in",
				"and back  the connection takes the answer to eni-1: no rule and no route is asked", "verdict   it arrives"}},
		{"a router may not answer", whyFacts{target: &target, outcome: outcome(hoststate.Outcome{Verdict: "deliver", Target: "eni-2", Route: hoststate.RouteInterface, Prefix: "fd00:ec2::/32",
			Back: &hoststate.Answer{Verdict: "drop", Reason: "spoofed source"}})},
			[]string{"and back  the answer that eni-2 sends on is refused: spoofed source", "verdict   dropped: of the answer: spoofed source"}},
		{"another host answers", whyFacts{target: &target, outcome: outcome(hoststate.Outcome{Verdict: "deliver", Target: "eni-2", Tunnel: netip.MustParseAddr("192.0.2.2"),
			Back: &hoststate.Answer{Verdict: "deliver", Target: "eni-1"}})},
			[]string{"and back  the answer comes in from host 192.0.2.2, and goes to eni-1", "verdict   it arrives"}},
		{"none lets it out", whyFacts{target: &target, outcome: outcome(hoststate.Outcome{Reason: "security group", Refused: "egress", Target: "eni-2"})},
			[]string{"out       no rule of sg-1 lets tcp 80 out", "verdict   dropped: security group",
				"change    aws ec2 authorize-security-group-egress --group-id sg-1 --ip-permissions 'IpProtocol=tcp,FromPort=80,ToPort=80,IpRanges=[{CidrIp=10.0.1.5/32}]'"}},
		{"none lets it in", whyFacts{target: &target, outcome: outcome(hoststate.Outcome{Reason: "security group", Refused: "ingress", Target: "eni-2", Egress: "sgr-1"})},
			[]string{"in        no rule of sg-2 lets tcp 80 in",
				"change    aws ec2 authorize-security-group-ingress --group-id sg-2 --ip-permissions 'IpProtocol=tcp,FromPort=80,ToPort=80,IpRanges=[{CidrIp=10.0.1.4/32}]'"}},
		{"a router that is none", whyFacts{target: &target, outcome: outcome(hoststate.Outcome{Reason: "not its address", Target: "eni-2", Route: hoststate.RouteInterface, Prefix: "10.0.1.0/24"})},
			[]string{"route     rtb-1 by 10.0.1.0/24: eni-2 takes no packets for others", "change    aws ec2 modify-network-interface-attribute --network-interface-id eni-2 --no-source-dest-check"}},
		{"a blackhole", whyFacts{outcome: outcome(hoststate.Outcome{Reason: "blackhole", Route: hoststate.RouteBlackhole, Prefix: "0.0.0.0/0"})},
			[]string{"route     rtb-1 by 0.0.0.0/0: its target is gone", "verdict   dropped: blackhole"}},
		{"a public service", whyFacts{outcome: outcome(hoststate.Outcome{Verdict: "deliver", Egress: "sgr-1", Route: hoststate.RouteInternet, Prefix: "0.0.0.0/0", Gateway: "igw-1", Public: "ec2.r.amazonaws.com",
			Back: &hoststate.Answer{Verdict: "deliver", Target: "eni-1"}})},
			[]string{"route     rtb-1 by 0.0.0.0/0: to igw-1, and from there to ec2.r.amazonaws.com", "out       sgr-1 of sg-1 lets it out", "verdict   it arrives"}},
		{"one that no rule lets out", whyFacts{outcome: outcome(hoststate.Outcome{Reason: "security group", Refused: "egress", Route: hoststate.RouteInternet, Prefix: "0.0.0.0/0", Gateway: "igw-1", Public: "ec2.r.amazonaws.com"})},
			[]string{"out       no rule of sg-1 lets tcp 80 out", "change    aws ec2 authorize-security-group-egress --group-id sg-1"}},
		{"no public address", whyFacts{outcome: outcome(hoststate.Outcome{Reason: "no public address", Route: hoststate.RouteInternet, Prefix: "0.0.0.0/0", Gateway: "igw-1"})},
			[]string{"route     rtb-1 by 0.0.0.0/0: to igw-1, and no public address stands for 10.0.1.4", "change    aws ec2 modify-subnet-attribute --subnet-id subnet-1 --map-public-ip-on-launch"}},
		{"nobody public", whyFacts{outcome: outcome(hoststate.Outcome{Reason: "no such address", Route: hoststate.RouteInternet, Prefix: "0.0.0.0/0", Gateway: "igw-1"})},
			[]string{"route     rtb-1 by 0.0.0.0/0: to igw-1, and nobody public has 10.0.1.5"}},
		{"no resolver", whyFacts{name: &hoststate.NameAnswer{From: "no resolver"}},
			[]string{"name      the VPC has no resolver", "verdict   dropped: no such name", "change    aws ec2 modify-vpc-attribute --vpc-id vpc-1 --enable-dns-support"}},
		{"a zone hides the name", whyFacts{name: &hoststate.NameAnswer{From: "private zone", Zone: "example.com"}},
			[]string{"name      h does not exist: the private zone example.com of the VPC hides every other name in it"}},
		{"the instance itself", whyFacts{outcome: outcome(hoststate.Outcome{Verdict: "deliver", Itself: true})},
			[]string{"route     local: 10.0.1.5 is the instance's own, and nothing leaves it", "verdict   it arrives"}},
		{"the resolver itself", whyFacts{outcome: outcome(hoststate.Outcome{Verdict: "deliver"})},
			[]string{"route     local: 10.0.1.5 is the resolver", "groups    do not apply", "verdict   it arrives"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.f.host, c.f.from = "h", from
			c.f.question = hoststate.Question{To: netip.MustParseAddr("10.0.1.5"), Protocol: "tcp", Port: 80}
			c.f.groups = map[string]string{"sgr-1": "sg-1", "sgr-2": "sg-2"}
			var out strings.Builder
			c.f.explain().print(&out)
			for _, line := range append(c.want, "from      eni-1, 10.0.1.4 in subnet-1 of vpc-1") {
				if !strings.Contains("\n"+out.String(), "\n"+line) {
					t.Errorf("no line %q in\n%s", line, &out)
				}
			}
		})
	}
}
