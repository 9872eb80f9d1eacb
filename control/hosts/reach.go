// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"enishi.dev/enishi/control/order"
	"enishi.dev/enishi/hoststate/reach"
	"enishi.dev/enishi/peer"
)

// asking is somebody who waits for a connection to an agent.
type asking struct {
	who reach.Asker
	got chan net.Conn // nil: that one led nowhere
}

const (
	// offerLimit is how long an agent may take to offer a connection, from the one before.
	offerLimit = 5 * time.Second
	// readyLimit is how long it may take to say that it serves an offered one.
	readyLimit = 2 * time.Second
)

// offers is where the host's agent and those who ask for it meet.
func (s *Server) offers(host string) chan asking {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.meet[host]
	if c == nil {
		c = make(chan asking)
		s.meet[host] = c
	}
	return c
}

// offer takes an agent's connection and keeps it until somebody asks for it. Who
// speaks for the host is looked at again then.
func (s *Server) offer(w http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
		http.Error(w, "control ends", http.StatusServiceUnavailable)
	case a := <-s.offers(from(r)):
		if who, err := s.speaker(r); err != nil || who.host != from(r) {
			a.got <- nil
			http.Error(w, "another machine has taken its place", http.StatusForbidden)
			return
		}
		a.got <- s.takeOver(w, a.who)
	}
}

// takeOver makes the agent's request the connection, and tells it who asks; nil if
// the agent does not say that it serves.
func (s *Server) takeOver(w http.ResponseWriter, who reach.Asker) net.Conn {
	c, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil
	}
	line, err := json.Marshal(who)
	if err == nil {
		_ = c.SetDeadline(time.Now().Add(readyLimit))
		_, err = c.Write(append([]byte(reach.Head), append(line, '\n')...))
	}
	if err == nil {
		var ready byte
		if ready, err = buffered.ReadByte(); err == nil && ready != reach.Ready {
			err = fmt.Errorf("it says %q", ready)
		}
	}
	if err == nil {
		err = c.SetDeadline(time.Time{})
	}
	if err != nil {
		s.Log.Warn("take over an agent's connection", "err", err)
		c.Close()
		return nil
	}
	return &reach.Stream{Conn: c, R: buffered.Reader}
}

// reach returns a connection to the host's agent, for who asks.
func (s *Server) reach(ctx context.Context, host string, who reach.Asker) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, offerLimit)
	defer cancel()
	for {
		a := asking{who, make(chan net.Conn, 1)}
		select {
		case s.offers(host) <- a:
		case <-ctx.Done():
			return nil, errors.New(notHeard(host))
		}
		if c := <-a.got; c != nil {
			return c, nil
		}
	}
}

func notHeard(host string) string {
	return fmt.Sprintf("host %s is not heard: see `enishi host list`", host)
}

// agent joins an operator with the agent of another host.
func (s *Server) agent(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	switch _, known := s.Store.View().Hosts.Get(name); {
	case name == s.LocalHost:
		http.Error(w, "the agent of this machine listens on agent.sock", http.StatusBadRequest)
		return
	case !known:
		http.Error(w, fmt.Sprintf("there is no host %q: see `enishi host list`", name), http.StatusBadRequest)
		return
	}
	if !slices.Contains(s.LiveHosts(), name) {
		http.Error(w, notHeard(name), http.StatusServiceUnavailable)
		return
	}
	p, _ := peer.From(r.Context())
	there, err := s.reach(r.Context(), name, reach.Asker{Root: p.UID == 0})
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		there.Close()
		return
	}
	if _, err := here.Write([]byte(reach.Head)); err != nil {
		here.Close()
		there.Close()
		return
	}
	reach.Join(r.Context(), &reach.Stream{Conn: here, R: buffered.Reader}, there)
}

// where says on which host the instance or the interface in the query is.
func (s *Server) where(w http.ResponseWriter, r *http.Request) {
	q, v := r.URL.Query(), s.Store.View()
	id := q.Get("instance")
	if eni, ok := v.ENIs.Get(q.Get("interface")); ok && eni.Attachment != nil {
		id = string(eni.Attachment.Instance)
	}
	i, _ := v.Instances.Get(id)
	if _, known := v.Hosts.Get(i.Host); !known && i.Host != s.LocalHost {
		i.Host = "" // it was removed
	}
	answer(w, order.Place{Host: i.Host})
}
