// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"enishi.dev/enishi/dns"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/feed"
)

// sockets is the sockets that the agent passed, and who serves them.
type sockets struct {
	gateway *gateway

	mu      sync.Mutex
	open    map[socketKey]*served
	shares  map[string]*dns.Network // by network
	known   map[string]bool         // the networks that the feed has named
	serving sync.WaitGroup
}

type socketKey struct{ network, kind string }

// served is one socket. It ends by its context, or, when another takes its place,
// by a deadline: what waits in its queue is answered before.
type served struct {
	cancel  context.CancelFunc
	retired func(time.Time) error
}

// replaced is how long a socket is served beside the one that takes its place.
const replaced = 50 * time.Millisecond

// serve serves the socket f, in place of the one before. f stays the caller's.
func (s *sockets) serve(ctx context.Context, h handover, f *os.File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	next := &served{cancel: cancel}
	share := s.share(h.Network)
	var run func() error
	switch h.Kind {
	case kindTCP:
		l, err := tcpListener(f)
		if err != nil {
			cancel()
			return err
		}
		n := &network{gateway: s.gateway, id: h.Network, dns: share}
		next.retired = l.SetDeadline
		run = func() error { return n.serve(ctx, l) }
	case kindUDP53:
		c, err := udpConn(f)
		if err != nil {
			cancel()
			return err
		}
		next.retired = func(at time.Time) error { time.AfterFunc(time.Until(at), cancel); return nil }
		run = func() error { return share.ServeUDP(ctx, c) }
	}
	s.replace(socketKey{h.Network, h.Kind}, next)
	s.gateway.Log.Debug("serving socket", "vpc", h.Network, "kind", h.Kind)
	s.serving.Go(func() {
		defer cancel()
		if err := run(); err != nil {
			s.gateway.Log.Error("socket ended", "vpc", h.Network, "kind", h.Kind, "err", err)
		}
	})
	return nil
}

// replace retires the socket that k has, and puts next in its place.
func (s *sockets) replace(k socketKey, next *served) {
	if old := s.open[k]; old != nil {
		_ = old.retired(time.Now().Add(replaced)) // fails when it has ended
	}
	s.open[k] = next
}

// share returns the one share of the DNS server that a network's sockets use.
func (s *sockets) share(network string) *dns.Network {
	if s.shares == nil {
		s.shares = make(map[string]*dns.Network)
	}
	if s.shares[network] == nil {
		s.shares[network] = s.gateway.dns.Network(network)
	}
	return s.shares[network]
}

// close ends a network's sockets, so that its namespace can go.
func (s *sockets) close(network string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kind := range []string{kindTCP, kindUDP53} {
		if old := s.open[socketKey{network, kind}]; old != nil {
			old.cancel()
			delete(s.open, socketKey{network, kind})
		}
	}
	delete(s.shares, network)
}

// closeAll ends every socket and waits for those who serve them.
func (s *sockets) closeAll() {
	s.mu.Lock()
	for _, old := range s.open {
		old.cancel()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

// keepOnly closes the sockets of networks that the feed named once and names no
// more: their agent may have missed the time to say so. A network that the feed
// has not named yet is kept, since the agent may be ahead.
func (s *sockets) keepOnly(b feed.Batch) {
	gone := make(map[string]bool)
	if b.Full {
		for id := range s.known {
			gone[id] = true
		}
	}
	for _, k := range b.Gone {
		if k.Kind == hoststate.KindNetwork {
			gone[k.ID] = true
		}
	}
	if s.known == nil {
		s.known = make(map[string]bool)
	}
	for _, u := range b.Set {
		if k := u.Key(); k.Kind == hoststate.KindNetwork {
			s.known[k.ID] = true
			delete(gone, k.ID)
		}
	}
	for id := range gone {
		delete(s.known, id)
		s.close(id)
	}
}

func tcpListener(f *os.File) (*net.TCPListener, error) {
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	t, ok := l.(*net.TCPListener)
	if !ok {
		l.Close()
		return nil, fmt.Errorf("a %T is no TCP listener", l)
	}
	return t, nil
}

func udpConn(f *os.File) (*net.UDPConn, error) {
	c, err := net.FilePacketConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UDPConn)
	if !ok {
		c.Close()
		return nil, errors.New("it is no UDP socket")
	}
	return u, nil
}
