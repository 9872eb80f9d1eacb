// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"maps"
	"net/http"
	"strconv"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/http1"
)

// maxForwarded is far more than a gateway lets through.
const maxForwarded = 2 << 20

// forward answers a tenant's request.
func (s *Server) forward(w http.ResponseWriter, r *http.Request) {
	message, err := http1.Whole(nil, w, r, maxForwarded)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f, body, err := hoststate.ReadForwarded(message)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.Facts.Host = from(r)
	status, header, answer := s.API.ServeForwarded(r.Context(), f, body)
	maps.Copy(w.Header(), header)
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	w.WriteHeader(status)
	_, _ = w.Write(answer) // a gateway that has gone needs no answer
}
