// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"io"
	"log/slog"
	"testing"
)

func BenchmarkOpen(b *testing.B) {
	needRoot(b)
	pins := mountBPFFS(b)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	for b.Loop() {
		d, err := Open(Options{Pins: pins, Log: log})
		if err != nil {
			b.Fatal(err)
		}
		d.Close()
	}
}
