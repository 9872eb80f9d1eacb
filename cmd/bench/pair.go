// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"enishi.dev/enishi/netns"
)

// warmUp is how long a load goes on before it counts: what has started it, the runtimes of
// both ends and the caches have come to rest then.
const warmUp = 50 * time.Millisecond

// measureMain is `bench measure LOAD HOST DURATION`, inside a namespace.
func measureMain(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: measure LOAD HOST DURATION")
	}
	d, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	load, ok := loads[args[0]]
	if !ok {
		return fmt.Errorf("no load %q", args[0])
	}
	if _, err := load(args[1], warmUp); err != nil {
		return err
	}
	x, err := load(args[1], d)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(x)
}

// pair is two ends between which loads run.
type pair struct {
	name   string // what the table calls it
	server *helper
	client func(args ...string) *exec.Cmd
	host   string
	// fresh, if it is set, starts the server for one load and says the host.
	fresh func() (host string, end func() error, err error)
}

func (p pair) end() {
	if p.server != nil {
		p.server.end()
	}
}

// measure runs a load for d, the client placed at.
func (p pair) measure(load string, d time.Duration, at placement) (x float64, err error) {
	if p.fresh != nil {
		var end func() error
		if p.host, end, err = p.fresh(); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, end()) }()
	}
	args := []string{"measure", load, p.host, d.String()}
	if at != anywhere {
		args = append([]string{"-on", string(at)}, args...)
	}
	cmd := p.client(args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &x)
	}
	return x, err
}

// bare is a veth pair between two namespaces, and nothing else. Its ends hand on as much
// of a stream at once as burst says (netns.Veth).
func (b *bench) bare(name string, burst int) (p pair, clean func(), err error) {
	ns, remove, err := b.namespaces(fmt.Sprint("bare0-", burst), fmt.Sprint("bare1-", burst))
	clean = func() { p.end(); remove() }
	if err != nil {
		return p, clean, err
	}
	if _, err := veths(ns[1], ns[0], netns.Veth{Outer: "eth0", Inner: "eth0", MTU: 9001, Burst: burst}); err != nil { // the client sends
		return p, clean, err
	}
	p, err = b.serveBetween(name, ns[0], ns[1])
	return p, clean, err
}

// namespaces makes network namespaces; clean removes those that were made.
func (b *bench) namespaces(names ...string) (made []*netns.Namespace, clean func(), err error) {
	clean = func() {
		for _, n := range made {
			n.Close()
			_ = netns.Remove(n.Path())
		}
	}
	for _, name := range names {
		n, _, err := netns.Make(filepath.Join(b.dir, name))
		if err != nil {
			return made, clean, err
		}
		made = append(made, n)
	}
	return made, clean, nil
}

// veths joins two namespaces by a veth pair that is up.
func veths(outer, inner *netns.Namespace, v netns.Veth) (p netns.Pair, err error) {
	err = outer.WithLinks(func(o *netns.Links) error {
		return inner.WithLinks(func(i *netns.Links) error {
			if p, err = netns.MakeVeth(o, i, v); err != nil {
				return err
			}
			return errors.Join(o.SetUp(v.Outer), i.SetUp(v.Inner))
		})
	})
	return p, err
}

// instances are two of them, each on the host with its run directory, of which the
// second serves at address.
func (b *bench) instances(clientRun, client, serverRun, server, address string) (p pair, err error) {
	p = pair{host: address, client: func(args ...string) *exec.Cmd { return b.insideOf(clientRun, client, args...) }}
	p.server, err = begin(b.insideOf(serverRun, server, "-on", string(together), "serve"))
	return p, err
}

// serveBetween gives the eth0 of two namespaces addresses and serves in the second.
// Each end is a session of its own, as it is in instances: the kernel shares out
// its time among sessions.
func (b *bench) serveBetween(name string, client, server *netns.Namespace) (p pair, err error) {
	for i, n := range []*netns.Namespace{client, server} {
		addr := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, 0, byte(i + 1)}), 24)
		err := n.WithLinks(func(l *netns.Links) error {
			if err := l.SetUp("lo", "eth0"); err != nil {
				return err
			}
			index, err := l.Index("eth0")
			if err != nil {
				return err
			}
			if err := l.AddAddress(index, addr); err != nil {
				return err
			}
			// As instances have one: another route is another look.
			return l.RouteVia(index, netip.AddrFrom4([4]byte{10, 9, 0, 254}))
		})
		if err != nil {
			return p, err
		}
	}
	in := func(n *netns.Namespace) func(args ...string) *exec.Cmd {
		return func(args ...string) *exec.Cmd {
			cmd := exec.Command("nsenter", append([]string{"--net=" + n.Path(), b.self}, args...)...)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			return cmd
		}
	}
	p.name, p.client, p.host = name, in(client), "10.9.0.2"
	p.server, err = begin(in(server)("-on", string(together), "serve"))
	return p, err
}
