// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"enishi.dev/enishi/hoststate"
)

func TestAsk(t *testing.T) {
	b := newWorld(t)
	one := netip.MustParseAddr("10.0.1.10")
	flow, known := &hoststate.Answer{Verdict: "deliver", Flow: true, Target: "eni-1"}, &hoststate.Answer{Verdict: "deliver", Target: "eni-1"}
	_, err := b.Apply([]hoststate.Unit{by("rtb-a", func(r *hoststate.RouteTable) {
		r.Routes = append(r.Routes, hoststate.Route{Prefix: netip.MustParsePrefix("fd00:ec2::/32"), Target: hoststate.RouteInterface, Interface: "eni-r"})
	})}, nil)
	b.must(err)
	for _, c := range []struct {
		name     string
		to       string
		protocol string
		port     uint16
		want     hoststate.Outcome
	}{
		{"a rule lets it in", "10.0.1.20", "tcp", 80,
			hoststate.Outcome{Source: one, Verdict: "deliver", Egress: "sgr-out4", Ingress: "sgr-http4", Target: "eni-2", Table: "rtb-a", Back: flow}},
		{"the sender's own address", "10.0.1.11", "tcp", 80, hoststate.Outcome{Source: netip.MustParseAddr("10.0.1.11"), Verdict: "deliver", Itself: true}},
		{"no rule does", "10.0.1.20", "tcp", 443,
			hoststate.Outcome{Source: one, Verdict: "drop", Reason: "security group", Refused: "ingress", Egress: "sgr-out4", Target: "eni-2", Table: "rtb-a"}},
		{"an echo", "10.0.1.20", "icmp", 0,
			hoststate.Outcome{Source: one, Verdict: "deliver", Egress: "sgr-out4", Ingress: "sgr-echo4", Target: "eni-2", Table: "rtb-a", Back: flow}},
		{"an echo of IPv6", "fd00:a::20", "icmp", 0,
			hoststate.Outcome{Source: netip.MustParseAddr("fd00:a::10"), Verdict: "deliver", Egress: "sgr-out6", Ingress: "sgr-echo6", Target: "eni-2", Table: "rtb-a", Back: flow}},
		{"an endpoint", "10.0.1.50", "tcp", 443,
			hoststate.Outcome{Source: one, Verdict: "deliver", Egress: "sgr-out4", Ingress: "sgr-e4", Target: "eni-e", Table: "rtb-a", Back: flow, Endpoint: "vpce-1"}},
		{"a port where the endpoint does not listen", "10.0.1.50", "tcp", 444,
			hoststate.Outcome{Source: one, Verdict: "drop", Reason: "no listener", Egress: "sgr-out4", Ingress: "sgr-e4", Target: "eni-e", Table: "rtb-a", Endpoint: "vpce-1"}},
		{"the resolver", "10.0.0.2", "udp", 53,
			hoststate.Outcome{Source: one, Verdict: "deliver", Table: "rtb-a", Back: flow}},
		{"no route", "198.18.0.1", "tcp", 443,
			hoststate.Outcome{Source: one, Verdict: "drop", Reason: "no route", Table: "rtb-a"}},
		{"the longest prefix is a blackhole", "192.168.9.1", "tcp", 443,
			hoststate.Outcome{Source: one, Verdict: "drop", Reason: "blackhole", Table: "rtb-a", Route: hoststate.RouteBlackhole, Prefix: "192.168.9.0/24"}},
		{"a router", "192.168.1.1", "tcp", 443,
			hoststate.Outcome{Source: one, Verdict: "deliver", Egress: "sgr-out4", Ingress: "sgr-out4", Target: "eni-r", Table: "rtb-a", Back: known, Route: hoststate.RouteInterface, Prefix: "192.168.0.0/16"}},
		{"a router that may not answer as the address", "fd00:ec2::1", "tcp", 443,
			hoststate.Outcome{Source: netip.MustParseAddr("fd00:a::10"), Verdict: "deliver", Egress: "sgr-out6", Ingress: "sgr-out6", Target: "eni-r", Table: "rtb-a", Route: hoststate.RouteInterface, Prefix: "fd00:ec2::/32",
				Back: &hoststate.Answer{Verdict: "drop", Reason: "spoofed source"}}},
	} {
		b.sub(t, c.name, func(t *testing.T) {
			got, err := b.Ask(hoststate.Question{Interface: "eni-1", To: netip.MustParseAddr(c.to), Protocol: c.protocol, Port: c.port})
			if err != nil {
				t.Error(err)
			}
			if d := cmp.Diff(c.want, got, cmpopts.EquateComparable(netip.Addr{})); d != "" {
				t.Error(d)
			}
		})
	}
	b.wantHalves(0, 0)
	for _, q := range []hoststate.Question{
		{Interface: "eni-no", To: one, Protocol: "tcp"},
		{Interface: "eni-far", To: one, Protocol: "tcp"},
		{Interface: "eni-1", To: one, Protocol: "sctp"},
		{Interface: "eni-r", To: netip.Addr{}, Protocol: "tcp"},
	} {
		if _, err := b.Ask(q); err == nil {
			t.Errorf("%v was answered", q)
		}
	}
}

func TestAskAboutAnotherHost(t *testing.T) {
	b := newFarWorld(t)
	far := netip.MustParseAddr("192.0.2.3")
	for _, c := range []struct {
		name string
		port uint16
		want hoststate.Outcome
	}{
		{"it lets it in", 80, hoststate.Outcome{Verdict: "deliver", Egress: "sgr-out4", Ingress: "sgr-http4", Target: "eni-far2", Tunnel: far,
			Back: &hoststate.Answer{Verdict: "deliver", Target: "eni-1"}}},
		{"it will refuse it", 82, hoststate.Outcome{Verdict: "drop", Reason: "security group", Refused: "ingress", Egress: "sgr-out4", Target: "eni-far2", Tunnel: far}},
	} {
		b.sub(t, c.name, func(t *testing.T) {
			c.want.Source, c.want.Table = netip.MustParseAddr("10.0.1.10"), "rtb-a"
			got, err := b.Ask(hoststate.Question{Interface: "eni-1", To: netip.MustParseAddr("10.0.1.41"), Protocol: "tcp", Port: c.port})
			if err != nil {
				t.Error(err)
			}
			if d := cmp.Diff(c.want, got, cmpopts.EquateComparable(netip.Addr{})); d != "" {
				t.Error(d)
			}
		})
	}
	b.wantHalves(0, 0)
}
