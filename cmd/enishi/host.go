// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"enishi.dev/enishi/control/order"
)

const hostsPath = "/v1/hosts"

func (a *app) hostCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "host", Short: "More hosts: VPCs whose instances are on several machines",
		Example: "  enishi up --hosts-listen 192.0.2.1:4567 --tunnel-address 192.0.2.1 &\n  enishi host add b",
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.hostAdd(), a.hostList(), a.hostRemove(), a.hostJoin())
	return cmd
}

func (a *app) hostAdd() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Invite a machine as a host: print the command to give there",
		Long: "Prints the command by which one machine becomes the host NAME, within an hour and once.\n" +
			"A machine that has the name already is host until another has taken its place.",
		Example: "  enishi host add b",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var in order.Invitation
			if err := a.operate(cmd.Context(), hostsPath, order.Host{Name: args[0]}, &in); err != nil {
				return wrap("host add", err)
			}
			if output == "json" {
				return json.NewEncoder(a.stdout).Encode(in)
			}
			fmt.Fprintf(a.stdout, "sudo enishi host join --control %s --ca-sha256 %s --token %s --name %s --tunnel-address ADDRESS\n", in.Control, in.CA, in.Token, in.Name)
			fmt.Fprintf(a.stderr, "ADDRESS is that machine's own in the network between hosts; good until %s, once\n", in.Expires.Local().Format(time.TimeOnly))
			return nil
		},
	}
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

func (a *app) hostList() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "The hosts there are",
		Example: "  enishi host list --output json",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list []order.HostEntry
			if err := a.operate(cmd.Context(), hostsPath, nil, &list); err != nil {
				return wrap("host list", err)
			}
			if output == "json" {
				return json.NewEncoder(a.stdout).Encode(list)
			}
			section(a.stdout, "hosts", []string{"host", "joined", "live", "tunnel address"}, func(add func(...any)) {
				for _, h := range list {
					tunnel := "none"
					if h.Tunnel.IsValid() {
						tunnel = h.Tunnel.String()
					}
					add(h.Name, yesNo(h.Joined), yesNo(h.Live), tunnel)
				}
			})
			return nil
		},
	}
	outputFlag(cmd, &output, "table", "json")
	return cmd
}

func (a *app) hostRemove() *cobra.Command {
	var remove order.Remove
	cmd := &cobra.Command{
		Use: "remove NAME", Short: "A host is none any more",
		Long: "From now on nothing is heard that speaks for the host; what still runs on the machine, `enishi host join`\n" +
			"ends there. A host with instances is refused; with --force they are terminated, whatever protects\n" +
			"them, and nobody waits for the machine.",
		Example: "  enishi host remove b\n  enishi host remove --force b",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var out order.Removed
			if err := a.operate(cmd.Context(), hostsPath+"/"+url.PathEscape(args[0])+"/remove", remove, &out); err != nil {
				return wrap("host remove", err)
			}
			for _, id := range out.Terminated {
				fmt.Fprintln(a.stdout, id)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&remove.Force, "force", false, "terminate its instances, whose ids are printed")
	cmd.ValidArgsFunction = first(a.completeHosts())
	return cmd
}

// joinOptions are the flags of `host join`.
type joinOptions struct {
	control, ca, token, name, tunnel, dataDir string
}

func (a *app) hostJoin() *cobra.Command {
	var o joinOptions
	cmd := &cobra.Command{
		Use: "join", Short: "This machine as a host, in the foreground",
		Long: "Runs agent, gateway and services on this machine, for a control on another, until it is ended\n" +
			"by Ctrl-C or SIGTERM; then nothing of it is left but what it joined by, in the data directory.\n" +
			"`enishi host add` prints the command; the same can be given again.",
		Example: "  sudo enishi host join --control 192.0.2.1:4567 --ca-sha256 0123… --token abcd… --name b --tunnel-address 192.0.2.2",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, f := range []struct{ name, value string }{{"control", o.control}, {"ca-sha256", o.ca}, {"name", o.name}, {"tunnel-address", o.tunnel}} {
				if f.value == "" {
					return usageError{errors.New("host join: --" + f.name + " is missing")}
				}
			}
			return wrap("host join", a.joinAndServe(cmd.Context(), o))
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.control, "control", "", "address of control: the --hosts-listen of enishi up there")
	f.StringVar(&o.ca, "ca-sha256", "", "SHA-256 of the region's CA certificate, in hex")
	f.StringVar(&o.token, "token", "", "what lets this machine join; not needed once it has")
	f.StringVar(&o.name, "name", "", "this host's name")
	f.StringVar(&o.tunnel, "tunnel-address", "", "this machine's IPv4 address in the network between hosts")
	f.StringVar(&o.dataDir, "data-dir", "/var/lib/enishi", "where it keeps by what it has joined")
	return cmd
}
