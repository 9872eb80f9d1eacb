// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"enishi.dev/enishi/hoststate"

	"enishi.dev/enishi/peer"
)

// kept is how many requests the status shows.
const kept = 100

// requests holds the last requests. The zero value holds none.
type requests struct {
	mu   sync.Mutex
	ring [kept]hoststate.Request
	next int // counts all there ever were
}

func (r *requests) add(q hoststate.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ring[r.next%kept] = q
	r.next++
}

// last returns the requests held, oldest first.
func (r *requests) last() []hoststate.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]hoststate.Request, 0, kept)
	for i := max(0, r.next-kept); i < r.next; i++ {
		all = append(all, r.ring[i%kept])
	}
	return all
}

// fruitless counts instances' connections that led to no answer.
type fruitless struct{ refused, silent atomic.Uint64 }

func (f *fruitless) counts() map[string]uint64 {
	return map[string]uint64{"refused": f.refused.Load(), "without a request": f.silent.Load()}
}

// longestAction is more than AWS's longest. A form may name anything.
const longestAction = 128

// shown is what is written down of an action, and nothing more is kept of it.
func shown(action string) string {
	if len(action) > longestAction {
		return strings.Clone(action[:longestAction])
	}
	return action
}

// record writes an exchange down, for the status and in the access log.
func (g *gateway) record(x *exchange) {
	f := x.facts()
	q := hoststate.Request{
		Time: x.begun, ID: x.id, Network: f.Network, Endpoint: f.Endpoint, Source: f.Source,
		Service: x.head.Service, Action: shown(x.head.Action), Status: x.status, Duration: time.Since(x.begun),
	}
	if err := g.access.write(q, x.sent); err != nil {
		g.Log.Warn("request not in the access log", "request", q.ID, "err", err)
	}
	g.requests.add(q)
}

func (g *gateway) status() hoststate.GatewayStatus {
	s := hoststate.GatewayStatus{Requests: g.requests.last(), Queries: g.dns.Counts(), Connections: g.fruitless.counts(), Refused: g.feed.Refusals()}
	if p := g.position.Load(); p != nil {
		s.Position = *p
	}
	return s
}

// serveStatus answers the person who looks, until ctx ends.
func (g *gateway) serveStatus(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(g.status()) // whoever looked may have gone
	})
	mux.HandleFunc("GET /v1/name", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(g.records.View().Explain(r.FormValue("network"), r.FormValue("name")))
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: g.patience.head, IdleTimeout: g.patience.idle}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(peer.Listener{Listener: g.Status, UIDs: g.AllowedUIDs, Log: g.Log}) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve status: %w", err)
	case <-ctx.Done():
	}
	err := s.Close()
	if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}
