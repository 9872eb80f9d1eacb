// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"enishi.dev/enishi/agent"
	"enishi.dev/enishi/aws/region"
	"enishi.dev/enishi/instance/cgroup"
)

// upOptions are the flags of `up`.
type upOptions struct {
	dataDir   string
	ephemeral bool
	listen    string
	region    string
	any       bool
	admin     string
	hosts     string // where other hosts reach control
	tunnel    string
	command   []string
}

func (a *app) upCommand() *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use:   "up [-- CMD...]",
		Short: "Everything on this machine, in the foreground",
		Long: "Runs control, agent, gateway and services on this machine until it is ended by Ctrl-C or\n" +
			"SIGTERM; then no process, namespace or file of it is left but the data directory.\n" +
			"With CMD: runs it in the environment of `enishi env` once ready, and ends with its exit code.",
		Example: "  sudo enishi up --ephemeral\n  sudo enishi up --ephemeral -- terraform apply -auto-approve",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && cmd.ArgsLenAtDash() != 0 {
				return usageError{fmt.Errorf("up: %q: a command to run comes after --", args[0])}
			}
			switch {
			case o.ephemeral && cmd.Flags().Changed("data-dir"):
				return usageError{errors.New("up: --ephemeral keeps nothing, so there is no --data-dir")}
			case !region.Known(o.region):
				return usageError{fmt.Errorf("up: --region %s: AWS has no such region", o.region)}
			}
			if o.hosts != "" && o.tunnel == "" {
				return usageError{errors.New("up: --hosts-listen without --tunnel-address: instances on other hosts could not be reached")}
			}
			o.command = args
			return wrap("up", a.up(cmd.Context(), o))
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.dataDir, "data-dir", "/var/lib/enishi", "where the model is kept")
	f.BoolVar(&o.ephemeral, "ephemeral", false, "keep nothing: the model lives in the run directory and goes with it")
	f.StringVar(&o.listen, "listen", "127.0.0.1:4566", "address of the public entry (TLS and plain HTTP); loopback only")
	f.StringVar(&o.region, "region", "ap-northeast-1", "region of the credentials that enishi env gives")
	f.StringVar(&o.admin, "admin", "", "address that answers /metrics (Prometheus) and /healthz; loopback only, none by default")
	f.StringVar(&o.hosts, "hosts-listen", "", "address at which other hosts reach control, over mutual TLS; none by default")
	f.StringVar(&o.tunnel, "tunnel-address", "", "this machine's IPv4 address in the network between hosts: packets of VPCs travel there by VXLAN; none by default")
	f.BoolVar(&o.any, "accept-any-credentials", false, "do not verify who calls: an access key id of twelve digits is the account, any other the default one; user data is not run; the entry is loopback only")
	flagOffers(cmd, "region", completeRegions())
	return cmd
}

// wrap puts what was tried in front of err. An exit code of a command's own stays as it is.
func wrap(what string, err error) error {
	var exit exitError
	if err == nil || errors.As(err, &exit) {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (a *app) up(ctx context.Context, o upOptions) error {
	return a.withRunDir(o, func(u *upRun) error {
		parts, err := u.prepare()
		if err != nil {
			return err
		}
		var admin net.Listener
		if o.admin != "" {
			if admin, err = u.listenAdmin(); err != nil {
				return err
			}
			defer admin.Close()
		}
		return u.serve(ctx, parts, admin)
	})
}

// withRunDir runs f with the run directory for its own, and takes away afterwards
// what was made there.
func (a *app) withRunDir(o upOptions, f func(u *upRun) error) (err error) {
	if err := agent.Check(); err != nil {
		return err
	}
	// The parts have another working directory.
	for _, dir := range []*string{&a.runDir, &o.dataDir} {
		if *dir, err = filepath.Abs(*dir); err != nil {
			return err
		}
	}
	// What this program was started with, above all an open directory, is nothing for them.
	if err := unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("keep inherited files: %w", err)
	}
	lock, err := openRunDir(a.runDir)
	if err != nil {
		return err
	}
	defer lock.Close()
	// What an earlier `up` left when it was killed is taken over, but for what it said to clients.
	if err := os.Remove(a.path(clientFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	u := &upRun{app: a, upOptions: o, log: slog.New(slog.NewTextHandler(a.stderr, nil))}
	defer func() {
		u.close()
		err = errors.Join(err, u.clean())
	}()
	u.groups, _ = agent.OpenGroups(a.runDir) // if they cannot be made, the agent says so
	return f(u)
}

// upRun is one run of `up`.
type upRun struct {
	*app
	upOptions
	log    *slog.Logger
	groups *cgroup.Tree
	files  []*os.File // sockets and directories that parts inherit
}

func (u *upRun) close() {
	for _, f := range u.files {
		f.Close()
	}
}

// clean removes what the run made. The data directory stays, unless ephemeral.
func (u *upRun) clean() error {
	if err := agent.Teardown(u.runDir); err != nil {
		return fmt.Errorf("clean %s: %w", u.runDir, err)
	}
	return os.RemoveAll(u.runDir)
}

// serve runs the parts, and the admin address if there is one, until ctx ends or
// the user's command does.
func (u *upRun) serve(ctx context.Context, parts []part, admin net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &supervisor{log: u.log}
	g, ctx := errgroup.WithContext(ctx)
	s.run(ctx, g, parts)
	if admin != nil {
		g.Go(func() error { return u.serveAdmin(ctx, admin) })
	}
	g.Go(func() error {
		begun := time.Now()
		c, err := u.awaitReady(ctx)
		if err != nil {
			switch {
			case ctx.Err() == nil:
				return err
			case len(u.command) > 0: // nobody shall take it for a success
				return fmt.Errorf("ended before it was ready: %s was not run", u.command[0])
			}
			return nil // ended meanwhile, or a part did and says why
		}
		s.ready.Store(true)
		if len(u.command) == 0 {
			fmt.Fprintf(u.stderr, "enishi is ready after %d ms: %s, account %s, region %s\n", time.Since(begun).Milliseconds(), c.Endpoint, c.Account, c.Region)
			fmt.Fprintf(u.stderr, "in another shell: eval \"$(enishi%s env)\"\n", u.runDirFlag())
			return nil
		}
		err = u.runUserCommand(ctx, c)
		cancel()
		return err
	})
	return g.Wait()
}

// runDirFlag is what a user has to add to reach this run directory.
func (u *upRun) runDirFlag() string {
	if u.runDir == defaultRunDir {
		return ""
	}
	return " --run-dir " + u.runDir
}
