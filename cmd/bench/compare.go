// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"time"
)

// compare measures one load between several pairs, in turn: A B C, B C A, …, so
// that what the machine does meanwhile falls on all.
type compare struct {
	load, unit string
	less       bool // is better
	rounds     int
	d          time.Duration
	at         placement

	// of each pair, a figure a round; ratios are to the first pair's, above 1 better
	xs, ratios [][]float64
}

func (c *compare) run(ctx context.Context, ends []pair) (err error) {
	c.xs, c.ratios = make([][]float64, len(ends)), make([][]float64, len(ends))
	for i := range c.rounds {
		if err := ctx.Err(); err != nil {
			return err
		}
		x := make([]float64, len(ends))
		for k := range ends {
			which := (i + k) % len(ends)
			if x[which], err = ends[which].measure(c.load, c.d, c.at); err != nil {
				return fmt.Errorf("%s to %s: %w", c.load, ends[which].host, err)
			}
		}
		for k := range ends {
			ratio := x[k] / x[0]
			if c.less {
				ratio = 1 / ratio
			}
			c.xs[k], c.ratios[k] = append(c.xs[k], x[k]), append(c.ratios[k], ratio)
		}
		fmt.Fprintf(os.Stderr, "  %s: %.1f %s\n", c.load, x, c.unit)
	}
	return nil
}

// against is the row of the last of the ends, which shall have want times what the
// first has.
func (c *compare) against(what, first string, want float64) row {
	last := len(c.xs) - 1
	return row{what, fmt.Sprint(want), fmt.Sprintf("%s; medians: %.1f %s, %s %.1f", about(c.ratios[last]),
		quantile(c.xs[last], 0.5), c.unit, first, quantile(c.xs[0], 0.5)), quantile(c.ratios[last], 0.5) >= want}
}

// between is against, with the pairs in the middle beside it. On one processor it is
// reported.
func (c *compare) between(what string, ends []pair, want float64) row {
	r := c.against(what, ends[0].name, want)
	for i := 1; i < len(ends)-1; i++ {
		r.got += fmt.Sprintf("; %s: %s", ends[i].name, about(c.ratios[i]))
	}
	if c.at == together {
		r.what, r.want, r.ok = what+", both ends on one processor", reported, true
	}
	return r
}

// about says the median of ratios, and how certain it is.
func about(ratios []float64) string {
	low, high := interval(ratios)
	return fmt.Sprintf("%.2f (%.2f to %.2f)", quantile(ratios, 0.5), low, high)
}

// interval is the two of xs, which it sorts, between which the median of any number of
// rounds like these lies, 95 times of 100: by their order alone, whatever they are
// distributed like (the sign test's interval).
func interval(xs []float64) (low, high float64) {
	slices.Sort(xs)
	half, off := float64(len(xs))/2, 1.96*math.Sqrt(float64(len(xs)))/2
	return xs[max(1, int(math.Round(half-off)))-1], xs[min(len(xs), int(math.Round(half+1+off)))-1]
}
