// SPDX-License-Identifier: Apache-2.0

package hoststate

import (
	"net/http"
	"net/netip"
)

// Forwarded is the first line of a request that a gateway hands on to control:
// what the tenant asked, unchanged but for its body, which follows byte for byte.
type Forwarded struct {
	Method string      `json:"method"`
	URI    string      `json:"uri"` // as in the request line: path and raw query
	Host   string      `json:"host"`
	Header http.Header `json:"header"`
	Facts  Facts       `json:"facts"`
}

// Facts is what the network knows of a request. They travel only on the channel
// between a gateway and control, which knows its peer; never in a tenant's header.
type Facts struct {
	Host      string     `json:"-"`                 // whose gateway says so: control knows its peer
	RequestID string     `json:"requestId"`         // a UUID made by the gateway, in its log and in the answer
	Network   string     `json:"network,omitempty"` // "" at the public entry
	Endpoint  string     `json:"endpoint,omitempty"`
	Source    netip.Addr `json:"source"` // the caller's address as its connection has it
	TLS       bool       `json:"tls"`
}
