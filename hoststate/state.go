// SPDX-License-Identifier: Apache-2.0

// Package hoststate is the only thing between deciding and doing: small keyed
// units of plain data that say what must hold on a host. They speak facts
// (addresses, rules, routes, names), never product terms or secrets. control
// makes them, agent and gateway make them true; neither knows the other.
package hoststate

import (
	"net/netip"
)

// Kind names a sort of unit. The kinds are a closed set; see [New].
type Kind string

// The kinds of units.
const (
	KindNetwork    Kind = "network"
	KindInterface  Kind = "interface"
	KindGroupSet   Kind = "groupset"
	KindRouteTable Kind = "routetable"
	KindEndpoint   Kind = "endpoint"
	KindName       Kind = "name"
	KindInstance   Kind = "instance"
	KindMetadata   Kind = "metadata"
)

// Key names one unit on every host.
type Key struct {
	Kind Kind   `json:"kind"`
	ID   string `json:"id"`
}

func (k Key) String() string { return string(k.Kind) + "/" + k.ID }

// Unit is one of the types below, by pointer. A unit is replaced whole, never
// changed in place: whoever holds one may keep it.
type Unit interface{ Key() Key }

// Network is an address space of its own: what AWS calls a VPC.
type Network struct {
	ID       string         `json:"id"`
	VNI      uint32         `json:"vni"` // 1 to 2^24-1, never the same for two networks
	Account  string         `json:"account"`
	Region   string         `json:"region"`
	Prefixes []netip.Prefix `json:"prefixes"`
	// Resolver lists the addresses at which the network's resolver answers
	// (base+2, 169.254.169.253, fd00:ec2::253). Empty: it does not answer.
	Resolver []netip.Addr `json:"resolver,omitempty"`
	// Metadata lists the addresses at which its instances ask what they are
	// (169.254.169.254, fd00:ec2::254).
	Metadata []netip.Addr `json:"metadata,omitempty"`
	// Domain is the suffix of the names ip-a-b-c-d.Domain of the network's addresses.
	Domain string `json:"domain,omitempty"`
	// Gateway is the id of its internet gateway, "" if none is attached.
	Gateway string `json:"gateway,omitempty"`
}

// Interface is an address holder in a network (an ENI). It is attached to an
// instance on Host, or answered by the gateway of every host when Endpoint is set.
type Interface struct {
	ID         string         `json:"id"`
	Number     uint32         `json:"number"` // unique over all networks; MACs on tunnels carry it
	Network    string         `json:"network"`
	VNI        uint32         `json:"vni"`
	MAC        MAC            `json:"mac"`
	Addresses  []netip.Addr   `json:"addresses"`
	Subnet     []netip.Prefix `json:"subnet"` // the subnet's ranges; a range's router is its first address + 1
	GroupSet   string         `json:"groupset"`
	RouteTable string         `json:"routetable,omitempty"`
	Host       string         `json:"host,omitempty"`
	Instance   string         `json:"instance,omitempty"`
	Device     int            `json:"device,omitempty"` // eth0, eth1, …
	Endpoint   string         `json:"endpoint,omitempty"`
	AnySource  bool           `json:"anysource,omitempty"` // may send and receive for others (source/dest check off)
	// Public is the address of IPv4 that stands for the first of Addresses outside the
	// network: without one, nothing leaves by an internet gateway.
	Public netip.Addr `json:"public,omitzero"`
	// Tunnel is the address, in the network between hosts, of the host that has the
	// interface. Zero: this host, or none that can be reached.
	Tunnel netip.Addr `json:"tunnel,omitzero"`
}

// GroupSet is a set of security groups as some interface has it, compiled once
// for all of them. Its ID is made of its groups' ids.
type GroupSet struct {
	ID      string   `json:"id"`
	Groups  []uint32 `json:"groups"` // the numbers of its groups, ascending: what rules of others may name
	Ingress []Rule   `json:"ingress"`
	Egress  []Rule   `json:"egress"`
}

// Rule lets one sort of packet in or out. Exactly one of Prefix and Group is set.
type Rule struct {
	ID       string       `json:"id"`       // sgr-…: what `enishi why` names
	Protocol int          `json:"protocol"` // -1: all
	From     int          `json:"from"`     // first port, or ICMP type (-1: all)
	To       int          `json:"to"`       // last port, or ICMP code (-1: all)
	Prefix   netip.Prefix `json:"prefix,omitzero"`
	Group    uint32       `json:"group,omitempty"` // number of a group: its members' addresses
}

// RouteTable holds the routes of subnets; longest prefix wins.
type RouteTable struct {
	ID      string  `json:"id"`
	Number  uint32  `json:"number"`
	Network string  `json:"network"`
	Routes  []Route `json:"routes"`
}

// RouteTarget says where a route leads.
type RouteTarget string

// The targets of routes.
const (
	RouteLocal     RouteTarget = "local"     // to the network's own addresses
	RouteInterface RouteTarget = "interface" // to the interface named, whatever the address
	RouteBlackhole RouteTarget = "blackhole" // nowhere: its target is gone
	RouteInternet  RouteTarget = "internet"  // out of the network, by its internet gateway
)

// Route is one row of a RouteTable.
type Route struct {
	Prefix    netip.Prefix `json:"prefix"`
	Target    RouteTarget  `json:"target"`
	Interface string       `json:"interface,omitempty"`
}

// Endpoint is a service answered by the gateway at addresses of a network. With
// Network "" and VNI 0 it is a public service, reached from every network through an
// internet gateway; it is nobody's, and of one generation for ever.
type Endpoint struct {
	ID        string       `json:"id"`
	Network   string       `json:"network,omitempty"`
	VNI       uint32       `json:"vni,omitempty"`
	Account   string       `json:"account,omitempty"`
	Region    string       `json:"region"`
	Service   string       `json:"service"`   // short name of the service behind it: ec2, sts, …
	Names     []string     `json:"names"`     // TLS names, lower case, "*." allowed in front
	Addresses []netip.Addr `json:"addresses"` // those of its interfaces
	Ports     []uint16     `json:"ports"`     // TCP ports that are answered; others are refused
	// Generation grows with each change of what is wanted; [Report.Ready] names it,
	// so that an old probe does not count for a new wish.
	Generation int64 `json:"generation"`
	// Closing: reset its connections, take no new ones, report it closed.
	Closing bool `json:"closing,omitempty"`
}

// Name is a DNS name with its addresses. With Network "" every network sees it.
type Name struct {
	Network string `json:"network,omitempty"`
	Name    string `json:"name"` // lower case, no final dot; "*." allowed in front
	// Zone is set for a name that hides the public one: everything else at and
	// under Zone does not exist for this network.
	Zone      string       `json:"zone,omitempty"`
	TTL       uint32       `json:"ttl"` // seconds
	Addresses []netip.Addr `json:"addresses"`
}

// Instance is a place where a user's processes run on Host.
type Instance struct {
	ID         string       `json:"id"`
	Network    string       `json:"network"`
	Host       string       `json:"host"`
	Account    string       `json:"account"`
	Region     string       `json:"region"`
	Zone       string       `json:"zone"`
	Hostname   string       `json:"hostname"`
	Interfaces []string     `json:"interfaces"` // by device number
	Resolver   []netip.Addr `json:"resolver"`
	Domain     string       `json:"domain"` // search domain
	Running    bool         `json:"running"`
	Boots      int64        `json:"boots,omitempty"` // its processes begin anew when this is another number
	// Script runs when the processes begin; what it writes is the console. It is
	// there only until the instance was seen running.
	Script []byte `json:"script,omitempty"`
}

// Metadata is what an instance is told of itself when it asks.
type Metadata struct {
	Instance string       `json:"instance"`
	Network  string       `json:"network"`
	Sources  []netip.Addr `json:"sources"` // the addresses from which it asks
	// Off: it is told nothing.
	Off           bool  `json:"off,omitempty"`
	TokenRequired bool  `json:"tokenRequired,omitempty"`
	Hops          uint8 `json:"hops"`           // that packets with a token may go
	IPv6          bool  `json:"ipv6,omitempty"` // it may ask over IPv6, too
	// Files are texts by their paths, below a version of the service: meta-data/mac.
	Files    map[string]string `json:"files"`
	UserData []byte            `json:"userData,omitempty"`
}

// Key returns the unit's key.
func (n *Network) Key() Key    { return Key{KindNetwork, n.ID} }
func (i *Interface) Key() Key  { return Key{KindInterface, i.ID} }
func (g *GroupSet) Key() Key   { return Key{KindGroupSet, g.ID} }
func (r *RouteTable) Key() Key { return Key{KindRouteTable, r.ID} }
func (e *Endpoint) Key() Key   { return Key{KindEndpoint, e.ID} }
func (n *Name) Key() Key       { return Key{KindName, n.Network + "/" + n.Name} }
func (i *Instance) Key() Key   { return Key{KindInstance, i.ID} }
func (m *Metadata) Key() Key   { return Key{KindMetadata, m.Instance} }

// New returns an empty unit of the kind, or nil for a kind that is not known.
func New(k Kind) Unit {
	switch k {
	case KindNetwork:
		return new(Network)
	case KindInterface:
		return new(Interface)
	case KindGroupSet:
		return new(GroupSet)
	case KindRouteTable:
		return new(RouteTable)
	case KindEndpoint:
		return new(Endpoint)
	case KindName:
		return new(Name)
	case KindInstance:
		return new(Instance)
	case KindMetadata:
		return new(Metadata)
	}
	return nil
}
