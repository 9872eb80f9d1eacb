// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"enishi.dev/enishi/hoststate"
)

const (
	ec2Name = "ec2.ap-northeast-1.amazonaws.com"
	ec2At   = "198.18.1.7"
)

// newPublicWorld is the world with a public service, to which both networks have a way
// by their gateways; eni-1's and eni-b's first addresses have public ones.
func newPublicWorld(t testing.TB) *bench {
	b := newWorld(t)
	way := func(r *hoststate.RouteTable) {
		r.Routes = append(r.Routes, hoststate.Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Target: hoststate.RouteInternet})
	}
	_, err := b.Apply([]hoststate.Unit{
		&hoststate.Endpoint{ID: ec2Name, Region: "ap-northeast-1", Service: "ec2", Names: []string{ec2Name}, Addresses: addrs(ec2At), Ports: []uint16{443}},
		by("rtb-a", way), by("rtb-b", way), by("vpc-a", func(n *hoststate.Network) { n.Gateway = "igw-1" }),
		by("eni-1", func(i *hoststate.Interface) { i.Public = netip.MustParseAddr("198.19.0.10") }),
		by("eni-b", func(i *hoststate.Interface) { i.Public = netip.MustParseAddr("198.19.0.11") }),
	}, nil)
	b.must(err)
	return b
}

func TestPublicServicesAreBehindAnInternetGateway(t *testing.T) {
	b := newPublicWorld(t)
	udp := func(f frame) frame { f.protocol = 17; return f }
	for _, c := range []struct {
		name, port string
		in         frame
		want       string
	}{
		{"from an address that has a public one", "eni-1", to(from("eni-1", "10.0.1.10"), ec2At, 443), "to door-a"},
		{"the same address in another network, by that one's own way", "eni-b", to(from("eni-b", "10.0.1.10"), ec2At, 443), "to door-b"},
		{"from another address of the interface", "eni-1", to(from("eni-1", "10.0.1.11"), ec2At, 443), "drop: no public address"},
		{"from an interface without", "eni-2", to(from("eni-2", "10.0.1.20"), ec2At, 443), "drop: no public address"},
		{"a router does not send for others there", "eni-r", to(from("eni-r", "10.0.1.10"), ec2At, 443), "drop: no public address"},
		{"an address that nobody has", "eni-1", to(from("eni-1", "10.0.1.10"), "198.18.9.9", 443), "drop: no such address"},
		{"another's public address: nothing else is there yet", "eni-1", to(from("eni-1", "10.0.1.10"), "198.19.0.11", 443), "drop: no such address"},
		{"a port that nobody serves", "eni-1", to(from("eni-1", "10.0.1.10"), ec2At, 80), "reset: no listener"},
		{"a datagram", "eni-1", udp(to(from("eni-1", "10.0.1.10"), ec2At, 443)), "drop: no listener"},
		{"the service sends nothing by itself", "door-a", to(frame{src: netip.MustParseAddr(ec2At)}, "10.0.1.10", 443), "drop: opened by a service"},
		{"a more special route is asked first", "eni-1", to(from("eni-1", "10.0.1.10"), "192.168.9.1", 443), "drop: blackhole"},
		{"and link-local addresses never leave", "eni-1", to(from("eni-1", "10.0.1.10"), "169.254.7.7", 443), "drop: no route"},
	} {
		b.sub(t, c.name, func(t *testing.T) { b.steps(step{c.port, c.in, c.want}) })
	}
	b.forgetAll()
	p := tcpPair("eni-1", "door-a", "10.0.1.10", ec2At, 2000, 443)
	again := tcpPair("eni-1", "door-a", "10.0.1.10", ec2At, 2001, 443)
	b.sub(t, "the answers come back, and the connection stands", func(t *testing.T) {
		b.steps(p.open("to door-a", "to eni-1")...)
		b.wantHalves(0, 2)
	})
	b.sub(t, "the sender's groups are asked; the service has none", func(t *testing.T) {
		_, err := b.Apply([]hoststate.Unit{by("set-1", func(g *hoststate.GroupSet) { g.Egress = nil })}, nil)
		b.must(err)
		b.steps(p.send(ack, "to door-a"), p.reply(ack, "to eni-1"), again.send(syn, "drop: security group"))
		_, err = b.Apply([]hoststate.Unit{by("set-1", func(*hoststate.GroupSet) {})}, nil)
		b.must(err)
	})
	b.sub(t, "without the route nothing leads there, also not what was there", func(t *testing.T) {
		_, err := b.Apply([]hoststate.Unit{by("rtb-a", func(*hoststate.RouteTable) {})}, nil)
		b.must(err)
		b.steps(p.send(ack, "drop: no route"), again.send(syn, "drop: no route"))
	})
	b.sub(t, "nor without the public address", func(t *testing.T) {
		_, err := b.Apply([]hoststate.Unit{by("eni-b", func(*hoststate.Interface) {})}, nil)
		b.must(err)
		b.steps(tcpPair("eni-b", "door-b", "10.0.1.10", ec2At, 2000, 443).send(syn, "drop: no public address"))
	})
	b.sub(t, "nor without the service", func(t *testing.T) {
		b = newPublicWorld(t)
		b.steps(p.open("to door-a", "to eni-1")...)
		_, err := b.Apply(nil, []hoststate.Key{{Kind: hoststate.KindEndpoint, ID: ec2Name}})
		b.must(err)
		b.steps(p.send(ack, "drop: no such address"), p.reply(ack, "drop: spoofed source"))
	})
}

func TestNothingFromAnotherHostLeavesByTheGateway(t *testing.T) {
	b := newFarWorld(t)
	_, err := b.Apply([]hoststate.Unit{
		&hoststate.Endpoint{ID: ec2Name, Addresses: addrs(ec2At), Ports: []uint16{443}},
		by("rtb-a", func(r *hoststate.RouteTable) {
			r.Routes = append(r.Routes, hoststate.Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Target: hoststate.RouteInternet})
		}),
		by("eni-far", func(i *hoststate.Interface) { i.Public = netip.MustParseAddr("198.19.0.10") }),
	}, nil)
	b.must(err)
	b.outer = outer{vniA, "192.0.2.2"}
	b.do(func() { b.steps(step{tunnelPort, to(numbered(4, "10.0.1.40"), ec2At, 443), "drop: no such address"}) })
}

func TestAskAboutAPublicService(t *testing.T) {
	b := newPublicWorld(t)
	for from, want := range map[string]hoststate.Outcome{
		"eni-1": {Verdict: "deliver", Egress: "sgr-out4", Public: ec2Name, Back: &hoststate.Answer{Verdict: "deliver", Flow: false, Target: "eni-1"}},
		"eni-2": {Verdict: "drop", Reason: "no public address"},
	} {
		got, err := b.Ask(hoststate.Question{Interface: from, To: netip.MustParseAddr(ec2At), Protocol: "tcp", Port: 443})
		b.must(err)
		want.Source, want.Table, want.Route, want.Prefix, want.Gateway = got.Source, "rtb-a", hoststate.RouteInternet, "0.0.0.0/0", "igw-1"
		if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); d != "" {
			t.Errorf("%s: %s", from, d)
		}
	}
}
