// SPDX-License-Identifier: Apache-2.0

package services

import (
	"log/slog"
	"net/http"
	"time"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/protocol"
)

// table holds the services in the box by signing name. It is the whole set; a
// service is a package of this room and one row here.
var table = map[string]http.Handler{}

// handler routes each request to the service it is for.
type handler struct {
	table map[string]http.Handler
	log   *slog.Logger
}

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	head := protocol.Read(r)
	if s, ok := h.table[head.Service]; ok {
		s.ServeHTTP(w, r)
		return
	}
	id := protocol.NewRequestID()
	head.Protocol.WriteError(w, id, refusal(head.Service))
	h.log.Debug("not implemented", "request", id, "service", head.Service, "action", head.Action, "duration", time.Since(begun))
}

// refusal: whoever does not sign names no service either, where the address does not.
func refusal(service string) *awserr.Error {
	if service == "" {
		return awserr.New("MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	return awserr.New("NotImplemented", "The service %s is not available here.", service)
}
