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

	// of each pair, a figure a round; ratios are to the first pair's, above 1 better
	xs, ratios [][]float64
}

func (c *compare) run(ends []pair) (err error) {
	c.xs, c.ratios = make([][]float64, len(ends)), make([][]float64, len(ends))
	for i := range c.rounds {
		x := make([]float64, len(ends))
		for k := range ends {
			which := (i + k) % len(ends)
			if x[which], err = ends[which].measure(c.load, c.d); err != nil {
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
