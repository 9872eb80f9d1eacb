// SPDX-License-Identifier: Apache-2.0

// Package hosts is control's side of the channel to hosts: it sends each what it
// must hold, hears what holds, takes in tenants' requests from gateways and signs
// their certificates. It knows who is at the other end; what units mean is
// compile's and the hosts' own.
package hosts

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/control/compile"
	"enishi.dev/enishi/control/lifecycle"
	"enishi.dev/enishi/control/order"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/reach"
	"enishi.dev/enishi/http1"
	"enishi.dev/enishi/peer"
	"enishi.dev/enishi/store"
)

// Options is what a server is made of.
type Options struct {
	Store      *store.Store
	API        *api.Server
	Lifecycle  *lifecycle.Lifecycle
	Authority  *Authority
	Bootstrap  order.Bootstrap
	Accounts   http.Handler // /v1/accounts: root and the owner
	LocalHost  string       // the host whose processes are at the other end of the listener
	GatewayUID int          // who may forward requests
	OwnerUID   int          // who may read the status
	Log        *slog.Logger

	RemoteAddress string // where other hosts reach control, empty if they cannot
}

// Server serves hosts.
type Server struct {
	Options

	mu      sync.Mutex
	view    *store.View // what the units of all hosts are made of
	hosts   map[string]*host
	live    []string               // ascending
	changed chan struct{}          // closed, and made anew, when a report or a step comes
	meet    map[string]chan asking // by host: see offers

	limits limits
}

// New returns a server that no host has reached.
func New(o Options) *Server {
	return &Server{Options: o, view: o.Store.View(), hosts: map[string]*host{}, meet: map[string]chan asking{}, changed: make(chan struct{}), limits: usualLimits()}
}

// SetAPI gives the server the API that it forwards to; the API asks the server
// whether facts can be true, so one of them has to come first.
func (s *Server) SetAPI(a *api.Server) { s.API = a }

const livenessTick = 250 * time.Millisecond

// Run keeps every host's units up to date until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	f := s.Store.Follow()
	defer f.Close()
	ticked := make(chan struct{})
	go func() {
		defer close(ticked)
		t := time.NewTicker(livenessTick)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				s.mu.Lock()
				s.judge()
				s.mu.Unlock()
			}
		}
	}()
	defer func() { <-ticked }()
	for {
		step, err := f.Next(ctx)
		if err != nil {
			return err
		}
		s.step(step)
	}
}

// step brings every host's units to a new view, and says so to their streams. One whose
// row has gone is none any more, also if whoever removed it was not told that it is written.
func (s *Server) step(step store.Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view = step.View
	for _, h := range s.hosts {
		s.update(h, step)
	}
	for name := range s.hosts {
		if !s.isHost(name) {
			s.end(name)
		}
	}
	s.tell()
}

// isHost says whether the name is a host's now, which the view that units are made of may
// not know yet.
func (s *Server) isHost(name string) bool {
	_, ok := s.Store.View().Hosts.Get(name)
	return ok || name == s.LocalHost
}

// update brings one host's units to the step, and says whether any is another now.
func (s *Server) update(h *host, step store.Step) bool {
	set, gone := h.compiler.Update(step, compile.Facts{Host: h.name, Live: s.live})
	h.note(set, gone)
	p := position(step.View)
	for st := range h.streams {
		st.push(p, set, gone)
	}
	return len(set)+len(gone) > 0
}

func position(v *store.View) hoststate.Position {
	return hoststate.Position{Incarnation: v.Incarnation(), Revision: v.Revision()}
}

// tell wakes whoever waits for something to hold.
func (s *Server) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// silence is how long a host's agent may say nothing, connected or not, before
// nobody waits for it. It reports every 2 s.
const silence = 5 * time.Second

// judge decides which hosts are live, and has units made anew when that changes.
// The lock is held.
func (s *Server) judge() {
	var live []string
	for name, h := range s.hosts {
		if time.Since(h.heard) < silence {
			live = append(live, name)
		}
	}
	slices.Sort(live)
	if slices.Equal(live, s.live) {
		return
	}
	s.Log.Info("live hosts", "hosts", live)
	s.live = live
	s.Lifecycle.Live(live)
	for _, h := range s.hosts {
		if s.update(h, store.Step{View: s.view}) {
			h.restated = position(s.view)
		}
	}
	s.tell()
}

// LiveHosts lists the hosts on which instances can be placed.
func (s *Server) LiveHosts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live
}

// Serve answers on the listener until ctx ends.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return s.serveOn(ctx, l, s.handler(), peer.ConnContext)
}

// serveOn serves connections, each with what comes says of it.
func (s *Server) serveOn(ctx context.Context, l net.Listener, h http.Handler, comes func(context.Context, net.Conn) context.Context) error {
	srv := &http1.Server{
		Handler: h,
		Context: comes,
		Head:    5 * time.Second,
		Idle:    time.Minute,
		Piece:   s.limits.piece,
		MaxHead: 16 << 10,
		Log:     s.Log,
	}
	if err := srv.Serve(ctx, l); err != nil {
		return fmt.Errorf("serve hosts: %w", err)
	}
	return ctx.Err()
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	only := func(pattern string, h http.HandlerFunc, uids ...int) { mux.Handle(pattern, peer.Only(h, uids...)) }
	only("GET /v1/feed", s.feed, s.GatewayUID)
	only("POST /v1/report", s.report, s.GatewayUID)
	only("POST /v1/console", s.console)
	only("POST /v1/forward", s.spoken(s.forward, hoststate.RoleGateway), s.GatewayUID)
	only("POST /v1/certificate", s.spoken(s.certificate, hoststate.RoleGateway), s.GatewayUID)
	only("POST "+reach.OfferPath, s.spoken(s.offer, hoststate.RoleAgent))
	only("POST /v1/hosts", s.addHost, s.OwnerUID)
	only("POST /v1/hosts/{name}/remove", s.removeHost, s.OwnerUID)
	only("GET /v1/hosts/{name}/agent", s.agent, s.OwnerUID)
	only("GET /v1/where", s.where, s.OwnerUID)
	only("GET /v1/hosts", s.listHosts, s.OwnerUID)
	only("GET /v1/ready", s.ready)
	only("GET /v1/bootstrap", s.bootstrap)
	only("GET /v1/status", s.status, s.OwnerUID)
	if s.Accounts != nil {
		only("/v1/accounts", s.Accounts.ServeHTTP, s.OwnerUID)
		only("/v1/accounts/", s.Accounts.ServeHTTP, s.OwnerUID)
	}
	return mux
}
