// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
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
	s := &http.Server{
		Handler:           http.HandlerFunc(g.handle),
		ReadHeaderTimeout: g.patience.head,
		IdleTimeout:       g.patience.idle,
		MaxHeaderBytes:    maxHead,
		ConnContext:       withConn,
		ErrorLog:          slog.NewLogLogger(g.Log.Handler(), slog.LevelDebug), // what tenants do wrong
		Protocols:         new(http.Protocols),
	}
	s.Protocols.SetHTTP1(true)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(g.queue) }()
	var err error
	select {
	case err = <-ended:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	if s.Shutdown(last) != nil {
		err = s.Close()
	}
	if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}
