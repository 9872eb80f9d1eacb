// SPDX-License-Identifier: Apache-2.0

package hoststate

import (
	"net/netip"
	"time"
)

// AgentStatus is what an agent tells the person who looks.
type AgentStatus struct {
	Host      string            `json:"host"`
	Position  Position          `json:"position"`
	Refused   map[string]string `json:"refused,omitempty"`
	Drops     []Drop            `json:"drops"`
	Instances []InstanceStatus  `json:"instances"`
	Networks  int               `json:"networks"`
	Flows     int               `json:"flows"`
}

// Drop counts packets of a network that were refused for one reason.
type Drop struct {
	Network string `json:"network,omitempty"`
	Reason  string `json:"reason"` // "no route", "security group", …: datapath's enum in words
	Packets uint64 `json:"packets"`
}

// InstanceStatus is an instance as its host has it.
type InstanceStatus struct {
	ID        string        `json:"id"`
	State     InstanceState `json:"state"`
	Addresses []netip.Addr  `json:"addresses"`
}

// GatewayStatus is what a gateway tells the person who looks.
type GatewayStatus struct {
	Position Position          `json:"position"`
	Refused  map[string]string `json:"refused,omitempty"`
	Requests []Request         `json:"requests"` // the last 100, oldest first
	Queries  map[string]uint64 `json:"queries"`  // DNS answers by rcode
	// Connections of instances that led to no answer: "refused" as there were too many
	// or nothing is served there, "without a request" that was understood.
	Connections map[string]uint64 `json:"connections"`
}

// Request is one request that came through an endpoint or the public entry.
type Request struct {
	Time     time.Time     `json:"time"`
	ID       string        `json:"id"`
	Network  string        `json:"vpc,omitempty"`
	Endpoint string        `json:"endpoint,omitempty"`
	Source   netip.Addr    `json:"source"`
	Service  string        `json:"service"`
	Action   string        `json:"action,omitempty"`
	Status   int           `json:"status"`
	Duration time.Duration `json:"duration"` // nanoseconds
}

// ControlStatus is what control tells the person who looks.
type ControlStatus struct {
	Position Position     `json:"position"`
	Hosts    []HostStatus `json:"hosts"`
	NotYet   []string     `json:"notYet"` // what is wanted and does not hold yet, a sentence each
}

// HostStatus is a host as control sees it.
type HostStatus struct {
	Name    string            `json:"name"`
	Live    bool              `json:"live"`
	Agent   Position          `json:"agent"`
	Gateway Position          `json:"gateway"`
	Refused map[string]string `json:"refused,omitempty"`
}
