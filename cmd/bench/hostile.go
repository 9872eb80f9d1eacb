// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"enishi.dev/enishi/cmd/attack"
)

// hostile measures what others notice of an instance that attacks: one of its own
// VPC, and one of another VPC of the host. Quiet and attack, in turn; the figure is
// the ratio of p99. One attack is none, which says how far from 1 figures are by chance.
// Two only burn as many processors as others need for sending: what a machine with no
// more loses by that alone.
func hostile(ctx context.Context, b *bench) ([]row, error) {
	if err := b.ensure(ctx); err != nil {
		return nil, err
	}
	s, err := b.siege(ctx)
	defer s.end()
	if err != nil {
		return nil, err
	}
	rounds := 15
	if b.quick {
		rounds = 3
	}
	var rows []row
	idle := b.resident()
	most := maps.Clone(idle)
	alone := map[int]*outcome{} // what burning costs, by processors
	for _, one := range attack.All() {
		if b.attacks != "" && !slices.Contains(strings.Split(b.attacks, ","), one.Name) {
			continue
		}
		o, err := s.rounds(ctx, one, rounds)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", one.Name, err)
		}
		for name, kb := range o.memory {
			most[name] = max(most[name], kb)
		}
		fmt.Fprintf(os.Stderr, "  memory: %v\n", o.memory)
		if one.Burns {
			alone[one.Cores] = o
		}
		rows = append(rows, o.row(one, alone[one.Cores]))
	}
	var memory []string
	bounded := true
	for _, name := range []string{"agent", "control", "gateway", "services"} {
		memory = append(memory, fmt.Sprintf("%s %d to %d MiB", name, idle[name]>>10, most[name]>>10))
		bounded = bounded && most[name] < memoryBound
	}
	return append(rows, row{"resident memory before and at most under attack", fmt.Sprintf("%d MiB each", memoryBound>>10), strings.Join(memory, ", "), bounded}), nil
}

const memoryBound = 256 << 10 // KiB

// outcome is what one attack did to the others.
type outcome struct {
	noticed [][]noticed // by neighbourhood and service
	failed  int
	sent    int64
	refused int64
	drops   map[string]uint64
	memory  map[string]int
}

func (s *siege) rounds(ctx context.Context, one attack.Attack, rounds int) (*outcome, error) {
	o := &outcome{memory: map[string]int{}, drops: map[string]uint64{}}
	for range neighbourhoods {
		o.noticed = append(o.noticed, make([]noticed, len(services)))
	}
	before, err := s.drops()
	if err != nil {
		return o, err
	}
	for range rounds {
		if err := ctx.Err(); err != nil {
			return o, err
		}
		quiet, err := s.suffer()
		if err != nil {
			return o, err
		}
		under, err := s.under(one, o)
		if err != nil {
			return o, err
		}
		for k := range neighbourhoods {
			for i := range services {
				o.noticed[k][i].add(quiet[k].Took[i], under[k].Took[i])
				o.failed += under[k].Failed[i]
			}
		}
	}
	after, err := s.drops()
	if err != nil {
		return o, err
	}
	for reason, n := range after {
		if n > before[reason] {
			o.drops[reason] = n - before[reason]
		}
	}
	fmt.Fprintf(os.Stderr, "  %s: p99 %.0f, sent %d, drops %v\n", one.Name, o.noticed, o.sent, o.drops)
	return o, nil
}

// row says what the others noticed, and what was counted.
func (o *outcome) row(one attack.Attack, alone *outcome) row {
	worst := 0.0
	var said []string
	for k, where := range neighbourhoods {
		var list []string
		for i, service := range services {
			n := o.noticed[k][i]
			low, high := n.interval()
			worst = max(worst, n.ratio())
			figure := fmt.Sprintf("%s %.1f (%.1f to %.1f)", service, n.ratio(), low, high)
			if alone != nil && alone != o {
				figure += fmt.Sprintf(" beside %.1f", alone.noticed[k][i].ratio())
			}
			list = append(list, figure)
		}
		said = append(said, where+": "+strings.Join(list, ", "))
	}
	counted, drops := uint64(0), []string{}
	for reason, n := range o.drops {
		counted += n
		drops = append(drops, fmt.Sprintf("%s %d", reason, n))
	}
	slices.Sort(drops)
	ok := worst <= 2 && o.failed == 0
	said = append(said, fmt.Sprintf("sent %d, dropped: %s", o.sent, strings.Join(drops, ", ")))
	if one.Reason != "" && o.drops[one.Reason] < uint64(o.sent) {
		ok = false
		said = append(said, fmt.Sprintf("not counted as %s: %d", one.Reason, uint64(o.sent)-o.drops[one.Reason]))
	}
	if o.failed > 0 {
		said = append(said, fmt.Sprintf("failed: %d", o.failed))
	}
	want := "2 times at most"
	if one.Burns {
		want = reported
	}
	return row{"p99 of others under " + one.Name, want, strings.Join(said, "; "), ok}
}
