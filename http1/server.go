// SPDX-License-Identifier: Apache-2.0

// Package http1 is HTTP/1.1 between the parts of enishi and for those who ask them:
// a server for [http.Handler]s, and a client for unix sockets. Heads and bodies are
// read by net/http; a connection is served, and an answer waited for, by the one
// goroutine that has the request, without another that reads beside it, a context
// or deadlines for each request. That is what a request costs most in net/http's
// own server and transport once it is handed on over a socket.
package http1

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"enishi.dev/enishi/accept"
)

// Server answers requests by a handler. It differs from net/http's in these:
//
//   - A request's context is its connection's. It ends when the caller goes, when
//     serving ends, and when the connection does, but not with the request.
//   - Whether the caller has gone is looked at once a request takes longer than
//     [watchAfter].
//   - Answers have no trailers and no type but those that the handler sets, and
//     are not 1xx.
//
// Deadlines of a handler ([http.ResponseController]) are kept up to a quarter late.
type Server struct {
	Handler http.Handler
	Head    time.Duration // for a TLS handshake, and for a request's head; 0: any
	Idle    time.Duration // between requests; 0: any
	Piece   time.Duration // for each piece of a body, unless the handler sets a deadline; 0: any
	Goodbye time.Duration // for requests under way when serving ends
	MaxHead int           // bytes of a request's head, about
	// Context adds to the context of a connection what handlers look for; nil: nothing.
	Context func(context.Context, net.Conn) context.Context
	// Turn waits until a request, of which the first byte is there, may be read and
	// answered; the end of that is told by calling done. An error ends the connection.
	// nil: at once.
	Turn func(context.Context) (done func(), err error)
	Log  *slog.Logger // what callers do wrong (debug), and handlers (error)
}

// Serve serves the listener's connections until ctx ends; it closes the listener.
// When it returns, every connection that no handler has taken over is closed and
// every handler has ended. The error is the listener's, nil when ctx has ended.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	open := serving{conns: map[*conn]struct{}{}}
	err := accept.Each(ctx, l, s.Log, func(nc net.Conn) { open.serve(newConn(base, s, nc)) })
	open.end(s.Goodbye, cancel)
	return err
}
