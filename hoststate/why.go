// SPDX-License-Identifier: Apache-2.0

package hoststate

import "net/netip"

// Question asks what becomes of the first packet of a connection that an
// interface opens.
type Question struct {
	Interface string // on the host that is asked
	To        netip.Addr
	Protocol  string // tcp, udp or icmp (an echo; of IPv6 where To is one)
	Port      uint16 // not of icmp
}

// Outcome is what a host's data plane says to a [Question], from the maps that
// packets meet. Nothing was sent and nothing was written.
type Outcome struct {
	Source  netip.Addr `json:"source"`            // the sender's address that was tried
	Verdict string     `json:"verdict"`           // deliver or drop
	Reason  string     `json:"reason,omitempty"`  // of a drop, in the words of Drop
	Refused string     `json:"refused,omitempty"` // egress or ingress: whose security groups refused
	Egress  string     `json:"egress,omitempty"`  // id of the rule that let it out
	Ingress string     `json:"ingress,omitempty"` // id of the rule that let it in
	Itself  bool       `json:"itself,omitempty"`  // the address is the sender's instance's own: no data plane is asked
	Target  string     `json:"target,omitempty"`  // the interface that gets it, or would; "" is the network's resolver, a public service, or nobody
	// Tunnel is the host that has the target, if another has. Ingress is then foretold
	// from what this host knows of the target's groups.
	Tunnel netip.Addr `json:"tunnel,omitzero"`
	// Table is the sender's route table. Route is what it says, and Prefix where,
	// if it was asked: an address in the VPC needs no table.
	Table  string      `json:"table,omitempty"`
	Route  RouteTarget `json:"route,omitempty"`
	Prefix string      `json:"prefix,omitempty"`
	// Endpoint is set if the target answers for one.
	Endpoint string `json:"endpoint,omitempty"`
	// Gateway is the network's internet gateway, if the route leads there, and Public
	// the public service that gets it.
	Gateway string `json:"gateway,omitempty"`
	Public  string `json:"public,omitempty"`
	// Back is what becomes of the answer, if the packet arrives.
	Back *Answer `json:"back,omitempty"`
}

// Answer is what the same data plane says to the first answer, as if the packet that
// was asked about had opened its connection. What comes from another host is asked
// about where it comes in here.
type Answer struct {
	Verdict string `json:"verdict"` // deliver or drop
	Reason  string `json:"reason,omitempty"`
	Refused string `json:"refused,omitempty"` // egress or ingress: whose security groups refused
	Flow    bool   `json:"flow"`              // the connection's flow said so, and no route or rule was asked
	Target  string `json:"target,omitempty"`  // the interface that gets it
}

// NameAnswer is what a network's resolver says of a name, and who said it.
type NameAnswer struct {
	// From is where the name was found: "private zone", "vpc" (names of the VPC's
	// own: endpoints', instances'), "address" (made of an address), "public" (a
	// service's public address), "no resolver" (DNS support is off) or "" for nowhere.
	From      string       `json:"from"`
	Zone      string       `json:"zone,omitempty"` // the private zone
	Addresses []netip.Addr `json:"addresses"`
}
