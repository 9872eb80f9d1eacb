// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/vpc"
)

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a peer that has gone needs no answer
}

func (s *Server) bootstrap(w http.ResponseWriter, _ *http.Request) { answer(w, s.Bootstrap) }

// ready answers when the local host's processes have come to where control was
// when it was asked.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	want := position(s.Store.View())
	for {
		s.mu.Lock()
		reached, changed := s.reached(want), s.changed
		s.mu.Unlock()
		if reached {
			w.WriteHeader(http.StatusOK)
			return
		}
		select {
		case <-r.Context().Done():
			http.Error(w, "control ends", http.StatusServiceUnavailable) // silence would be a 200
			return
		case <-changed:
		}
	}
}

func (s *Server) reached(want hoststate.Position) bool {
	h := s.hosts[s.LocalHost]
	if h == nil {
		return false
	}
	for _, role := range []hoststate.Role{hoststate.RoleAgent, hoststate.RoleGateway} {
		if p := h.positions[role]; p.Incarnation != want.Incarnation || p.Revision < want.Revision {
			return false
		}
	}
	return true
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	v := s.Store.View()
	out := hoststate.ControlStatus{Position: position(v), Hosts: []hoststate.HostStatus{}, NotYet: notYet(v.Endpoints.All(), v.Instances.All())}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.hosts)) {
		h := s.hosts[name]
		st := hoststate.HostStatus{
			Name: name, Live: slices.Contains(s.live, name), Refused: map[string]string{},
			Agent: h.positions[hoststate.RoleAgent], Gateway: h.positions[hoststate.RoleGateway],
		}
		for _, m := range h.refused {
			maps.Copy(st.Refused, m)
		}
		out.Hosts = append(out.Hosts, st)
	}
	answer(w, out)
}

// notYet says, a sentence each, what is wanted and does not hold.
func notYet(endpoints func(func(vpc.Endpoint) bool), instances func(func(vpc.Instance) bool)) []string {
	lines := []string{}
	for e := range endpoints {
		switch e.State() {
		case "pending":
			lines = append(lines, fmt.Sprintf("endpoint %s in %s is not reached under all its names yet", e.ID, e.VPC))
		case "deleting":
			lines = append(lines, fmt.Sprintf("endpoint %s in %s is being withdrawn", e.ID, e.VPC))
		}
	}
	for i := range instances {
		switch i.State().Name {
		case "pending":
			line := fmt.Sprintf("instance %s does not run yet on %s", i.ID, i.Host)
			if i.Status.Reason != "" {
				line += ": " + i.Status.Reason
			}
			lines = append(lines, line)
		case "shutting-down":
			lines = append(lines, fmt.Sprintf("instance %s is being ended on %s", i.ID, i.Host))
		}
	}
	return lines
}
