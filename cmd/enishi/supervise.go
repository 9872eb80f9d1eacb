// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// supervisor keeps parts alive: one that ends is started again, until its
// context ends. Before it is told that all is ready, a part that ends is an
// error of the start, with the part's own last words, and so is one that cannot be
// started. Later that is tried again: no process or file may have been left for a moment.
type supervisor struct {
	log   *slog.Logger
	ready atomic.Bool
}

// run has g keep every part until ctx, which is g's, ends, and bound their logs
// meanwhile. One that fails ends g at once, before others go and whoever asks those
// finds nobody.
func (s *supervisor) run(ctx context.Context, g *errgroup.Group, parts []part) {
	for _, p := range parts {
		g.Go(func() error { return s.keep(ctx, p) })
	}
	g.Go(func() error {
		boundLogs(ctx, filepath.Dir(parts[0].log), s.log)
		return nil
	})
}

// keep starts p again and again. One that gives up by itself each time cannot begin
// its work: whoever waits for it is told so, instead of waiting for as long as he can.
func (s *supervisor) keep(ctx context.Context, p part) error {
	var words string   // its last
	var said time.Time // when they were written down
	gaveUp := 0        // how often in a row
	for wait := 10 * time.Millisecond; ctx.Err() == nil; {
		begun := time.Now()
		proc, ended, err := p.launch()
		what, last, byItself := "part cannot be started; it is tried again", "", true
		if err != nil {
			last = err.Error()
		} else {
			select {
			case <-ctx.Done():
				return stopPart(proc, ended)
			case err = <-ended:
			}
			exit, ok := errors.AsType[*exec.ExitError](err)
			what, last, byItself = "part ended; it is started again", lastWords(p, err), ok && exit.Exited()
			err = fmt.Errorf("%s: %s", p.name, last)
		}
		if !s.ready.Load() {
			return err
		}
		if time.Since(begun) > 10*time.Second {
			wait, gaveUp = 10*time.Millisecond, 0
		}
		if byItself {
			gaveUp++
		} else {
			gaveUp = 0 // somebody ended it
		}
		if gaveUp < 2 || last != words || time.Since(said) > time.Minute {
			words, said = last, time.Now()
			s.log.Error(what, "part", p.name, "err", words, "wait", wait)
		}
		var closed []*os.File
		if gaveUp > 1 {
			closed = p.files
		}
		turnAway(ctx, closed, wait)
		wait = min(2*wait, 2*time.Second)
	}
	return nil
}

// stopPart asks a part to end, and ends it after five seconds. It asks again and
// again: the first process of a namespace does not get a signal before it listens.
func stopPart(proc *os.Process, ended <-chan error) error {
	for limit := time.Now().Add(5 * time.Second); time.Now().Before(limit); {
		_ = proc.Signal(unix.SIGTERM) // os.Process holds a pidfd: never another process
		select {
		case <-ended:
			return nil
		case <-time.After(50 * time.Millisecond):
		}
	}
	if err := proc.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-ended
	return nil
}

// lastWords is why a part ended: the last line it wrote, else its exit status.
func lastWords(p part, err error) string {
	if err == nil {
		err = errors.New("ended")
	}
	b, readErr := os.ReadFile(p.log)
	b = bytes.TrimSpace(b)
	if readErr != nil || len(b) == 0 {
		return err.Error()
	}
	line := string(b[bytes.LastIndexByte(b, '\n')+1:])
	return strings.TrimPrefix(strings.TrimPrefix(line, "enishi: "), p.name+": ") + " (log: " + p.log + ")"
}
