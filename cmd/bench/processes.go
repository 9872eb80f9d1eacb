// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	up "enishi.dev/enishi/cmd/parts" // part and parts are those of the benchmark
)

// process is one of enishi's.
type process struct {
	name      string
	pid       int
	resident  int // KiB
	anonymous int // KiB: its own alone, not of the program's file
}

// processes lists those of the run directory.
func (b *bench) processes() (list []process) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		cmd, err := os.ReadFile(dir + "/cmdline")
		if err != nil || !strings.Contains(string(cmd), b.run) {
			continue
		}
		status, err := os.ReadFile(dir + "/status")
		if err != nil {
			continue // it has ended
		}
		p := process{name: up.Name(strings.Split(string(cmd), "\x00"))}
		if strings.HasPrefix(p.name, "--") {
			p.name = "up"
		}
		p.pid, _ = strconv.Atoi(filepath.Base(dir))
		for line := range strings.Lines(string(status)) {
			_, _ = fmt.Sscanf(line, "VmRSS: %d kB", &p.resident)
			_, _ = fmt.Sscanf(line, "RssAnon: %d kB", &p.anonymous)
		}
		list = append(list, p)
	}
	return list
}

// resident is the resident memory of each part, in KiB.
func (b *bench) resident() map[string]int {
	found := map[string]int{}
	for _, p := range b.processes() {
		found[p.name] = p.resident
	}
	return found
}
