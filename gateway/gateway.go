// SPDX-License-Identifier: Apache-2.0

// Package gateway is the unprivileged process of a host that meets tenants: it
// ends the TLS of endpoints, answers their networks' DNS, serves the public
// entry, and hands requests on with what the network knows of them. It holds no
// secret but keys it made itself, opens no listening socket, verifies no
// signature, and knows nothing of what a request asks for.
package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"
)

// Options is what a gateway needs from outside.
type Options struct {
	Host           string // this host's name at control
	ControlSocket  string // path: the feed, certificates, forwarded requests
	AgentSocket    string // path of agent-gateway.sock: sockets of networks come from there
	ServicesSocket string // path: requests for the services in the box go there

	Status net.Listener // unix socket; what [hoststate.GatewayStatus] says
	Public net.Listener // the public entry: TLS and plain HTTP on one TCP port

	AllowedUIDs []int // who may read the status, besides root
	Log         *slog.Logger
}

// Run serves until ctx ends, and returns when every connection is closed and
// everything it started has ended.
func Run(ctx context.Context, o Options) error {
	return errors.New("gateway: not built yet")
}
