// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"bytes"
	"net/http"

	"enishi.dev/enishi/control/order"
	"enishi.dev/enishi/store"
)

// renew signs the host's next key. The one before is good until the host says, by
// the next one, that it has it: nothing is lost with an answer.
func (s *Server) renew(w http.ResponseWriter, r *http.Request) {
	var o order.Renew
	csr, ok := readRequest(w, r, &o, &o.CSR)
	if !ok {
		return
	}
	key := digest(csr.RawSubjectPublicKeyInfo)
	if s.rollKey(w, r, func(h *store.Host, by []byte) { h.Key, h.Next = by, key }) {
		s.answerCertificates(w, from(r), csr)
	}
}

// renewed ends the key before the one by which it is asked. If there is none, or the
// one before asks, nothing changes.
func (s *Server) renewed(w http.ResponseWriter, r *http.Request) {
	ended := false
	roll := func(h *store.Host, by []byte) {
		if ended = bytes.Equal(by, h.Next); ended {
			h.Key, h.Next = by, nil
		}
	}
	if !s.rollKey(w, r, roll) {
		return
	}
	if ended {
		s.Log.Info("host has another key", "host", from(r))
	}
	w.WriteHeader(http.StatusNoContent)
}

// rollKey changes the keys of the host that asks, which is still known by the one
// it asks by; or else says why not.
func (s *Server) rollKey(w http.ResponseWriter, r *http.Request, roll func(h *store.Host, by []byte)) bool {
	who, err := s.speaker(r)
	if err == nil {
		err = s.Store.Decide(r.Context(), func(tx *store.Tx) error {
			h, ok := tx.Hosts.Get(who.host)
			if !ok || !bytes.Equal(who.key, h.Key) && !bytes.Equal(who.key, h.Next) {
				return errNotKnown
			}
			roll(&h, who.key)
			tx.Hosts.Put(h)
			return nil
		})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
	return err == nil
}
