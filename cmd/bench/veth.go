// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
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
	ours, err := b.instances(b.run, client, b.run, server, address)
	defer ours.end()
	if err != nil {
		return nil, err
	}
	return b.pairs(0.97, "instance to instance against a bare veth pair", "bare", "a program that only redirects", []pair{bare, floor, ours})
}

// pairs compares the last of three ends with the first, and names the second
// beside it, by each load; want is the ratio it shall have with a processor for each
// end. Where both have to do with one, every step that ours has more is seen.
func (b *bench) pairs(want float64, what, first, second string, ends []pair) (rows []row, err error) {
	rounds, d := 45, 100*time.Millisecond
	if b.quick {
		rounds = 5
	}
	for _, l := range []struct {
		load, what, unit string
		less             bool // is better
	}{
		{"stream", "one stream", "Gbit/s", false},
		{"roundtrip", "request/response p50", "µs", true},
		{"connect", "connect and close", "a second", false},
	} {
		for _, at := range []placement{apart, together} {
			c := compare{load: l.load, unit: l.unit, less: l.less, rounds: rounds, d: d, at: at}
			if err := c.run(ends); err != nil {
				return nil, err
			}
			rows = append(rows, c.between(what+": "+l.what, first, second, want))
		}
	}
	return rows, nil
}
