// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"net"
	"os"

	"enishi.dev/enishi/agent"
	"enishi.dev/enishi/cmd/parts"
	"enishi.dev/enishi/gateway"
	"enishi.dev/enishi/services"
	"github.com/spf13/cobra"
)

// The parts of `up` that are this program too, apart; control is one of its own. They
// get their sockets from their parent: fd 3 is the part's own, those after it what
// else it needs.

// partCommand is what they have in common: see [parts.Run].
func (a *app) partCommand(name, short string, run func(ctx context.Context, log *slog.Logger) error) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short,
		Long:    short + ".\n`enishi up` starts it, with its sockets as file descriptors from 3 on; it is not started by hand.",
		Example: "  enishi up --ephemeral",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return wrap(name, parts.Run(cmd.Context(), name, a.stderr, run))
		},
	}
}

func (a *app) agentCommand() *cobra.Command {
	var o agent.Options
	var tunnel string
	cmd := a.partCommand("agent", "The privileged part of a host: namespaces, data plane, instances", func(ctx context.Context, log *slog.Logger) error {
		l, err := parts.Inherit(3, "its socket")
		if err != nil {
			return err
		}
		doors, err := parts.Inherit(4, "the gateway's socket")
		if err != nil {
			return err
		}
		o.Handover = doors.(*net.UnixListener)
		if o.Tunnel, err = tunnelAddress(tunnel); err != nil {
			return err
		}
		o.RunDir, o.Listener, o.Log = a.runDir, l, log
		o.GatewayUID = parts.GatewayUID
		return agent.Run(ctx, o)
	})
	cmd.Flags().StringVar(&o.Host, "host", parts.LocalHost, "this host's name")
	cmd.Flags().StringVar(&tunnel, "tunnel-address", "", "this host's address in the network between hosts")
	cmd.Flags().BoolVar(&o.Instances, "instances", false, "launch instances on this host")
	cmd.Flags().IntVar(&o.OwnerUID, "owner", 0, "uid of the user who may run commands in instances")
	return cmd
}

func (a *app) gatewayCommand() *cobra.Command {
	var owner int
	var host string
	var entry bool
	cmd := a.partCommand("gateway", "The unprivileged part of a host: TLS, DNS, requests", func(ctx context.Context, log *slog.Logger) error {
		status, err := parts.Inherit(3, "its socket")
		if err != nil {
			return err
		}
		access := os.NewFile(4, "the access log")
		defer access.Close()
		var public net.Listener // none on hosts without control
		if entry {
			if public, err = parts.Inherit(5, "the public entry"); err != nil {
				return err
			}
		}
		return gateway.Run(ctx, gateway.Options{
			Host: host, ControlSocket: a.path(controlSocket), AgentSocket: a.path(agentGatewaySocket),
			ServicesSocket: a.path(servicesSocket), Status: status, Public: public, AllowedUIDs: []int{owner}, Log: log,
			Access: access,
		})
	})
	cmd.Flags().IntVar(&owner, "owner", 0, "uid of the user who may ask for the status")
	cmd.Flags().StringVar(&host, "host", parts.LocalHost, "this host's name")
	cmd.Flags().BoolVar(&entry, "public", false, "the public entry is file descriptor 5")
	return cmd
}

func (a *app) servicesCommand() *cobra.Command {
	return a.partCommand("services", "The AWS services in the box", func(ctx context.Context, log *slog.Logger) error {
		l, err := parts.Inherit(3, "its socket")
		if err != nil {
			return err
		}
		return services.Run(ctx, services.Options{Listener: l, AllowedUIDs: []int{parts.GatewayUID}, Log: log})
	})
}
