// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"time"

	"enishi.dev/enishi/accept"
	"enishi.dev/enishi/hoststate/reach"
	"enishi.dev/enishi/peer"
)

// relay is control.sock on a host where control is not: what its agent and its
// gateway say goes to control as it is, over TLS, each by the certificate of its
// own. So neither has a key, and the gateway opens no socket to any network.
type relay struct {
	control string // HOST:PORT
	log     *slog.Logger

	mu sync.Mutex
	as map[int]*tls.Config // by the user at the other end
}

// config is how connections of the user go on; nil: not at all.
func (r *relay) config(uid int) *tls.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.as[uid]
}

// use makes connections go on in another way from now on.
func (r *relay) use(as map[int]*tls.Config) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.as = as
}

// Control that restarts is back within a second; the sender waits as long as
// others do for a socket on which nobody listens.
const relayPatience = 3 * time.Second

// run relays until ctx ends, and returns when every connection is closed.
func (r *relay) run(ctx context.Context, l net.Listener) error {
	var open sync.WaitGroup
	defer open.Wait()
	return accept.Each(ctx, l, r.log, func(c net.Conn) {
		open.Go(func() { r.serve(ctx, c) })
	})
}

func (r *relay) serve(ctx context.Context, c net.Conn) {
	defer c.Close()
	p, err := peer.Of(c)
	config := r.config(p.UID)
	if err != nil || config == nil {
		r.log.Warn("peer refused", "uid", p.UID, "err", err)
		return
	}
	up, err := r.dial(ctx, config)
	if err != nil {
		r.log.Warn("reach control", "control", r.control, "err", err)
		return
	}
	reach.Join(ctx, c, up) // an end of either is the end of both
}

// dial reaches control, and tries again for a while if it is not there.
func (r *relay) dial(ctx context.Context, config *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, relayPatience)
	defer cancel()
	d := tls.Dialer{Config: config}
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		c, err := d.DialContext(ctx, "tcp", r.control)
		if err == nil {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(wait):
		}
	}
}
