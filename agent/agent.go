// SPDX-License-Identifier: Apache-2.0

// Package agent is the privileged process of a host: it takes the units that
// control wants true, makes namespaces, links and instances, has the data plane
// match, and hands sockets to the gateway. It parses nothing that a tenant
// wrote, and knows nothing of AWS.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi.dev/enishi/datapath"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/feed"
	"enishi.dev/enishi/instance/cgroup"
	"enishi.dev/enishi/netns"
)

// Options is what an agent needs from outside.
type Options struct {
	RunDir     string     // with control.sock and ca.pem; state/ in it is the agent's
	Host       string     // this host's name at control
	Instances  bool       // launch instances here
	GatewayUID int        // who may take sockets
	OwnerUID   int        // who may run commands and read the status, besides root
	Tunnel     netip.Addr // this host's address in the network between hosts, if there is one
	Listener   net.Listener
	Handover   *net.UnixListener // where the gateway gets the networks' sockets
	Log        *slog.Logger
}

// Agent makes units true on one host.
type Agent struct {
	Options
	layout layout
	feed   *feed.Client
	dp     *datapath.Datapath
	fabric *netns.Namespace // holds the host side of every link, and nothing else
	wires  *netns.Links     // of the fabric
	probes *prober
	doors  *handovers
	board  *board
	groups *cgroup.Tree // for instances; nil where there can be none

	work      sync.Mutex // held while units are made true; guards what follows
	units     map[hoststate.Key]hoststate.Unit
	refused   map[hoststate.Key]string
	networks  map[string]*network
	instances map[string]*running
}

const (
	retryEvery = time.Second
	sweepEvery = 10 * time.Second
	countEvery = 100 * time.Millisecond // a client opens a few thousand connections meanwhile
)

// Run makes units true until ctx ends. What it made stays then, and works on:
// the next Run takes it over, and [Teardown] removes it.
func Run(ctx context.Context, o Options) error {
	a, err := open(o)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.follow(ctx) })
	g.Go(func() error { return a.probes.run(ctx) })
	g.Go(func() error { return a.doors.run(ctx) })
	g.Go(func() error { return a.serve(ctx) })
	g.Go(func() error { return a.serveFar(ctx) })
	g.Go(func() error { return a.upkeep(ctx) })
	g.Go(func() error { a.groups.Watch(ctx, a.Log); return nil })
	err = g.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil // asked to end
	}
	return errors.Join(err, a.close())
}

// follow follows the feed once the region's CA is known: without it no instance
// starts and no endpoint is proven. All the rest is made ready meanwhile.
func (a *Agent) follow(ctx context.Context) error {
	const look = 2 * time.Millisecond
	for waited := time.Duration(0); ; waited += look {
		if _, err := os.Stat(a.layout.ca()); err == nil {
			return a.feed.Run(ctx, a.apply)
		}
		if waited == 10*time.Second {
			a.Log.Warn("the region's CA does not come", "path", a.layout.ca())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(look):
		}
	}
}

// open makes what every agent has: its directories, the fabric, the data plane, the probe.
func open(o Options) (a *Agent, err error) {
	a = &Agent{
		Options: o, layout: layout(o.RunDir), board: newBoard(),
		feed: &feed.Client{
			HTTP: feed.UnixClient(layout(o.RunDir).control()), Host: o.Host, Role: hoststate.RoleAgent, Log: o.Log, Tunnel: o.Tunnel,
		},
		units:     map[hoststate.Key]hoststate.Unit{},
		refused:   map[hoststate.Key]string{},
		networks:  map[string]*network{},
		instances: map[string]*running{},
	}
	opened := a
	defer func() {
		if err != nil {
			err = errors.Join(err, opened.close())
		}
	}()
	if err := a.layout.make(); err != nil {
		return nil, fmt.Errorf("make %s: %w", a.layout.state(), err)
	}
	if a.fabric, _, err = netns.Make(a.layout.namespace("fabric")); err != nil {
		return nil, err
	}
	if a.wires, err = a.fabric.Links(); err != nil {
		return nil, err
	}
	between, err := tunnelMTU(o)
	if err != nil {
		return nil, err
	}
	if a.dp, err = datapath.Open(datapath.Options{Pins: a.layout.pins(), MTU: interfaceMTU, TunnelMTU: between, Log: o.Log}); err != nil {
		return nil, fmt.Errorf("open data plane: %w", err)
	}
	if err := a.openTunnel(between); err != nil {
		return nil, fmt.Errorf("open tunnel: %w", err)
	}
	if a.groups, err = OpenGroups(a.RunDir); err != nil {
		a.Log.Info("instances that keep processors busy do not give way to others", "err", err)
	}
	a.doors = newHandovers(o.Handover, o.GatewayUID, o.Log)
	if a.probes, err = a.openProber(); err != nil {
		return nil, err
	}
	return a, nil
}

// close lets go of everything; it all stays as it is.
func (a *Agent) close() (err error) {
	a.work.Lock()
	defer a.work.Unlock()
	a.board.close()
	for _, n := range a.networks {
		n.close()
	}
	for _, r := range a.instances {
		r.ns.Close()
	}
	if a.probes != nil {
		a.probes.close()
	}
	if a.doors != nil {
		a.doors.close()
	}
	if a.dp != nil {
		if err = a.dp.Close(); err != nil {
			err = fmt.Errorf("close data plane: %w", err)
		}
	}
	if a.wires != nil {
		a.wires.Close()
	}
	if a.fabric != nil {
		a.fabric.Close()
	}
	return err
}

// attach makes the link carry packets. It stays down.
func (a *Agent) attach(p datapath.Port) error {
	if a.dp.Attached(p) {
		return nil
	}
	return a.fabric.Visit(func() error { return a.dp.Attach(p) })
}

// upkeep tries again what was refused, sweeps expired flows, and makes room for many.
func (a *Agent) upkeep(ctx context.Context) error {
	retry, sweep := time.NewTicker(retryEvery), time.NewTicker(sweepEvery)
	defer retry.Stop()
	defer sweep.Stop()
	count := time.NewTicker(countEvery)
	defer count.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-retry.C:
			a.retry(ctx)
		case <-sweep.C:
			if err := a.dp.Sweep(ctx); err != nil {
				a.Log.Warn("sweep flows", "err", err)
			}
		case <-count.C:
			switch most, err := a.dp.MakeRoom(); {
			case most:
				count.Stop()
			case err != nil:
				a.Log.Warn("make room for flows", "err", err)
				count.Reset(sweepEvery)
			}
		}
	}
}
