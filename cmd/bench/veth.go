// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"slices"
	"time"

	"enishi.dev/enishi/netns"
)

// veth holds two instances of one VPC against a bare veth pair, in turn, and says
// how a program that does nothing would fare, and a bare pair that takes as much of a
// stream at once.
func veth(ctx context.Context, b *bench) ([]row, error) {
	if err := b.ensure(ctx); err != nil {
		return nil, err
	}
	bare, clean, err := b.bare("bare", netns.UsualBurst)
	defer func() { clean() }()
	if err != nil {
		return nil, err
	}
	wide, cleanWide, err := b.bare("a bare pair with our bursts", netns.MostBurst)
	defer func() { cleanWide() }()
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
	return b.pairs(ctx, 0.97, "instance to instance against a bare veth pair", []pair{bare, floor, ours}, map[string]pair{"stream": wide})
}

// pairs compares the last of the pairs with the first, and names those in the middle
// beside it, by each load; of a load that another one has been named for that, too. want
// is the ratio it shall have with a processor for each end. Where both have to do with
// one, every step that ours has more is seen.
func (b *bench) pairs(ctx context.Context, want float64, what string, all []pair, another map[string]pair) (rows []row, err error) {
	const d = 100 * time.Millisecond
	for _, l := range []struct {
		load, what, unit string
		less             bool // is better
		rounds           int  // of those that have a bound: as many as tell three hundredths apart
	}{
		{"stream", "one stream", "Gbit/s", false, 45},
		{"roundtrip", "request/response p50", "µs", true, 135},
		{"connect", "connect and close", "a second", false, 135},
	} {
		ends := all
		if p, ok := another[l.load]; ok {
			ends = slices.Insert(slices.Clone(all), 1, p)
		}
		for _, at := range []placement{apart, together} {
			c := compare{load: l.load, unit: l.unit, less: l.less, rounds: l.rounds, d: d, at: at}
			if at == together {
				c.rounds = 15
			}
			if b.quick {
				c.rounds = 5
			}
			if err := c.run(ctx, ends); err != nil {
				return nil, err
			}
			rows = append(rows, c.between(what+": "+l.what, ends, want))
		}
	}
	return rows, nil
}
