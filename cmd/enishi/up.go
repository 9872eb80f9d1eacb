// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"enishi.dev/enishi/agent"
	"enishi.dev/enishi/netns"
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
	f.StringVar(&o.region, "region", "ap-northeast-1", "region of the credentials that `env` gives")
	f.StringVar(&o.admin, "admin", "", "address that answers /metrics (Prometheus) and /healthz; loopback only, none by default")
	f.StringVar(&o.hosts, "hosts-listen", "", "address at which other hosts reach control, over mutual TLS; none by default")
	f.StringVar(&o.tunnel, "tunnel-address", "", "this machine's IPv4 address in the network between hosts: packets of VPCs travel there by VXLAN; none by default")
	f.BoolVar(&o.any, "accept-any-credentials", false, "do not verify who calls: an access key id of twelve digits is the account, any other the default one; user data is not run; the entry is loopback only")
	cmd.MarkFlagsMutuallyExclusive("data-dir", "ephemeral")
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
	return f(u)
}

// upRun is one run of `up`.
type upRun struct {
	*app
	upOptions
	log   *slog.Logger
	files []*os.File // sockets and directories that parts inherit
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
	g.Go(func() error { return s.run(ctx, parts) })
	if admin != nil {
		g.Go(func() error { return u.serveAdmin(ctx, admin) })
	}
	g.Go(func() error {
		begun := time.Now()
		c, err := u.awaitReady(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil // ended meanwhile, or a part did and says why
			}
			return err
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

// prepare makes directories and sockets, and says which parts use them.
func (u *upRun) prepare() ([]part, error) {
	public, err := u.listenPublic()
	if err != nil {
		return nil, err
	}
	data, err := u.openDataDir()
	if err != nil {
		return nil, err
	}
	socket, err := u.listenUnix(controlSocket)
	if err != nil {
		return nil, err
	}
	deciding := part{name: "control", uid: controlUID, files: []*os.File{socket, data}, args: []string{
		"--region", u.region, "--owner", fmt.Sprint(u.owner().uid), fmt.Sprintf("--ephemeral=%t", u.ephemeral), fmt.Sprintf("--accept-any-credentials=%t", u.any),
	}}
	if u.hosts != "" {
		remote, err := u.listenHosts()
		if err != nil {
			return nil, err
		}
		deciding.files, deciding.args = append(deciding.files, remote), append(deciding.args, "--remote")
	}
	doing, err := u.prepareHost(localHost, u.tunnel, public)
	return append([]part{u.inRunDir(deciding)}, doing...), err
}

// prepareHost makes what every host has: an agent, a gateway and services. Only
// where control is there is a public entry.
func (u *upRun) prepareHost(name, tunnel string, public *os.File) ([]part, error) {
	if err := os.MkdirAll(u.path(logDir), 0o755); err != nil {
		return nil, err
	}
	if _, err := tunnelAddress(tunnel); err != nil {
		return nil, err
	}
	access, err := u.keep(os.OpenFile(u.path(accessLog), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644))
	if err != nil {
		return nil, err
	}
	sockets := map[string]*os.File{}
	for _, name := range []string{agentSocket, gatewaySocket, servicesSocket} {
		if sockets[name], err = u.listenUnix(name); err != nil {
			return nil, err
		}
	}
	uid := fmt.Sprint(u.owner().uid)
	entry := part{name: "gateway", uid: gatewayUID, files: []*os.File{sockets[gatewaySocket], access}, args: []string{"--host", name, "--owner", uid}}
	if public != nil {
		entry.files, entry.args = append(entry.files, public), append(entry.args, "--public")
	}
	return []part{
		u.inRunDir(part{name: "agent", files: []*os.File{sockets[agentSocket]}, args: []string{"--host", name, "--instances", "--owner", uid, "--tunnel-address", tunnel}}),
		u.inRunDir(entry),
		u.inRunDir(part{name: "services", uid: servicesUID, files: []*os.File{sockets[servicesSocket]}}),
	}, nil
}

func (u *upRun) inRunDir(p part) part {
	p.log, p.args = filepath.Join(u.path(logDir), p.name+".log"), append(p.args, "--run-dir", u.runDir)
	return p
}

// tunnelAddress reads --tunnel-address; the zero address is none.
func tunnelAddress(s string) (netip.Addr, error) {
	if s == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() || a.IsUnspecified() || a.IsMulticast() {
		return a, fmt.Errorf("--tunnel-address %s: want one IPv4 address of this machine", s)
	}
	if _, err := netns.LinkMTU(a); err != nil {
		return a, fmt.Errorf("--tunnel-address: %w", err)
	}
	return a, nil
}

// listenHosts opens where other hosts reach control, which may open no socket.
func (u *upRun) listenHosts() (*os.File, error) {
	addr, err := net.ResolveTCPAddr("tcp", u.hosts)
	if err != nil {
		return nil, fmt.Errorf("--hosts-listen %s: %w", u.hosts, err)
	}
	if addr.IP == nil || addr.IP.IsUnspecified() {
		return nil, fmt.Errorf("--hosts-listen %s: want the address by which other hosts reach this one", u.hosts)
	}
	l, err := net.ListenTCP("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--hosts-listen %s: %w", u.hosts, err)
	}
	defer l.Close()
	return u.keep(l.File())
}

// listenPublic opens the public entry. The gateway could not: it may not open sockets.
func (u *upRun) listenPublic() (*os.File, error) {
	addr, err := net.ResolveTCPAddr("tcp", u.listen)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w", u.listen, err)
	}
	if !addr.IP.IsLoopback() {
		return nil, fmt.Errorf("--listen %s: only a loopback address: whoever reaches the public entry can try credentials", u.listen)
	}
	l, err := net.ListenTCP("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%w: end what listens there, or give --listen", err)
	}
	defer l.Close()
	u.listen = l.Addr().String() // the port, when 0 was asked
	return u.keep(l.File())
}

// listenUnix makes a socket of the run directory. Its server looks at who the peer is.
func (u *upRun) listenUnix(name string) (*os.File, error) {
	path := u.path(name)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	defer l.Close()
	if err := os.Chmod(path, 0o666); err != nil {
		return nil, err
	}
	return u.keep(l.File())
}

// openDataDir makes the data directory control's own. Control gets it opened:
// its user need not be able to walk there.
func (u *upRun) openDataDir() (*os.File, error) {
	if u.ephemeral {
		u.dataDir = u.path(ephemeralData)
	}
	if err := os.MkdirAll(u.dataDir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chown(u.dataDir, controlUID, controlUID); err != nil {
		return nil, err
	}
	return u.keep(os.Open(u.dataDir))
}

func (u *upRun) keep(f *os.File, err error) (*os.File, error) {
	if err == nil {
		u.files = append(u.files, f)
	}
	return f, err
}
