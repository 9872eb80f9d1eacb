// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/rand/v2"
	"testing"
)

// Rounds as they are here: most near one, some far off.
func TestTheIntervalHoldsTheMedianNineteenTimesOfTwenty(t *testing.T) {
	const tries = 2000
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{5, 9, 15, 45, 135} {
		held := 0
		for range tries {
			ratios := make([]float64, n)
			for i := range ratios {
				ratios[i] = 1 + r.NormFloat64()*r.ExpFloat64()
			}
			if low, high := interval(ratios); low <= 1 && 1 <= high {
				held++
			}
		}
		if share := float64(held) / tries; share < 0.93 || share > 0.985 {
			t.Errorf("of %d rounds: held in %.3f of the tries", n, share)
		}
	}
}
