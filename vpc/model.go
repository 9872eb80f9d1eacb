// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"net/netip"
	"time"
)

// Meta is what every resource has.
type Meta struct {
	Account string            `json:"account"`
	Region  string            `json:"region"`
	Created time.Time         `json:"created"`
	Tags    map[string]string `json:"tags,omitempty"`
}

// Base is what the resource has as every other: all of them embed Meta.
func (m Meta) Base() Meta { return m }

// VPC is a network with addresses of its own.
type VPC struct {
	Meta
	ID           VPCID           `json:"id"`
	VNI          uint32          `json:"vni"` // the number its packets carry, 1 to 2^24-1
	CIDRs        []netip.Prefix  `json:"cidrs"`
	Tenancy      string          `json:"tenancy"`
	DNSSupport   bool            `json:"dnsSupport"`
	DNSHostnames bool            `json:"dnsHostnames"`
	Default      bool            `json:"default,omitempty"`
	MainTable    RouteTableID    `json:"mainTable"`
	DefaultGroup SecurityGroupID `json:"defaultGroup"`
}

// Subnet is a range of a VPC in one zone.
type Subnet struct {
	Meta
	ID          SubnetID     `json:"id"`
	VPC         VPCID        `json:"vpc"`
	Zone        string       `json:"zone"` // ap-northeast-1a
	CIDR        netip.Prefix `json:"cidr"`
	MapPublicIP bool         `json:"mapPublicIP,omitempty"`
	Default     bool         `json:"default,omitempty"` // the one of its zone in the default VPC
}

// RouteTable says where packets that leave a subnet go.
type RouteTable struct {
	Meta
	ID           RouteTableID       `json:"id"`
	Number       uint32             `json:"number"` // as hosts know it
	VPC          VPCID              `json:"vpc"`
	Routes       []Route            `json:"routes"` // without the local ones, which every table has
	Associations []TableAssociation `json:"associations,omitempty"`
}

// TableAssociation ties a subnet to a table; with Subnet "" it is the VPC's main one.
type TableAssociation struct {
	ID     AssociationID `json:"id"`
	Subnet SubnetID      `json:"subnet,omitempty"`
}

// Route is a destination and its target; exactly one target is set. Whether it
// is a blackhole is computed from whether the target exists.
type Route struct {
	Prefix   netip.Prefix `json:"prefix"`
	ENI      ENIID        `json:"eni,omitempty"`
	Instance InstanceID   `json:"instance,omitempty"`
	Gateway  GatewayID    `json:"gateway,omitempty"`
	Origin   string       `json:"origin"` // CreateRoute
}

// InternetGateway is a VPC's way to public addresses, while it is attached to one.
type InternetGateway struct {
	Meta
	ID  GatewayID `json:"id"`
	VPC VPCID     `json:"vpc,omitempty"` // "" while it is not attached
}

// SecurityGroup is a set of rules that let packets in or out of its interfaces.
type SecurityGroup struct {
	Meta
	ID          SecurityGroupID `json:"id"`
	Number      uint32          `json:"number"` // as hosts know it
	VPC         VPCID           `json:"vpc"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Rules       []Rule          `json:"rules"`
}

// Rule lets one sort of packet in, or out with Egress. Exactly one of CIDR and Group is set.
type Rule struct {
	ID          RuleID            `json:"id"`
	Egress      bool              `json:"egress,omitempty"`
	Protocol    int               `json:"protocol"` // -1: all
	From        int               `json:"from"`     // port or ICMP type; -1: all
	To          int               `json:"to"`       // port or ICMP code; -1: all
	CIDR        netip.Prefix      `json:"cidr,omitzero"`
	Group       SecurityGroupID   `json:"group,omitempty"`
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// ENI is a network interface: addresses in one subnet.
type ENI struct {
	Meta
	ID            ENIID             `json:"id"`
	Number        uint32            `json:"number"` // as hosts know it; unique over all VPCs
	VPC           VPCID             `json:"vpc"`
	Subnet        SubnetID          `json:"subnet"`
	Zone          string            `json:"zone"`
	MAC           string            `json:"mac"`       // 02:…
	Addresses     []netip.Addr      `json:"addresses"` // the primary one first
	Groups        []SecurityGroupID `json:"groups"`
	Type          string            `json:"type"` // interface, vpc_endpoint
	Description   string            `json:"description,omitempty"`
	NoSourceCheck bool              `json:"noSourceCheck,omitempty"`
	Endpoint      EndpointID        `json:"endpoint,omitempty"`   // whose it is
	Attachment    *Attachment       `json:"attachment,omitempty"` // to an instance, or to the service
	// Public is the address that stands for the primary one outside the VPC, while the
	// instance is on.
	Public netip.Addr `json:"public,omitzero"`
	// WantsPublic: whenever its instance is started, it gets one.
	WantsPublic bool `json:"wantsPublic,omitempty"`
	// Withdrawn: it is gone for callers and hosts, but its addresses and number
	// stay taken until every live host has confirmed that it let go of them.
	Withdrawn bool `json:"withdrawn,omitempty"`
}

// Attachment ties an ENI to its instance (eni-attach-) or endpoint (ela-attach-).
type Attachment struct {
	ID                  string     `json:"id"`
	Instance            InstanceID `json:"instance,omitempty"`
	Device              int        `json:"device"`
	DeleteOnTermination bool       `json:"deleteOnTermination,omitempty"`
	At                  time.Time  `json:"at"`
}

// Endpoint is a VPC endpoint: the spec is what people want of it.
type Endpoint struct {
	Meta
	ID              EndpointID        `json:"id"`
	VPC             VPCID             `json:"vpc"`
	Type            EndpointType      `json:"type"`
	Service         string            `json:"service"` // com.amazonaws.REGION.ec2
	Subnets         []SubnetID        `json:"subnets"`
	Groups          []SecurityGroupID `json:"groups"`
	ENIs            []ENIID           `json:"enis"` // by subnet, made in the same decision
	PrivateDNS      bool              `json:"privateDNS"`
	Policy          string            `json:"policy"`
	AddressType     string            `json:"addressType"` // ipv4
	RecordType      string            `json:"recordType"`  // ipv4
	Suffix          string            `json:"suffix"`      // the eight characters in its names
	ClientToken     string            `json:"clientToken,omitempty"`
	Generation      int64             `json:"generation"` // grows by one with each change of the spec
	DeleteRequested bool              `json:"deleteRequested,omitempty"`

	Status EndpointStatus `json:"-"` // written by control/lifecycle alone, under its own key
}

// EndpointType is AWS's VpcEndpointType; see endpoint_types.go for what each accepts.
type EndpointType string

// EndpointStatus is what was observed of an endpoint.
type EndpointStatus struct {
	Ready int64 `json:"ready,omitempty"` // the newest Generation that was reached on every host it needs
	// Private: the private name was among what was reached for Ready.
	Private bool      `json:"private,omitempty"`
	Closed  bool      `json:"closed,omitempty"` // every gateway has reset its connections
	Gone    time.Time `json:"gone,omitzero"`    // its interfaces and addresses are free since then
}

// Instance is a private machine: on its host a network namespace and processes.
type Instance struct {
	Meta
	ID          InstanceID    `json:"id"`
	Reservation ReservationID `json:"reservation"`
	Image       string        `json:"image"`
	Type        string        `json:"type"`
	KeyName     string        `json:"keyName,omitempty"`
	VPC         VPCID         `json:"vpc"`
	Subnet      SubnetID      `json:"subnet"`
	Zone        string        `json:"zone"`
	ENIs        []ENIID       `json:"enis"` // by device number
	Host        string        `json:"host"` // where it runs
	UserData    UserData      `json:"userData,omitempty"`
	DataOnly    bool          `json:"dataOnly,omitempty"` // its user data is told to it and never run
	ClientToken string        `json:"clientToken,omitempty"`
	LaunchIndex int           `json:"launchIndex"`
	PowerWanted Power         `json:"powerWanted"`
	// Boots counts how often it was started or rebooted since its launch: its host
	// begins its processes anew for each.
	Boots    int64           `json:"boots,omitempty"`
	Started  time.Time       `json:"started,omitzero"` // the last time it was started; zero: at its launch
	Metadata MetadataOptions `json:"metadata,omitzero"`

	KeepFromTermination bool   `json:"keepFromTermination,omitempty"` // TerminateInstances is refused
	KeepFromStop        bool   `json:"keepFromStop,omitempty"`        // StopInstances is refused
	ShutdownBehavior    string `json:"shutdownBehavior,omitempty"`    // stop, terminate; "": stop
	CPUCredits          string `json:"cpuCredits,omitempty"`          // as it was chosen; see Credits
	Monitored           bool   `json:"monitored,omitempty"`           // in detail, as is said; nobody looks
	EBSOptimized        bool   `json:"ebsOptimized,omitempty"`

	Status InstanceStatus `json:"-"` // written by control/lifecycle alone, under its own key
}

// Power is what people want of an instance.
type Power string

// What an instance can be asked to be.
const (
	PowerOn         Power = "on"
	PowerOff        Power = "off"
	PowerTerminated Power = "terminated"
)

// InstanceStatus is what was observed of an instance.
type InstanceStatus struct {
	Running bool      `json:"running,omitempty"`
	Stopped bool      `json:"stopped,omitempty"` // its host has ended its processes, as was wanted
	Boots   int64     `json:"boots,omitempty"`   // the instance's when it was Stopped: it may have been started since
	Ran     bool      `json:"ran,omitempty"`     // it has been running, once
	Reason  string    `json:"reason,omitempty"`
	Gone    time.Time `json:"gone,omitzero"` // its processes and interfaces are gone since then

	Console   []byte    `json:"console,omitempty"` // the last that its user data's script has said
	ConsoleAt time.Time `json:"consoleAt,omitzero"`
}
