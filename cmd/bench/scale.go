// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// stages are the medians of some changes, in microseconds.
type stages struct{ Decide, Compile, Apply, All float64 }

// scale holds one rule change with many interfaces in the model against one with a
// single interface, without which the rule would concern nobody. Each model has a
// process of its own: the memory of one is no burden on the other.
func scale(_ context.Context, b *bench) ([]row, error) {
	many, rounds := 100_000, 15
	if b.quick {
		many, rounds = 10_000, 5
	}
	var models [2]*helper
	for i, n := range []int{1, many} {
		dir := filepath.Join(b.dir, fmt.Sprint("scale", n))
		h, err := begin(exec.Command(b.self, "change", fmt.Sprint(n), dir))
		if err != nil {
			return nil, err
		}
		defer h.end()
		models[i] = h
	}
	var ratios []float64
	var xs [2][4][]float64
	for i := range rounds {
		var x [2]stages
		for k := range 2 {
			which := (i + k) % 2
			answer, err := models[which].ask("change")
			if err != nil {
				return nil, err
			}
			if err := json.Unmarshal([]byte(answer), &x[which]); err != nil {
				return nil, err
			}
		}
		for k, s := range x {
			for n, us := range []float64{s.Decide, s.Compile, s.Apply, s.All} {
				xs[k][n] = append(xs[k][n], us)
			}
		}
		ratios = append(ratios, x[1].All/x[0].All)
		fmt.Fprintf(os.Stderr, "  %.0f µs, with one interface %.0f µs: %.2f\n", x[1].All, x[0].All, x[1].All/x[0].All)
	}
	ratio := quantile(ratios, 0.5)
	words := func(n int) string {
		return fmt.Sprintf("%.0f µs (decide %.0f, compile %.0f, apply %.0f)", quantile(xs[n][3], 0.5), quantile(xs[n][0], 0.5), quantile(xs[n][1], 0.5), quantile(xs[n][2], 0.5))
	}
	return []row{{fmt.Sprintf("one rule change with %d interfaces in the model against one", many), "1.5 times at most",
		fmt.Sprintf("%.2f times: %s against %s", ratio, words(1), words(0)), ratio <= 1.5}}, nil
}
