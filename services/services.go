// SPDX-License-Identifier: Apache-2.0

// Package services is the AWS services in the box that control does not serve
// itself, a package each, run as one unprivileged process. It sees a tenant's
// request as it was sent; of networks and endpoints it knows nothing.
package services

import (
	"context"
	"errors"
	"log/slog"
	"net"
)

// Options is what the services need from outside.
type Options struct {
	Listener    net.Listener // unix socket; plain HTTP
	AllowedUIDs []int        // who may connect, besides root: the gateway's user
	Log         *slog.Logger
}

// Run serves until ctx ends and every request has been answered or cut off.
func Run(ctx context.Context, o Options) error {
	return errors.New("services: not built yet")
}
