// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// told is a log's lines as they come.
type told chan string

func (l told) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

func TestAPartThatCannotBeStartedForAWhile(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: starts parts")
	}
	log := make(told, 100)
	s := &supervisor{log: slog.New(slog.NewTextHandler(log, nil))}
	p := part{name: "version", log: filepath.Join(t.TempDir(), "later", "log")}
	t.Run("is an error of the start", func(t *testing.T) {
		if err := s.keep(t.Context(), p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it ends with %v", err)
		}
	})
	t.Run("is started later, once all was ready", func(t *testing.T) {
		s.ready.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- s.keep(ctx, p) }()
		select {
		case err := <-ended:
			t.Fatalf("nobody keeps it any more: %v", err)
		case line := <-log:
			if !strings.Contains(line, "part=version") || !strings.Contains(line, "no such file") {
				t.Errorf("the log says %s", line)
			}
		}
		if err := os.Mkdir(filepath.Dir(p.log), 0o755); err != nil {
			t.Fatal(err)
		}
		for said := ""; said == "" && ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
			b, _ := os.ReadFile(p.log)
			said = string(b)
		}
		if ctx.Err() != nil {
			t.Error("it is never started")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
