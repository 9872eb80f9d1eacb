// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net/netip"
	"strings"

	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/hoststate"
)

// whyFacts are what the parts said of a connection.
type whyFacts struct {
	from     wire.NetworkInterface
	host     string                // as asked
	name     *hoststate.NameAnswer // nil: an address was asked
	service  string                // whose private name host is; "" is none
	question hoststate.Question
	outcome  hoststate.Outcome
	target   *wire.NetworkInterface
	groups   map[string]string // rule -> its security group
}

// explanation is what `enishi why` prints; with --output json, as it is.
type explanation struct {
	From    string                `json:"from"` // the interface
	To      netip.Addr            `json:"to,omitzero"`
	Steps   []whyStep             `json:"steps"`
	Verdict string                `json:"verdict"` // deliver or drop
	Reason  string                `json:"reason,omitempty"`
	Change  string                `json:"change,omitempty"` // what would let it through
	Outcome hoststate.Outcome     `json:"outcome"`
	Name    *hoststate.NameAnswer `json:"name,omitempty"`
}

type whyStep struct {
	Step string `json:"step"`
	Says string `json:"says"`
}

// explain tells the way of the connection, as far as it comes.
func (f whyFacts) explain() explanation {
	e := explanation{
		From: *f.from.NetworkInterfaceId, To: f.question.To, Outcome: f.outcome, Name: f.name,
		Verdict: f.outcome.Verdict, Reason: f.outcome.Reason,
	}
	say := func(step, format string, args ...any) {
		e.Steps = append(e.Steps, whyStep{step, fmt.Sprintf(format, args...)})
	}
	source := *f.from.PrivateIpAddress
	if f.outcome.Source.IsValid() {
		source = f.outcome.Source.String()
	}
	say("from", "%s, %s in %s of %s", *f.from.NetworkInterfaceId, source, *f.from.SubnetId, *f.from.VpcId)
	if f.name != nil {
		say("name", "%s", f.nameSays())
		if len(f.name.Addresses) == 0 {
			e.Verdict, e.Reason = "drop", "no such name"
			e.Change = f.change()
			return e
		}
	}
	say("route", "%s", f.routeSays())
	outside := f.outcome.Route == hoststate.RouteInternet
	if f.target == nil && e.Verdict == "deliver" && !outside && !f.outcome.Itself {
		say("groups", "do not apply to %s", f.linkLocal())
	}
	if f.target != nil || outside {
		if s := f.groupsSay("egress", f.outcome.Egress, f.from); s != "" {
			say("out", "%s", s)
		}
	}
	if f.target != nil {
		if s := f.groupsSay("ingress", f.outcome.Ingress, *f.target); s != "" {
			say("in", "%s", s)
		}
	}
	if f.outcome.Endpoint != "" {
		switch {
		case e.Verdict == "deliver":
			say("endpoint", "%s answers", f.outcome.Endpoint)
		case e.Reason == "no listener":
			say("endpoint", "%s serves nothing at %s port %d: it is reset", f.outcome.Endpoint, f.question.Protocol, f.question.Port)
		case e.Reason == "endpoint closing":
			say("endpoint", "%s is being deleted", f.outcome.Endpoint)
		}
	}
	if back := f.outcome.Back; back != nil {
		say("and back", "%s", f.backSays(*back))
		if back.Verdict != "deliver" {
			e.Verdict, e.Reason = back.Verdict, "of the answer: "+back.Reason
		}
	}
	e.Change = f.change()
	return e
}

func (f whyFacts) nameSays() string {
	var addrs []string
	for _, a := range f.name.Addresses {
		addrs = append(addrs, a.String())
	}
	is := fmt.Sprintf("%s is %s", f.host, strings.Join(addrs, " "))
	switch f.name.From {
	case "private zone":
		if len(addrs) == 0 {
			return fmt.Sprintf("%s does not exist: the private zone %s of the VPC hides every other name in it", f.host, f.name.Zone)
		}
		return fmt.Sprintf("%s, by the private zone %s of the VPC: an endpoint with private DNS", is, f.name.Zone)
	case "vpc":
		return is + ", by a name of the VPC's own"
	case "address":
		return is + ", by the address that is in the name"
	case "public":
		if f.service != "" {
			return is + ", the public address: no endpoint of the VPC has this private name"
		}
		return is + ", as everybody sees it"
	case "no resolver":
		return "the VPC has no resolver: its attribute enableDnsSupport is off"
	}
	return f.host + " does not exist in this VPC, nor outside: no query leaves the machine"
}

// linkLocal is who has an address that is no interface's.
func (f whyFacts) linkLocal() string {
	switch f.question.To.String() {
	case "169.254.169.254", "fd00:ec2::254":
		return "the instance metadata service"
	}
	return "the resolver"
}

func (f whyFacts) routeSays() string {
	o := f.outcome
	to := f.question.To
	who := f.linkLocal()
	if f.target != nil {
		who = *f.target.NetworkInterfaceId
		if f.outcome.Endpoint != "" {
			who += " of " + f.outcome.Endpoint
		}
	}
	switch {
	case o.Itself:
		return fmt.Sprintf("local: %s is the instance's own, and nothing leaves it", to)
	case o.Reason == "no route":
		return fmt.Sprintf("%s has none to %s", o.Table, to)
	case o.Route == hoststate.RouteInterface && o.Reason == "not its address":
		return fmt.Sprintf("%s by %s: %s takes no packets for others (source/destination check)", o.Table, o.Prefix, who)
	case o.Route == hoststate.RouteInterface && f.target != nil:
		return fmt.Sprintf("%s by %s: to %s", o.Table, o.Prefix, who)
	case o.Route == hoststate.RouteInternet && o.Reason == "no public address":
		return fmt.Sprintf("%s by %s: to %s, and no public address stands for %s", o.Table, o.Prefix, o.Gateway, o.Source)
	case o.Route == hoststate.RouteInternet && o.Public == "":
		return fmt.Sprintf("%s by %s: to %s, and nobody public has %s", o.Table, o.Prefix, o.Gateway, to)
	case o.Route == hoststate.RouteInternet:
		return fmt.Sprintf("%s by %s: to %s, and from there to %s", o.Table, o.Prefix, o.Gateway, o.Public)
	case o.Reason == "blackhole":
		return fmt.Sprintf("%s by %s: its target is gone", o.Table, o.Prefix)
	case o.Reason == "no such address":
		return fmt.Sprintf("local: nobody in the VPC has %s", to)
	}
	return fmt.Sprintf("local: %s is %s", to, who)
}

// groupsSay says which rule of the interface's groups let it pass, or that none did.
// It says nothing of groups that were not asked.
func (f whyFacts) groupsSay(direction, rule string, of wire.NetworkInterface) string {
	verb := map[string]string{"egress": "out", "ingress": "in"}[direction]
	switch {
	case rule != "":
		return fmt.Sprintf("%s of %s lets it %s", rule, f.groups[rule], verb)
	case f.outcome.Reason == "security group" && f.outcome.Refused == direction:
		return fmt.Sprintf("no rule of %s lets %s %s", strings.Join(groupIDs(of), ", "), f.what(), verb)
	}
	return ""
}

// backSays says what decides about the first answer.
func (f whyFacts) backSays(b hoststate.Answer) string {
	switch {
	case b.Verdict != "deliver" && f.outcome.Route == hoststate.RouteInterface:
		return fmt.Sprintf("the answer that %s sends on is refused: %s", *f.target.NetworkInterfaceId, b.Reason)
	case b.Verdict != "deliver":
		return "the answer is refused: " + b.Reason
	case f.outcome.Tunnel.IsValid():
		return fmt.Sprintf("the answer comes in from host %s, and goes to %s: the connection has let it in, no rule is asked", f.outcome.Tunnel, b.Target)
	case b.Flow:
		return fmt.Sprintf("the connection takes the answer to %s: no rule and no route is asked", b.Target)
	}
	return fmt.Sprintf("local: the answer goes to %s; the connection has let it in, no rule is asked", b.Target)
}

func (f whyFacts) what() string {
	if f.question.Protocol == "icmp" {
		return "an echo"
	}
	return fmt.Sprintf("%s %d", f.question.Protocol, f.question.Port)
}

func groupIDs(i wire.NetworkInterface) (ids []string) {
	for _, g := range i.Groups {
		ids = append(ids, *g.GroupId)
	}
	return ids
}

// change is the command that would let the connection through, where one would.
func (f whyFacts) change() string {
	o := f.outcome
	switch {
	case o.Reason == "security group" && (f.target != nil || o.Refused == "egress"):
		of, action, peer := f.from, "egress", f.question.To
		if o.Refused == "ingress" {
			of, action, peer = *f.target, "ingress", o.Source
		}
		ids := groupIDs(of)
		if len(ids) == 0 {
			return ""
		}
		permission := fmt.Sprintf("IpProtocol=%s,FromPort=%d,ToPort=%d,", f.question.Protocol, f.question.Port, f.question.Port)
		if f.question.Protocol == "icmp" {
			permission = "IpProtocol=icmp,FromPort=8,ToPort=-1,"
			if peer.Is6() {
				permission = "IpProtocol=icmpv6,FromPort=128,ToPort=-1,"
			}
		}
		ranges := fmt.Sprintf("IpRanges=[{CidrIp=%s/32}]", peer)
		if peer.Is6() {
			ranges = fmt.Sprintf("Ipv6Ranges=[{CidrIpv6=%s/128}]", peer)
		}
		return fmt.Sprintf("aws ec2 authorize-security-group-%s --group-id %s --ip-permissions '%s%s'", action, ids[0], permission, ranges)
	case f.name != nil && f.name.From == "no resolver":
		return fmt.Sprintf("aws ec2 modify-vpc-attribute --vpc-id %s --enable-dns-support", *f.from.VpcId)
	case o.Reason == "no route" && f.service != "":
		return fmt.Sprintf("aws ec2 create-vpc-endpoint --vpc-endpoint-type Interface --vpc-id %s --service-name %s --subnet-ids %s --private-dns-enabled", *f.from.VpcId, f.service, *f.from.SubnetId)
	case o.Reason == "no public address":
		return fmt.Sprintf("aws ec2 modify-subnet-attribute --subnet-id %s --map-public-ip-on-launch   # for instances launched from then on", *f.from.SubnetId)
	case o.Reason == "not its address" && f.target != nil:
		return fmt.Sprintf("aws ec2 modify-network-interface-attribute --network-interface-id %s --no-source-dest-check", *f.target.NetworkInterfaceId)
	}
	return ""
}

func (e explanation) print(w io.Writer) {
	for _, s := range e.Steps {
		fmt.Fprintf(w, "%-9s %s\n", s.Step, s.Says)
	}
	verdict := "it arrives"
	if e.Verdict != "deliver" {
		verdict = "dropped: " + e.Reason
	}
	fmt.Fprintf(w, "%-9s %s\n", "verdict", verdict)
	if e.Change != "" {
		fmt.Fprintf(w, "%-9s %s\n", "change", e.Change)
	}
}
