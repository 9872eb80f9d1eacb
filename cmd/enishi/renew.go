// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"enishi.dev/enishi/control/order"
)

// renewer has a machine's certificates renewed at half their life, each time with
// another key, for as long as it is a host.
type renewer struct {
	m     membership
	dir   string // where m is kept
	relay *relay
	now   func() time.Time
	log   *slog.Logger
	// used is when the newest key came into use; zero once control knows.
	used time.Time
}

const (
	renewEvery = time.Minute // it looks
	// longestLife is taken for the life of what holds longer: certificates were once
	// given for as long as the authority holds.
	longestLife = 90 * 24 * time.Hour
	// moveLimit is how long connections by the key before may take to make way: idle
	// ones end in half of it, and control ends each of the others with its next answer.
	moveLimit = 2 * time.Minute
)

// run renews until ctx ends. While control is away, or refuses, it tries again.
func (r *renewer) run(ctx context.Context) error {
	r.used = r.now() // an earlier run may have ended before it said so
	t := time.NewTicker(renewEvery)
	defer t.Stop()
	for {
		if err := r.step(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("renew this host's certificates; it is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// step does what is due.
func (r *renewer) step(ctx context.Context) error {
	if !r.used.IsZero() && r.now().Sub(r.used) >= moveLimit {
		if err := askControl(ctx, r.dial, "/v1/renewed", struct{}{}, nil); err != nil {
			return fmt.Errorf("end the key before: %w", err)
		}
		r.used = time.Time{}
	}
	from, to, err := r.m.holds()
	if err != nil {
		return err
	}
	if r.now().Before(from.Add(min(to.Sub(from), longestLife) / 2)) {
		return nil
	}
	return r.renew(ctx)
}

// renew has a new key signed. It is kept before it is used, so that this machine is
// never without one that control knows.
func (r *renewer) renew(ctx context.Context) error {
	next := r.m
	var csr string
	var err error
	if next.Key, csr, err = newHostKey(); err != nil {
		return err
	}
	if err := askControl(ctx, r.dial, "/v1/renew", order.Renew{CSR: csr}, &next.Joined); err != nil {
		return err
	}
	as, err := next.configs()
	if err != nil {
		return err
	}
	if err := writeMembership(r.dir, next); err != nil {
		return err
	}
	r.m, r.used = next, r.now()
	r.relay.use(as)
	r.log.Info("this host's certificates are new")
	return nil
}

// dial reaches control as this host's agent.
func (r *renewer) dial(ctx context.Context) (net.Conn, error) {
	return r.relay.dial(ctx, r.relay.config(0))
}
