// SPDX-License-Identifier: Apache-2.0

// Package order is what operators and machines ask of control over its sockets, and
// what it answers, all of it JSON. The command shares these words with control and
// nothing else: it carries no database.
package order

import (
	"net/netip"
	"time"

	"enishi.dev/enishi/iam"
)

// ServerName is what control's certificate proves to other hosts. No endpoint can
// have the name.
const ServerName = "control.enishi.internal"

// Bootstrap is what `up` has to know of the first account.
type Bootstrap struct {
	Account   string `json:"account"`
	Region    string `json:"region"`
	AccessKey string `json:"accessKeyId"`
	SecretKey string `json:"secretAccessKey"`
	CA        string `json:"ca"` // PEM
}

// Account asks for an account. An empty id is chosen.
type Account struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
}

// Credentials are an account with the key of its root.
type Credentials struct {
	iam.Account
	AccessKey string `json:"accessKeyId"`
	SecretKey string `json:"secretAccessKey"`
}

// Host asks for an invitation of a host.
type Host struct {
	Name string `json:"name"`
}

// Invitation is what a machine needs to join as a host. The token is known to
// nobody else, and good once.
type Invitation struct {
	Name    string    `json:"name"`
	Control string    `json:"control"`  // HOST:PORT
	CA      string    `json:"caSha256"` // of the region's CA certificate, in hex
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// HostEntry is one host that may have instances.
type HostEntry struct {
	Name   string     `json:"name"`
	Joined bool       `json:"joined"`
	Live   bool       `json:"live"`
	Tunnel netip.Addr `json:"tunnel,omitzero"`
}

// Remove asks that a host is none any more.
type Remove struct {
	Force bool `json:"force"` // its instances are terminated, whatever protects them
}

// Removed says what went with a host.
type Removed struct {
	Terminated []string `json:"terminated"` // instances
}

// Join is what a machine says that was invited.
type Join struct {
	Name  string `json:"name"`
	Token string `json:"token"`
	CSR   string `json:"csr"` // PEM; only its key counts
}

// Joined is by what a host speaks from now on, all PEM: its key is the request's.
type Joined struct {
	Agent   string `json:"agent"`
	Gateway string `json:"gateway"`
	CA      string `json:"ca"`
}

// Renew asks for certificates of another key. The host is whose certificate it
// comes by.
type Renew struct {
	CSR string `json:"csr"` // PEM; only its key counts
}

// Place is where an instance or a network interface is, or was last.
type Place struct {
	Host string `json:"host"` // empty: nowhere
}
