// SPDX-License-Identifier: Apache-2.0

// Package gateway is the unprivileged process of a host that meets tenants: it
// ends the TLS of endpoints, answers their networks' DNS, tells instances what they
// are, serves the public entry, and hands requests on with what the network knows of
// them. It holds no
// secret but keys it made itself, opens no listening socket, verifies no
// signature, and knows nothing of what a request asks for.
package gateway

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"enishi.dev/enishi/dns"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/feed"
	"enishi.dev/enishi/http1"
)

// Options is what a gateway needs from outside.
type Options struct {
	Host           string // this host's name at control
	ControlSocket  string // path: the feed, certificates, forwarded requests
	AgentSocket    string // path of agent-gateway.sock: sockets of networks come from there
	ServicesSocket string // path: requests for the services in the box go there

	Status net.Listener // unix socket; what [hoststate.GatewayStatus] says
	Public net.Listener // the public entry: TLS and plain HTTP on one TCP port; nil: none

	AllowedUIDs []int // who may read the status, besides root
	Log         *slog.Logger
	Access      io.Writer // a line for every request through an endpoint; nil: nowhere
}

// gateway is one running gateway.
type gateway struct {
	Options
	patience patience
	control  *http.Client  // the feed, certificates
	forwards *http1.Client // the same control
	services *http1.Client
	feed     *feed.Client
	records  dns.Records
	dns      *dns.Server

	endpoints *endpoints
	instances *instances
	sockets   *sockets
	keeper    *keeper
	entry     *certificate // the public entry's
	places    places
	turns     turns
	bodies    bodies
	fruitless fruitless
	queue     *queue
	requests  requests
	access    access
	position  atomic.Pointer[hoststate.Position]
}

func newGateway(o Options) *gateway {
	g := &gateway{
		Options:  o,
		patience: usualPatience(),
		control:  feed.UnixClient(o.ControlSocket),
		forwards: &http1.Client{Path: o.ControlSocket, Wait: answerTimeout},
		services: &http1.Client{Path: o.ServicesSocket, Wait: answerTimeout},
		queue:    newQueue(o.Status.Addr()),
		access:   access{to: o.Access},
		places:   places{most: mostConns()},
		turns:    turns{among: runtime.GOMAXPROCS(0) / 2},
	}
	g.feed = &feed.Client{HTTP: g.control, Host: o.Host, Role: hoststate.RoleGateway, Log: o.Log}
	g.dns = &dns.Server{Records: &g.records, Log: o.Log}
	g.endpoints, g.instances = newEndpoints(), newInstances()
	g.sockets = &sockets{gateway: g, open: make(map[socketKey]*served)}
	return g
}

// Run serves until ctx ends, and returns when every connection is closed and
// everything it started has ended.
func Run(ctx context.Context, o Options) error { return newGateway(o).run(ctx) }

func (g *gateway) run(ctx context.Context) error {
	var err error
	if g.keeper, err = newKeeper(g.control, g.Log); err != nil {
		return err
	}
	g.keeper.refused = func(endpoint, reason string) {
		g.feed.Refused(hoststate.Key{Kind: hoststate.KindEndpoint, ID: endpoint}, reason)
	}
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() error { return g.feed.Run(inner, g.apply) })
	group.Go(func() error { return g.receive(inner) })
	group.Go(func() error { return g.serveHTTP(inner) })
	group.Go(func() error { return g.serveStatus(inner) })
	var own []*certificate
	if g.Public != nil {
		g.entry = newCertificate("", []string{"localhost"}, loopback)
		own = append(own, g.entry)
		group.Go(func() error { return g.serveEntry(inner) })
	}
	group.Go(func() error { return g.keeper.run(inner, own...) })
	err = group.Wait()
	g.closeIdle()
	if ctx.Err() != nil {
		return nil // it was asked to end
	}
	return err
}

func (g *gateway) closeIdle() {
	g.control.CloseIdleConnections()
	g.forwards.CloseIdle()
	g.services.CloseIdle()
}

// apply makes a batch of units true. What is withdrawn goes before anything is
// answered anew, and an endpoint is there before a name leads to it.
func (g *gateway) apply(ctx context.Context, b feed.Batch) error {
	change := g.endpoints.apply(b)
	for _, e := range change.stopped {
		e.certificate.stop()
	}
	for _, e := range change.served {
		if err := g.keeper.want(ctx, e.certificate, e.now().Names); err != nil {
			return err
		}
	}
	for _, id := range change.closed {
		g.feed.Closed(id)
	}
	g.sockets.keepOnly(b)
	g.instances.apply(b)
	g.records.Apply(b.Full, b.Set, b.Gone)
	g.position.Store(&b.Position)
	return nil
}
