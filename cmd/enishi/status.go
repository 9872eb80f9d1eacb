// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"enishi.dev/enishi/hoststate"
)

// status is everything that `enishi status` shows; with --output json, as it is.
type status struct {
	Control hoststate.ControlStatus `json:"control"`
	Agent   hoststate.AgentStatus   `json:"agent"`
	Gateway hoststate.GatewayStatus `json:"gateway"`
}

func (a *app) statusCommand() *cobra.Command {
	var output string
	var watch bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "What runs, what is not yet true, what was dropped and why, the last requests",
		Example: "  enishi status\n" +
			"  enishi status --watch\n" +
			"  enishi status --output json | jq '.agent.drops'",
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if watch {
				return wrap("status", a.watch(cmd.Context(), func(ctx context.Context, w io.Writer) error {
					s, err := a.readStatus(ctx)
					return errors.Join(s.show(w, output), err)
				}))
			}
			s, err := a.readStatus(cmd.Context())
			if err != nil {
				return wrap("status", err)
			}
			return s.show(a.stdout, output)
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "again every second, until ctrl-c; on a terminal in place")
	outputFlag(cmd, &output, "table", "json")
	return cmd
}

// readStatus asks each part. A part that does not answer is an error, after the others were asked.
func (a *app) readStatus(ctx context.Context) (status, error) {
	var s status
	if !running(a.runDir) {
		return s, a.notRunning()
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	decides := getJSON(ctx, a.path(controlSocket), "/v1/status", &s.Control)
	if errors.Is(decides, errNotYours) {
		return s, decides // so do the others
	}
	if _, ok := errors.AsType[notServed](decides); ok {
		decides = nil // a host where control is not: what is its own
	}
	return s, errors.Join(
		decides,
		getJSON(ctx, a.path(agentSocket), "/v1/status", &s.Agent),
		getJSON(ctx, a.path(gatewaySocket), "/v1/status", &s.Gateway),
	)
}

// show writes the status in the format.
func (s status) show(w io.Writer, output string) error {
	if output == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(s)
	}
	s.print(w)
	return nil
}

func (s status) print(w io.Writer) {
	if s.Control.Hosts == nil {
		fmt.Fprintf(w, "host %s; of the others, and of what is not yet true, control's machine can tell\n\n", s.Agent.Host)
	} else {
		s.printControl(w)
	}
	s.printHost(w)
}

// printControl shows what control says, of all hosts.
func (s status) printControl(w io.Writer) {
	section(w, "hosts", []string{"host", "live", "agent at", "gateway at", "control at"}, func(add func(...any)) {
		for _, h := range s.Control.Hosts {
			add(h.Name, yesNo(h.Live), h.Agent.Revision, h.Gateway.Revision, s.Control.Position.Revision)
		}
	})
	section(w, "not yet true", []string{"what"}, func(add func(...any)) {
		for _, line := range s.Control.NotYet {
			add(line)
		}
		for _, h := range s.Control.Hosts {
			for unit, why := range h.Refused {
				add(h.Name + ": " + unit + ": " + why)
			}
		}
	})
}

// printHost shows what this host says of itself.
func (s status) printHost(w io.Writer) {
	section(w, "instances", []string{"instance", "state", "addresses"}, func(add func(...any)) {
		for _, i := range s.Agent.Instances {
			var addrs []string
			for _, addr := range i.Addresses {
				addrs = append(addrs, addr.String())
			}
			add(i.ID, i.State, strings.Join(addrs, " "))
		}
	})
	section(w, "dropped packets", []string{"vpc", "reason", "packets"}, func(add func(...any)) {
		for _, d := range s.Agent.Drops {
			add(d.Network, d.Reason, d.Packets)
		}
	})
	section(w, "last requests", []string{"time", "vpc", "endpoint", "source", "service", "action", "status", "ms"}, func(add func(...any)) {
		for _, r := range slices.Backward(s.Gateway.Requests[max(0, len(s.Gateway.Requests)-20):]) {
			add(r.Time.Format(time.TimeOnly), r.Network, r.Endpoint, r.Source, r.Service, r.Action, r.Status,
				fmt.Sprintf("%.1f", float64(r.Duration)/float64(time.Millisecond)))
		}
	})
}

// section prints a table under its title; an empty one says so in one line.
func section(w io.Writer, title string, head []string, rows func(add func(...any))) {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Format.Header = 0 // as written
	row := table.Row{}
	for _, h := range head {
		row = append(row, h)
	}
	t.AppendHeader(row)
	rows(func(cells ...any) { t.AppendRow(cells) })
	if t.Length() == 0 {
		fmt.Fprintf(w, "%s: none\n\n", title)
		return
	}
	fmt.Fprintf(w, "%s\n", title)
	t.Render()
	fmt.Fprintln(w)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
