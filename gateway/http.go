// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"enishi.dev/enishi/http1"
)

// Limits of HTTP, for endpoints and the public entry alike.
const (
	maxHead = 16 << 10
	maxBody = 1 << 20 // of a request for control: a form
	goodbye = time.Second
)

// patience is how long a tenant may take.
type patience struct {
	head time.Duration // for a TLS handshake, and for a request's head
	idle time.Duration // between requests
	body time.Duration // for each piece of a body, either way
}

func usualPatience() patience {
	return patience{head: 10 * time.Second, idle: 60 * time.Second, body: 30 * time.Second}
}

// serveHTTP serves the connections of the queue until ctx ends and all are closed.
func (g *gateway) serveHTTP(ctx context.Context) error {
	s := &http1.Server{
		Handler: http.HandlerFunc(g.handle),
		Head:    g.patience.head,
		Idle:    g.patience.idle,
		Piece:   g.patience.body,
		Goodbye: goodbye,
		MaxHead: maxHead,
		Context: withConn,
		Turn:    turnOf,
		Log:     g.Log,
	}
	if err := s.Serve(ctx, g.queue); err != nil {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return ctx.Err()
}

// turnOf waits for the turn of a request of the connection in ctx.
func turnOf(ctx context.Context) (done func(), err error) {
	if c := connIn(ctx); c.turn != nil {
		return c.turn(ctx)
	}
	return func() {}, nil
}
