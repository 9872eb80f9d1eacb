// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/rand/v2"
	"testing"
)

// measured is rounds of a service that takes about times as long under attack.
func measured(r *rand.Rand, times float64) (n noticed) {
	for range 10 {
		var quiet, under []float64
		for range 60 {
			quiet, under = append(quiet, 100+100*r.ExpFloat64()), append(under, times*(100+100*r.ExpFloat64()))
		}
		n.add(quiet, under)
	}
	return n
}

func TestWhatIsNoticedIsWithinItsInterval(t *testing.T) {
	const tries = 100
	r := rand.New(rand.NewPCG(1, 2))
	for _, times := range []float64{1, 2} {
		held := 0
		for range tries {
			n := measured(r, times)
			if low, high := n.interval(); low <= times && times <= high {
				held++
			}
			if got := n.ratio(); got < times/1.6 || got > times*1.6 {
				t.Errorf("got %.2f, want about %.0f", got, times)
			}
		}
		if held < 85 || held == tries {
			t.Errorf("%.0f times: held in %d of %d tries", times, held, tries)
		}
	}
}
