// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi.dev/enishi/hoststate"
)

// joinAndServe runs this machine as a host until ctx ends.
func (a *app) joinAndServe(ctx context.Context, o joinOptions) error {
	if _, err := tunnelAddress(o.tunnel); err != nil {
		return err
	}
	return a.withRunDir(upOptions{dataDir: o.dataDir, tunnel: o.tunnel}, func(u *upRun) error {
		m, err := o.member(ctx)
		if err != nil {
			return err
		}
		r, err := m.relay()
		if err != nil {
			return err
		}
		r.control, r.log = o.control, u.log
		if err := u.writeCA(m.CA); err != nil {
			return err
		}
		socket, err := u.listenUnix("unix", controlSocket)
		if err != nil {
			return err
		}
		l, err := net.FileListener(socket)
		if err != nil {
			return err
		}
		parts, err := u.prepareHost(o.name, o.tunnel, nil)
		if err != nil {
			l.Close()
			return err
		}
		renews := &renewer{m: m, dir: o.dataDir, relay: r, now: time.Now, log: u.log}
		return u.serveHost(ctx, o.name, parts, renews, l)
	})
}

// serveHost runs the parts, and for as long as they need it the relay, whose
// certificates are renewed.
func (u *upRun) serveHost(ctx context.Context, name string, parts []part, renews *renewer, l net.Listener) error {
	s := &supervisor{log: u.log}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return renews.relay.run(ctx, l) })
	g.Go(func() error { return renews.run(ctx) })
	s.run(ctx, g, parts)
	g.Go(func() error {
		begun := time.Now()
		if !u.awaitHost(ctx) {
			return nil // ended meanwhile, or a part did and says why
		}
		s.ready.Store(true)
		fmt.Fprintf(u.stderr, "enishi host %s is ready after %d ms\n", name, time.Since(begun).Milliseconds())
		return nil
	})
	return g.Wait()
}

// awaitHost waits until agent and gateway hold what control wants; false if ctx
// ends before.
func (u *upRun) awaitHost(ctx context.Context) bool {
	begun, told := time.Now(), false
	for {
		if time.Since(begun) > 3*time.Second && !told {
			fmt.Fprintf(u.stderr, "waiting for control; %s says what it answers\n", u.path(logDir+"/agent.log"))
			told = true
		}
		var doing hoststate.AgentStatus
		var serving hoststate.GatewayStatus
		if getJSON(ctx, u.path(agentSocket), "/v1/status", &doing) == nil && getJSON(ctx, u.path(gatewaySocket), "/v1/status", &serving) == nil &&
			doing.Position.Revision > 0 && serving.Position.Revision > 0 {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
}
