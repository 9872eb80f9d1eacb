// SPDX-License-Identifier: Apache-2.0

// Package control is the program enishi-control: its flags and its sockets. It is a
// program of its own, since it alone carries the database: what that needs before
// main takes three quarters of the time in which any of our processes starts.
package control

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"enishi.dev/enishi/cmd/parts"
	"enishi.dev/enishi/control"
)

// Main runs control with these arguments until a signal ends it, and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	cmd := command(stderr)
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(stderr, "enishi: control: %v\n", err)
		return 1
	}
	return 0
}

func command(stderr io.Writer) *cobra.Command {
	var o control.Options
	var release, runDir string
	var remote bool
	cmd := &cobra.Command{
		Use: parts.ControlProgram, Short: "The part that decides: API, model, feed",
		Long:    "The part that decides: API, model, feed.\n`enishi up` starts it, with its sockets as file descriptors from 3 on; it is not started by hand.",
		Example: "  enishi up --ephemeral", Args: cobra.NoArgs, SilenceErrors: true, SilenceUsage: true, Version: parts.Version(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if release != parts.Version() {
				return fmt.Errorf("%s is of version %s, enishi of %q: install both programs of one release", parts.ControlProgram, parts.Version(), release)
			}
			return parts.Run(cmd.Context(), "control", stderr, func(ctx context.Context, log *slog.Logger) error {
				l, err := parts.Inherit(3, "its socket")
				if err != nil {
					return err
				}
				if remote {
					if o.Remote, err = parts.Inherit(4, "where other hosts reach it"); err != nil {
						return err
					}
				}
				o.Listener, o.Log, o.HostName, o.GatewayUID = l, log, parts.LocalHost, parts.GatewayUID
				return control.Run(ctx, o)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&release, "release", "", "the version of the enishi that starts it")
	f.StringVar(&o.Region, "region", "ap-northeast-1", "region of the first account's credentials")
	f.StringVar(&o.DataDir, "data-dir", "", "where the model is kept")
	f.IntVar(&o.Holder, "holder", 0, "the process that keeps the data directory in use, for error messages")
	f.BoolVar(&remote, "remote", false, "other hosts reach it by file descriptor 4")
	f.BoolVar(&o.Ephemeral, "ephemeral", false, "do not wait for the disk: the data directory goes with the run")
	f.IntVar(&o.OwnerUID, "owner", 0, "uid of the user who may ask for the status and the accounts")
	f.BoolVar(&o.AnyCredentials, "accept-any-credentials", false, "do not verify who calls")
	f.StringVar(&runDir, "run-dir", "", "the run it belongs to, for whoever looks for its processes")
	return cmd
}
