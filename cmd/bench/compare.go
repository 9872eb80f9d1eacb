// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
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

func (c *compare) run(ends []pair) (err error) {
	c.xs, c.ratios = make([][]float64, len(ends)), make([][]float64, len(ends))
	for i := range c.rounds {
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
	m := quantile(c.ratios[last], 0.5)
	return row{what, fmt.Sprint(want), fmt.Sprintf("%.2f, half of the rounds from %.2f to %.2f (medians: %.1f %s, %s %.1f)", m,
		quantile(c.ratios[last], 0.25), quantile(c.ratios[last], 0.75), quantile(c.xs[last], 0.5), c.unit, first, quantile(c.xs[0], 0.5)), m >= want}
}

// between is against, with the second of three ends beside it. On one processor it is
// reported.
func (c *compare) between(what, first, second string, want float64) row {
	r := c.against(what, first, want)
	r.got += fmt.Sprintf("; %s: %.2f", second, quantile(c.ratios[1], 0.5))
	if c.at == together {
		r.what, r.want, r.ok = what+", both ends on one processor", reported, true
	}
	return r
}
