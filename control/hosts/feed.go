// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"enishi.dev/enishi/control/body"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
)

// heartbeat is how often a stream without news carries an empty line.
const heartbeat = 5 * time.Second

// feed sends one process of a host its units, and then what changes of them, for
// as long as it listens. The first delta is full, unless the process says that it
// is where control is.
func (s *Server) feed(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	name, role := q.Get("host"), hoststate.Role(q.Get("role"))
	if err := s.mayBe(r, name, role); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	if role == hoststate.RoleAgent {
		if err := s.setTunnel(r.Context(), name, q.Get("tunnel")); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
	}
	revision, _ := strconv.ParseInt(q.Get("revision"), 10, 64)
	st := s.join(name, role, hoststate.Position{Incarnation: q.Get("incarnation"), Revision: revision})
	if st == nil {
		http.Error(w, fmt.Sprintf("host %q was removed", name), http.StatusForbidden)
		return
	}
	defer s.leave(name, st)
	w.Header().Set("Content-Type", "application/x-ndjson")
	out, flush := json.NewEncoder(w), http.NewResponseController(w)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-r.Context().Done():
			return
		case <-st.ended:
			return
		case <-st.dirty:
			err = out.Encode(st.take())
		case <-beat.C:
			if s.mayBe(r, name, role) != nil {
				return // another machine has taken its place
			}
			_, err = w.Write([]byte("\n"))
		}
		if err == nil {
			err = flush.Flush()
		}
		if err != nil {
			return
		}
	}
}

// join registers a stream of the host, with everything in it that it lacks; nil if the
// host was removed since the stream was let in.
func (s *Server) join(name string, role hoststate.Role, at hoststate.Position) *stream {
	st := newStream(role)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isHost(name) {
		return nil
	}
	h, known := s.hosts[name]
	if !known {
		h = newHost(name)
		s.hosts[name] = h
	}
	h.hear(role)
	s.judge() // a host whose agent comes is live from now on
	if !known {
		s.update(h, store.Step{View: s.view, All: true})
		h.restated = hoststate.Position{} // nobody was told others before
	}
	h.streams[st] = struct{}{}
	p := position(s.view)
	if at == p && at != h.restated {
		st.push(p, nil, nil)
	} else {
		st.next.Full = true
		st.push(p, slices.Collect(maps.Values(h.compiler.Units())), nil)
	}
	return st
}

func (s *Server) leave(name string, st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.hosts[name]; h != nil {
		delete(h.streams, st)
	}
}

const maxReport = 16 << 20

// report takes in what a process of a host says.
func (s *Server) report(w http.ResponseWriter, r *http.Request) {
	var rep hoststate.Report
	if !body.Read(w, r, maxReport, &rep) {
		return
	}
	if err := s.mayBe(r, rep.Host, rep.Role); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	s.mu.Lock()
	if h := s.hosts[rep.Host]; h != nil {
		h.hear(rep.Role)
		h.positions[rep.Role] = rep.Position
		if rep.Full || h.refused[rep.Role] == nil {
			h.refused[rep.Role] = map[string]string{}
		}
		for k, why := range rep.Refused {
			if why == "" {
				delete(h.refused[rep.Role], k)
			} else {
				h.refused[rep.Role][k] = why
			}
		}
	}
	s.tell()
	s.mu.Unlock()
	s.Lifecycle.Report(rep)
	w.WriteHeader(http.StatusNoContent)
}

// Believe says whether what a gateway says of a request can be true: its host
// must hold the endpoint, or know a way out of the network, and have the source in it.
func (s *Server) Believe(f hoststate.Facts) error {
	if f.Endpoint == "" && f.Network == "" && f.Host == s.LocalHost {
		return nil // the public entry
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hosts[f.Host]
	if h == nil {
		return fmt.Errorf("host %s is not known", f.Host)
	}
	if err := h.leads(f); err != nil {
		return err
	}
	if h.callers[caller{f.Network, f.Source}] == 0 {
		return fmt.Errorf("nobody in %s has the address %s", f.Network, f.Source)
	}
	return nil
}

// leads says whether the host has the way by which the request is said to have come.
func (h *host) leads(f hoststate.Facts) error {
	units := h.compiler.Units()
	if f.Endpoint == "" {
		n, _ := units[hoststate.Key{Kind: hoststate.KindNetwork, ID: f.Network}].(*hoststate.Network)
		if n == nil || n.Gateway == "" {
			return fmt.Errorf("host %s knows no internet gateway of %s", h.name, f.Network)
		}
		return nil
	}
	e, _ := units[hoststate.Key{Kind: hoststate.KindEndpoint, ID: f.Endpoint}].(*hoststate.Endpoint)
	if e == nil || e.Network == "" || e.Network != f.Network {
		return fmt.Errorf("host %s has no endpoint %s in %s", h.name, f.Endpoint, f.Network)
	}
	return nil
}
