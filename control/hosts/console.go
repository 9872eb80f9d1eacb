// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"net/http"

	"enishi.dev/enishi/control/body"
	"enishi.dev/enishi/hoststate"
)

// console takes in what an instance's script has written.
func (s *Server) console(w http.ResponseWriter, r *http.Request) {
	var c hoststate.Console
	if !body.Read(w, r, 2*hoststate.MaxConsole, &c) {
		return
	}
	if err := s.mayBe(r, c.Host, hoststate.RoleAgent); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	if len(c.Output) > hoststate.MaxConsole {
		http.Error(w, "more than is kept", http.StatusBadRequest)
		return
	}
	if err := s.Lifecycle.Console(r.Context(), c); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
