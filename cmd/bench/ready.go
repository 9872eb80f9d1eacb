// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ready measures `up --ephemeral` from its start until client.json is there, and
// what its processes weigh then.
func ready(ctx context.Context, b *bench) ([]row, error) {
	if err := b.stop(); err != nil {
		return nil, err
	}
	rounds := 10
	if b.quick {
		rounds = 3
	}
	var ms []float64
	var weights string
	for range rounds {
		took, err := b.start(ctx)
		if err != nil {
			return nil, err
		}
		ms = append(ms, float64(took.Microseconds())/1000)
		fmt.Fprintf(os.Stderr, "  %.0f ms\n", ms[len(ms)-1])
		weights = b.weigh()
		if err := b.stop(); err != nil {
			return nil, err
		}
		time.Sleep(50 * time.Millisecond)
	}
	p50, worst := quantile(ms, 0.5), quantile(ms, 1)
	return []row{
		{"`up --ephemeral` to ready, " + fmt.Sprint(rounds) + " times", "300 ms", fmt.Sprintf("median %.0f ms, worst %.0f ms", p50, worst), p50 <= 300},
		{"resident memory, idle", reported, weights, true},
	}, nil
}

// weigh is the resident memory of each part.
func (b *bench) weigh() string {
	var list []string
	for name, kb := range b.resident() {
		list = append(list, fmt.Sprintf("%s %d MiB", name, kb>>10))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// resident is the resident memory of each part, in KiB.
func (b *bench) resident() map[string]int {
	found := map[string]int{}
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range procs {
		cmd, err := os.ReadFile(p + "/cmdline")
		if err != nil || !strings.Contains(string(cmd), b.world.run) {
			continue
		}
		args := strings.Split(string(cmd), "\x00")
		name := args[1]
		if strings.HasPrefix(name, "--") {
			name = args[3]
		}
		status, err := os.ReadFile(p + "/status")
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			var kb int
			if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 {
				found[name] = kb
			}
		}
	}
	return found
}
