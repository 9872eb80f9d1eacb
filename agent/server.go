// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/instance"
)

// serve answers on agent.sock until ctx ends: root and the owner.
func (a *Agent) serve(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", a.status)
	mux.HandleFunc("GET /v1/why", a.why)
	mux.HandleFunc("POST /v1/exec", a.exec(instance.HandOver))
	s := http.Server{
		Handler:           a.allowed(mux),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ConnContext:       withPeer,
	}
	defer context.AfterFunc(ctx, func() { s.Close() })()
	if err := s.Serve(a.Listener); ctx.Err() == nil {
		return fmt.Errorf("serve agent.sock: %w", err)
	}
	return ctx.Err()
}

type peerKey struct{}

// withPeer notes who is at the other end of a connection; nobody, if the kernel
// does not say.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	if u, ok := c.(*net.UnixConn); ok {
		if who, err := identityOf(u); err == nil {
			return context.WithValue(ctx, peerKey{}, who)
		}
	}
	return ctx
}

func (a *Agent) allowed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, ok := r.Context().Value(peerKey{}).(instance.Identity)
		if !ok || who.UID != 0 && who.UID != a.OwnerUID {
			http.Error(w, "only root and the user who started `enishi up` may", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (a *Agent) status(w http.ResponseWriter, _ *http.Request) {
	s, err := a.readStatus()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s)
}

func (a *Agent) readStatus() (s hoststate.AgentStatus, err error) {
	s.Host, s.Refused = a.Host, a.feed.Refusals()
	a.board.status(&s)
	if s.Drops, err = a.dp.Drops(); err != nil {
		return s, err
	}
	if s.Drops == nil {
		s.Drops = []hoststate.Drop{}
	}
	if s.Flows, err = a.dp.Flows(); err != nil {
		return s, fmt.Errorf("read flows: %w", err)
	}
	return s, nil
}

// exec gives the caller a way to an instance's first process, by which it may ask
// for one command as itself.
func (a *Agent) exec(enter func(context.Context, http.ResponseWriter, *os.File) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var q instance.Request
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&q); err != nil {
			http.Error(w, "read request: "+err.Error(), http.StatusBadRequest)
			return
		}
		p, known := a.board.process(q.Instance)
		switch {
		case !known:
			http.Error(w, fmt.Sprintf("no instance %q runs on this host: see `enishi status`", q.Instance), http.StatusNotFound)
			return
		case p == nil:
			http.Error(w, fmt.Sprintf("instance %q has failed: its processes ended", q.Instance), http.StatusConflict)
			return
		}
		conn, err := p.Enter(r.Context().Value(peerKey{}).(instance.Identity))
		if err != nil {
			http.Error(w, "enter instance: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		defer conn.Close()
		if err := enter(r.Context(), w, conn); err != nil && !errors.Is(err, net.ErrClosed) {
			a.Log.Warn("hand over instance", "instance", q.Instance, "err", err)
		}
	}
}
