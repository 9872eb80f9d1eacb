// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// Server answers on the sockets of networks from one set of records. It is ready
// for use once Records and Log are set, and may serve any number of sockets.
type Server struct {
	Records *Records
	Log     *slog.Logger

	rcodes  [dns.RcodeBadVers + 1]atomic.Uint64
	limited atomic.Uint64
	dropped atomic.Uint64
}

// Counts returns the answers given so far by rcode, and under "limited" and
// "dropped" the queries that got none.
func (s *Server) Counts() map[string]uint64 {
	c := make(map[string]uint64)
	add := func(name string, n uint64) {
		if n > 0 {
			c[name] = n
		}
	}
	for rcode := range s.rcodes {
		add(rcodeName(rcode), s.rcodes[rcode].Load())
	}
	add("limited", s.limited.Load())
	add("dropped", s.dropped.Load())
	return c
}

// rcodeName knows that 16 is BADSIG for signatures only, which are not used here.
func rcodeName(rcode int) string {
	if rcode == dns.RcodeBadVers {
		return "BADVERS"
	}
	return dns.RcodeToString[rcode]
}

// Network is one network's share of a server: its sockets, and how much each of
// its sources has asked.
type Network struct {
	server *Server
	id     string
	limits limiter
}

// Network returns the share of a network. Its sockets shall use the same one.
func (s *Server) Network(id string) *Network { return &Network{server: s, id: id} }

// reply answers a packet, or returns nil if it gets no answer.
func (n *Network) reply(packet, buf []byte, source, at netip.Addr, tcp bool) []byte {
	s := n.server
	if !n.limits.allow(source, time.Now()) {
		s.limited.Add(1)
		return nil
	}
	answer, rcode := s.Records.View().Reply(packet, buf, Asked{Network: n.id, At: at, TCP: tcp, Turn: rand.Uint32()})
	if answer == nil {
		s.dropped.Add(1)
		return nil
	}
	s.rcodes[rcode].Add(1)
	return answer
}

// closeWith closes c once ctx ends. The function returned must be called; it
// waits until c is not touched any more.
func closeWith(ctx context.Context, c io.Closer) func() {
	var done sync.WaitGroup
	done.Add(1)
	stop := context.AfterFunc(ctx, func() {
		defer done.Done()
		c.Close()
	})
	return func() {
		if stop() {
			done.Done()
		}
		done.Wait()
	}
}
