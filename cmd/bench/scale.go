// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// stages are the medians of some changes, in microseconds.
type stages struct{ Decide, Compile, Apply, All float64 }

// flat is how many times as long a change may take among more interfaces.
const flat = 1.25

// scale holds one rule change among many interfaces against one among a hundred.
// Each model has a process of its own: the memory of one is no burden on the other.
func scale(_ context.Context, b *bench) ([]row, error) {
	sizes, rounds := []int{100, 1000, 10_000, 100_000}, 75
	if b.quick {
		sizes, rounds = sizes[:3], 5
	}
	var models []*helper
	for _, n := range sizes {
		dir := filepath.Join(b.dir, fmt.Sprint("scale", n))
		h, err := begin(exec.Command(b.self, "change", fmt.Sprint(n), dir))
		if err != nil {
			return nil, err
		}
		defer h.end()
		models = append(models, h)
	}
	all := make([][]stages, len(sizes))
	for i := range rounds {
		for k := range models {
			which := (i + k) % len(models)
			took, err := models[which].changes()
			if err != nil {
				return nil, err
			}
			all[which] = append(all[which], took)
		}
		fmt.Fprint(os.Stderr, "  µs:")
		for k, n := range sizes {
			fmt.Fprintf(os.Stderr, " %.0f among %d", all[k][i].All, n)
		}
		fmt.Fprintln(os.Stderr)
	}
	return []row{flatness(sizes, all)}, nil
}

// changes has a model change a few times.
func (h *helper) changes() (took stages, err error) {
	answer, err := h.ask("change")
	if err != nil {
		return took, err
	}
	return took, json.Unmarshal([]byte(answer), &took)
}

// flatness compares what each size took with the first, round by round.
func flatness(sizes []int, all [][]stages) row {
	r := row{what: fmt.Sprintf("one rule change among many interfaces against one among %d", sizes[0]), want: fmt.Sprintf("%.2f times at most", flat), ok: true}
	said := []string{middle(all[0])}
	for k := 1; k < len(sizes); k++ {
		var ratios []float64
		for i, s := range all[k] {
			ratios = append(ratios, s.All/all[0][i].All)
		}
		r.ok = r.ok && quantile(ratios, 0.5) <= flat
		said = append(said, fmt.Sprintf("%d: %s times, %s", sizes[k], about(ratios), middle(all[k])))
	}
	r.got = strings.Join(said, "; ")
	return r
}

// middle says the medians.
func middle(rounds []stages) string {
	var us [4][]float64
	for _, s := range rounds {
		for n, x := range []float64{s.All, s.Decide, s.Compile, s.Apply} {
			us[n] = append(us[n], x)
		}
	}
	return fmt.Sprintf("%.0f µs (decide %.0f, compile %.0f, apply %.0f)", quantile(us[0], 0.5), quantile(us[1], 0.5), quantile(us[2], 0.5), quantile(us[3], 0.5))
}
