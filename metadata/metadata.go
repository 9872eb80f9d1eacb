// SPDX-License-Identifier: Apache-2.0

// Package metadata answers what an instance asks of itself, as AWS's instance
// metadata service does. Who asks is the caller's to know, by the network: what
// a request says of it is never believed. It opens no socket and keeps nothing of
// instances.
package metadata

import (
	"net/http"
	"strconv"
	"time"

	"enishi.dev/enishi/hoststate"
)

// The headers of tokens.
const (
	headerToken = "X-Aws-Ec2-Metadata-Token"
	headerTTL   = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
)

// Server answers for any number of instances.
type Server struct {
	key []byte // of tokens
	now func() time.Time
}

// New returns a server whose tokens are good for itself alone. key must be secret
// and of 32 bytes; now is the clock by which tokens end.
func New(key [32]byte, now func() time.Time) *Server { return &Server{key[:], now} }

// Request is one question with who asks it.
type Request struct {
	*http.Request
	From *hoststate.Metadata // the instance that asks
	IPv6 bool                // over which it asks
	// Hops is called before an answer that may go only so far.
	Hops func(n uint8)
}

// Serve answers one request.
func (s *Server) Serve(w http.ResponseWriter, r Request) {
	h := w.Header()
	h.Set("Server", "EC2ws")
	h.Set("Content-Type", "text/plain")
	path, ok := parsePath(r.URL.Path)
	switch {
	case r.From.Off || r.IPv6 && !r.From.IPv6:
		refuse(w, http.StatusForbidden)
	case !ok:
		refuse(w, http.StatusNotFound)
	case path == tokenPath:
		s.serveToken(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed)
	case !s.admits(r):
		refuse(w, http.StatusUnauthorized)
	default:
		serveFile(w, r, path)
	}
}

// serveToken gives a token to who asks for one by PUT. Who came through a proxy
// gets none, and the packets of the answer go no further than the instance lets them.
func (s *Server) serveToken(w http.ResponseWriter, r Request) {
	if r.Method != http.MethodPut {
		w.Header().Set("Allow", "OPTIONS, PUT")
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	if r.Header.Values("X-Forwarded-For") != nil {
		refuse(w, http.StatusForbidden)
		return
	}
	ttl, ok := parseTTL(r.Header.Values(headerTTL))
	if !ok {
		refuse(w, http.StatusBadRequest)
		return
	}
	r.Hops(r.From.Hops)
	w.Header().Set(headerTTL, strconv.Itoa(ttl))
	w.Header().Set("Connection", "close") // nothing else goes over a connection of so few hops
	write(w, r, s.token(r.From.Instance, time.Duration(ttl)*time.Second))
}

// admits says whether the request has a token that is good, or needs none.
func (s *Server) admits(r Request) bool {
	tokens := r.Header.Values(headerToken)
	if len(tokens) == 0 {
		return !r.From.TokenRequired
	}
	return len(tokens) == 1 && s.good(tokens[0], r.From.Instance)
}

func serveFile(w http.ResponseWriter, r Request, path string) {
	if rest, ok := cutVersion(path); ok && rest == userData && len(r.From.UserData) > 0 {
		w.Header().Set("Content-Type", "application/octet-stream")
		write(w, r, string(r.From.UserData))
		return
	}
	text, ok := read(r.From, path)
	if !ok {
		refuse(w, http.StatusNotFound)
		return
	}
	write(w, r, text)
}

func write(w http.ResponseWriter, r Request, text string) {
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Header().Set("Accept-Ranges", "none")
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(text)) // who has gone does not need it
	}
}

// refuse answers with AWS's page for the status.
func refuse(w http.ResponseWriter, status int) {
	title := strconv.Itoa(status) + " - " + http.StatusText(status)
	page := `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
	"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>` + title + `</title>
 </head>
 <body>
  <h1>` + title + `</h1>
 </body>
</html>
`
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(page))
}
