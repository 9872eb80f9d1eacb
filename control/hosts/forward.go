// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"

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
	w.WriteHeader(status)
	_, _ = w.Write(answer) // a gateway that has gone needs no answer
}

func readForwarded(r io.Reader) (f hoststate.Forwarded, body []byte, err error) {
	b := bufio.NewReaderSize(r, maxForwardedHead)
	line, err := b.ReadSlice('\n')
	if err != nil {
		return f, nil, errors.New("the first line is missing or too long")
	}
	if err := json.Unmarshal(line, &f); err != nil {
		return f, nil, err
	}
	body, err = io.ReadAll(b)
	return f, body, err
}
