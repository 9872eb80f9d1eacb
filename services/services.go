// SPDX-License-Identifier: Apache-2.0

// Package services is the AWS services in the box that control does not serve
// itself, a package each, run as one unprivileged process. It sees a tenant's
// request as it was sent; of networks and endpoints it knows nothing.
package services

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"enishi.dev/enishi/http1"
	"enishi.dev/enishi/peer"
)

// Options is what the services need from outside.
type Options struct {
	Listener    net.Listener // unix socket; plain HTTP
	AllowedUIDs []int        // who may connect, besides root: the gateway's user
	Log         *slog.Logger
}

// Limits of a connection; the gateway holds its tenants to tighter ones.
const (
	headTimeout = 10 * time.Second
	maxHead     = 64 << 10
	goodbye     = 2 * time.Second // for requests under way when the process ends
)

// Run serves until ctx ends and every request has been answered or cut off.
func Run(ctx context.Context, o Options) error {
	s := &http1.Server{
		Handler: handler{log: o.Log, table: table},
		Head:    headTimeout,
		Goodbye: goodbye,
		MaxHead: maxHead,
		Log:     o.Log,
	}
	if err := s.Serve(ctx, peer.Listener{Listener: o.Listener, UIDs: o.AllowedUIDs, Log: o.Log}); err != nil {
		return fmt.Errorf("serve services: %w", err)
	}
	return nil
}
