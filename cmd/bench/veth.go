// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

// veth holds two instances of one VPC against a bare veth pair, in turn, and says
// how a program that does nothing would fare.
func veth(ctx context.Context, b *bench) ([]row, error) {
	if err := b.ensure(ctx); err != nil {
		return nil, err
	}
	bare, clean, err := b.bare()
	defer func() { clean() }()
	if err != nil {
		return nil, err
	}
	floor, unwire, err := b.floor()
	defer func() { unwire() }()
	if err != nil {
		return nil, err
	}
	at, err := b.newPlace(ctx)
	if err != nil {
		return nil, err
	}
	server, address, err := b.launch(ctx, at)
	if err != nil {
		return nil, err
	}
	client, _, err := b.launch(ctx, at)
	if err != nil {
		return nil, err
	}
	ours := pair{host: address, client: func(args ...string) *exec.Cmd { return b.inside(client, args...) }}
	if ours.server, err = begin(b.inside(server, "serve")); err != nil {
		return nil, err
	}
	defer ours.server.end()
	rounds, d := 21, 300*time.Millisecond
	if b.quick {
		rounds = 5
	}
	ends := []pair{bare, floor, ours}
	var rows []row
	for _, l := range []struct {
		load, what, unit string
		less             bool // is better
	}{
		{"stream", "one stream", "Gbit/s", false},
		{"roundtrip", "request/response p50", "µs", true},
		{"connect", "connect and close", "a second", false},
	} {
		c := compare{load: l.load, unit: l.unit, less: l.less, rounds: rounds, d: d}
		if err := c.run(ends); err != nil {
			return nil, err
		}
		xs, ratios := c.xs, c.ratios
		m, best := quantile(ratios[2], 0.5), quantile(ratios[1], 0.5)
		rows = append(rows, row{"instance to instance against a bare veth pair: " + l.what, "0.95",
			fmt.Sprintf("%.2f, half of the rounds from %.2f to %.2f (medians: %.1f %s, bare %.1f); a program that only redirects: %.2f", m,
				quantile(ratios[2], 0.25), quantile(ratios[2], 0.75), quantile(xs[2], 0.5), l.unit, quantile(xs[0], 0.5), best), m >= 0.95})
	}
	return rows, nil
}
