// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/instance"
)

type peerKey struct{}

// serve answers on agent.sock until ctx ends: root and the owner.
func (a *Agent) serve(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", a.status)
	mux.HandleFunc("POST /v1/exec", a.exec)
	s := http.Server{
		Handler:           a.allowed(mux),
		ReadHeaderTimeout: 5 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			p, err := peerOf(c.(*net.UnixConn))
			if err != nil {
				p.uid = -1
			}
			return context.WithValue(ctx, peerKey{}, p)
		},
	}
	defer context.AfterFunc(ctx, func() { s.Close() })()
	if err := s.Serve(a.Listener); ctx.Err() == nil {
		return fmt.Errorf("serve agent.sock: %w", err)
	}
	return ctx.Err()
}

func (a *Agent) allowed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.Context().Value(peerKey{}).(peer)
		if p.uid != 0 && p.uid != a.OwnerUID {
			http.Error(w, fmt.Sprintf("uid %d may not: only root and the user who started `enishi up`", p.uid), http.StatusForbidden)
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

func (a *Agent) readStatus() (hoststate.AgentStatus, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := hoststate.AgentStatus{Host: a.Host, Position: a.position, Networks: len(a.networks), Instances: []hoststate.InstanceStatus{}, Refused: map[string]string{}}
	for k, why := range a.refused {
		s.Refused[k.String()] = why
	}
	for _, id := range slices.Sorted(maps.Keys(a.instances)) {
		r := a.instances[id]
		s.Instances = append(s.Instances, hoststate.InstanceStatus{ID: id, State: r.stateNow(), Addresses: r.addresses})
	}
	var err error
	if s.Drops, err = a.dp.Drops(); err != nil {
		return s, fmt.Errorf("read drops: %w", err)
	}
	slices.SortFunc(s.Drops, func(x, y hoststate.Drop) int {
		return cmp.Or(cmp.Compare(x.Network, y.Network), cmp.Compare(x.Reason, y.Reason))
	})
	if s.Flows, err = a.dp.Flows(); err != nil {
		return s, fmt.Errorf("read flows: %w", err)
	}
	return s, nil
}

// stateNow is what the instance is at this moment: its first process may have died.
func (r *running) stateNow() hoststate.InstanceState {
	if r.process == nil {
		return hoststate.InstanceFailed
	}
	select {
	case <-r.process.Ended():
		return hoststate.InstanceFailed
	default:
		return r.state
	}
}

// exec gives the caller a connection to an instance's first process, on which it
// may ask for one command as itself. From then on the agent is out of the way.
func (a *Agent) exec(w http.ResponseWriter, r *http.Request) {
	var q instance.Request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&q); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	conn, err := a.enter(r.Context(), q.Instance)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	defer conn.Close()
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer c.Close()
	const head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: enishi-exec\r\n\r\n"
	if _, _, err := c.(*net.UnixConn).WriteMsgUnix([]byte(head), unix.UnixRights(int(conn.Fd())), nil); err != nil {
		a.Log.Warn("hand over instance", "err", err)
	}
}

func (a *Agent) enter(ctx context.Context, id string) (*os.File, error) {
	who, err := ctx.Value(peerKey{}).(peer).identity()
	if err != nil {
		return nil, fmt.Errorf("find out who asks: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.instances[id]
	if r == nil || r.process == nil {
		return nil, fmt.Errorf("no instance %s runs on this host: see `enishi status`", id)
	}
	if r.stateNow() != hoststate.InstanceRunning {
		return nil, errors.New("instance " + id + " has failed")
	}
	return r.process.Enter(who)
}
