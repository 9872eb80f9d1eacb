// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"io"
	"log/slog"
	"testing"
)

// BenchmarkOpen is the start on a host that has nothing pinned.
func BenchmarkOpen(b *testing.B) {
	needRoot(b)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	for b.Loop() {
		d, err := Open(Options{Pins: mountBPFFS(b), Log: log})
		if err != nil {
			b.Fatal(err)
		}
		d.Close()
	}
}
