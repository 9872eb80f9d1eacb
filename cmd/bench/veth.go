// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
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
// beside it, by each load; want is the ratio it shall have.
func (b *bench) pairs(want float64, what, first, second string, ends []pair) (rows []row, err error) {
	rounds, d := 21, 300*time.Millisecond
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
		c := compare{load: l.load, unit: l.unit, less: l.less, rounds: rounds, d: d}
		if err := c.run(ends); err != nil {
			return nil, err
		}
		m, beside := quantile(c.ratios[2], 0.5), quantile(c.ratios[1], 0.5)
		rows = append(rows, row{what + ": " + l.what, fmt.Sprintf("%.2f", want),
			fmt.Sprintf("%.2f, half of the rounds from %.2f to %.2f (medians: %.1f %s, %s %.1f); %s: %.2f", m, quantile(c.ratios[2], 0.25), quantile(c.ratios[2], 0.75),
				quantile(c.xs[2], 0.5), l.unit, first, quantile(c.xs[0], 0.5), second, beside), m >= want})
	}
	return rows, nil
}
