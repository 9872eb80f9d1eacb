// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// limits is what whoever reaches control may take of it.
type limits struct {
	piece     time.Duration // for each piece of a request's body
	strangers int           // connections at once that speak for no host
	stay      time.Duration // how long one may last
}

func usualLimits() limits {
	return limits{piece: 10 * time.Second, strangers: 256, stay: 30 * time.Second}
}

// strangers are the connections of other machines that have not spoken for a host, by its
// certificate, yet. Each takes a file, which hosts need, too, and joining takes a moment.
type strangers struct {
	limits
	places chan struct{}
	log    *slog.Logger
	said   time.Time // when the log was last told that one was turned away
}

type knownKey struct{}

// admit gives a place to a connection that comes; one too many is closed. It is called for
// one after the other.
func (s *strangers) admit(ctx context.Context, c net.Conn) context.Context {
	select {
	case s.places <- struct{}{}:
	default:
		if c.Close(); time.Since(s.said) > time.Minute {
			s.said = time.Now()
			s.log.Warn("connections are closed: too many machines that are no hosts keep one", "from", c.RemoteAddr())
		}
		return ctx
	}
	over := time.AfterFunc(s.stay, func() { c.Close() })
	leave := func() { over.Stop(); <-s.places }
	// The context may end first, and an answer wait for a caller who reads nothing.
	stop := context.AfterFunc(ctx, func() { c.Close(); leave() })
	return context.WithValue(ctx, knownKey{}, func() {
		if stop() {
			leave()
		}
	})
}

// noStranger says that the request came by a host's certificate.
func noStranger(r *http.Request) {
	if known, ok := r.Context().Value(knownKey{}).(func()); ok {
		known()
	}
}
