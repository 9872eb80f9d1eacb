// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"

	"enishi.dev/enishi/agent"
	"enishi.dev/enishi/control"
	"enishi.dev/enishi/gateway"
	"enishi.dev/enishi/instance/confine"
	"enishi.dev/enishi/services"
	"github.com/spf13/cobra"
)

// The parts of `up`, apart. They get their sockets from their parent: fd 3 is
// the part's own, those after it what else it needs.

// localHost is the name of the host where control runs.
const localHost = "local"

// profiles are what the unprivileged parts need of the kernel.
var profiles = map[string]confine.Profile{"control": {Files: true}, "gateway": {Sockets: true}, "services": {}}

// partCommand is what the parts have in common: they run until their context
// ends, log to stderr, and take over listening sockets instead of opening any. All
// but the agent are left with the system calls of their profile.
func (a *app) partCommand(name, short string, run func(ctx context.Context, log *slog.Logger) error) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short,
		Long:    short + ".\n`enishi up` starts it, with its sockets as file descriptors from 3 on; it is not started by hand.",
		Example: "  enishi up --ephemeral",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := slog.New(slog.NewTextHandler(a.stderr, nil))
			if may, unprivileged := profiles[name]; unprivileged {
				if err := confine.Filter(may); err != nil {
					return wrap(name, err)
				}
			}
			defer runtime.KeepAlive(spare())
			return wrap(name, run(cmd.Context(), log))
		},
	}
}

// spare is memory that nobody touches, and that is therefore none of the machine's.
// The collector begins when the heap has doubled, and counts it: a part that lives on
// short-lived memory over a few megabytes collects less often, and a tenth of
// its time is saved; a large one as before.
func spare() []byte { return make([]byte, 32<<20) }

func (a *app) controlCommand() *cobra.Command {
	var o control.Options
	var owner int
	var remote bool
	cmd := a.partCommand("control", "The part that decides: API, model, feed", func(ctx context.Context, log *slog.Logger) error {
		l, err := inherit(3, "its socket")
		if err != nil {
			return err
		}
		if remote {
			if o.Remote, err = inherit(4, "where other hosts reach it"); err != nil {
				return err
			}
		}
		o.Listener, o.Log, o.HostName = l, log, localHost
		o.GatewayUID, o.OwnerUID = gatewayUID, owner
		return control.Run(ctx, o)
	})
	cmd.Flags().StringVar(&o.Region, "region", "ap-northeast-1", "region of the first account's credentials")
	cmd.Flags().StringVar(&o.DataDir, "data-dir", "", "where the model is kept")
	cmd.Flags().IntVar(&o.Holder, "holder", 0, "the process that keeps the data directory in use, for error messages")
	cmd.Flags().BoolVar(&remote, "remote", false, "other hosts reach it by file descriptor 4")
	cmd.Flags().BoolVar(&o.Ephemeral, "ephemeral", false, "do not wait for the disk: the data directory goes with the run")
	cmd.Flags().IntVar(&owner, "owner", 0, "uid of the user who may ask for the status and the accounts")
	cmd.Flags().BoolVar(&o.AnyCredentials, "accept-any-credentials", false, "do not verify who calls")
	return cmd
}

func (a *app) agentCommand() *cobra.Command {
	var o agent.Options
	var tunnel string
	cmd := a.partCommand("agent", "The privileged part of a host: namespaces, data plane, instances", func(ctx context.Context, log *slog.Logger) error {
		l, err := inherit(3, "its socket")
		if err != nil {
			return err
		}
		doors, err := inherit(4, "the gateway's socket")
		if err != nil {
			return err
		}
		o.Handover = doors.(*net.UnixListener)
		if o.Tunnel, err = tunnelAddress(tunnel); err != nil {
			return err
		}
		o.RunDir, o.Listener, o.Log = a.runDir, l, log
		o.GatewayUID = gatewayUID
		return agent.Run(ctx, o)
	})
	cmd.Flags().StringVar(&o.Host, "host", localHost, "this host's name")
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
		status, err := inherit(3, "its socket")
		if err != nil {
			return err
		}
		access := os.NewFile(4, "the access log")
		defer access.Close()
		var public net.Listener // none on hosts without control
		if entry {
			if public, err = inherit(5, "the public entry"); err != nil {
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
	cmd.Flags().StringVar(&host, "host", localHost, "this host's name")
	cmd.Flags().BoolVar(&entry, "public", false, "the public entry is file descriptor 5")
	return cmd
}

func (a *app) servicesCommand() *cobra.Command {
	return a.partCommand("services", "The AWS services in the box", func(ctx context.Context, log *slog.Logger) error {
		l, err := inherit(3, "its socket")
		if err != nil {
			return err
		}
		return services.Run(ctx, services.Options{Listener: l, AllowedUIDs: []int{gatewayUID}, Log: log})
	})
}

// inherit takes over a listening socket that the parent opened.
func inherit(fd uintptr, what string) (net.Listener, error) {
	f := os.NewFile(fd, what)
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("%s on fd %d: %w: start it through `enishi up`", what, fd, err)
	}
	return l, nil
}
