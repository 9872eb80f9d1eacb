// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"

	"enishi.dev/enishi/hoststate"
)

// Limits on a forwarded request: the gateway's own are lower.
const (
	maxForwardedHead = 256 << 10
	maxForwardedBody = 2 << 20
)

// forward answers a tenant's request: one line with its head and the facts, then
// its body.
func (s *Server) forward(w http.ResponseWriter, r *http.Request) {
	f, body, err := readForwarded(http.MaxBytesReader(w, r.Body, maxForwardedHead+maxForwardedBody))
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

func readForwarded(r io.Reader) (f hoststate.Forwarded, body []byte, err error) {
	all, err := io.ReadAll(r)
	if err != nil {
		return f, nil, err
	}
	line, body, found := bytes.Cut(all, []byte("\n"))
	if !found || len(line) >= maxForwardedHead {
		return f, nil, errors.New("the first line is missing or too long")
	}
	return f, body, json.Unmarshal(line, &f)
}
