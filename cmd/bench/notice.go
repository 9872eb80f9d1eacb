// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// noticed is how long one service took, by rounds, without an attack and under it.
type noticed struct{ quiet, under [][]float64 }

func (n *noticed) add(quiet, under []float64) {
	n.quiet, n.under = append(n.quiet, quiet), append(n.under, under)
}

// p99 is that of all rounds together: one round has too few samples for it.
func p99(rounds [][]float64) float64 { return quantile(slices.Concat(rounds...), 0.99) }

// ratio is by how much p99 is longer under attack.
func (n noticed) ratio() float64 { return p99(n.under) / p99(n.quiet) }

// Format shows both, in microseconds.
func (n noticed) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "%.0f/%.0f", p99(n.under), p99(n.quiet))
}

// interval is where the ratio lies 95 times of 100, by drawing as many rounds from those
// that were measured, again and again (the bootstrap; a round stays whole, as what the
// machine does meanwhile falls on all of it).
func (n noticed) interval() (low, high float64) {
	const draws = 200
	r := rand.New(rand.NewPCG(1, 2))
	ratios := make([]float64, draws)
	for i := range ratios {
		var drawn noticed
		for range n.quiet {
			k := r.IntN(len(n.quiet))
			drawn.add(n.quiet[k], n.under[k])
		}
		ratios[i] = drawn.ratio()
	}
	return quantile(ratios, 0.025), quantile(ratios, 0.975)
}
