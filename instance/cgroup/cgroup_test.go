// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWhoKeepsAProcessorBusyGivesWayUntilHeIsCalmForASecond(t *testing.T) {
	m := &meter{}
	now, used := time.Now(), time.Duration(0)
	m.judge(used, now)
	for _, step := range []struct {
		says  string
		rate  float64
		looks int
		idle  bool
	}{
		{"a little", 0.4, 20, false},
		{"more than half of one", 0.6, 1, true},
		{"little, but not for long", 0.1, 9, true},
		{"again less than half, but not little", 0.3, 20, true},
		{"little for a second", 0.1, 10, false},
		{"many processors", 7, 1, true},
	} {
		for range step.looks {
			now, used = now.Add(lookEvery), used+time.Duration(step.rate*float64(lookEvery))
			m.judge(used, now)
		}
		if m.idle != step.idle {
			t.Errorf("%s: gives way: %t, want %t", step.says, m.idle, step.idle)
		}
	}
}

func TestControlGroupsAreFoundAmongTheMounts(t *testing.T) {
	two := t.TempDir()
	if err := os.WriteFile(filepath.Join(two, "cgroup.controllers"), []byte("cpuset cpu io memory pids\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	none := t.TempDir()
	if err := os.WriteFile(filepath.Join(none, "cgroup.controllers"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	line := func(at, kind, options string) string {
		return fmt.Sprintf("31 23 0:28 / %s rw,relatime shared:9 - %s %s %s\n", at, kind, kind, options)
	}
	for name, c := range map[string]struct{ mounts, shares, counts string }{
		"version 2":                    {line("/", "ext4", "rw") + line(two, "cgroup2", "rw,nsdelegate"), two, two},
		"version 1":                    {line("/c/cpu", "cgroup", "rw,cpu") + line("/c/cpuset", "cgroup", "rw,cpuset") + line("/c/acct", "cgroup", "rw,cpuacct"), "/c/cpu", "/c/acct"},
		"version 1, both in one":       {line("/c/both", "cgroup", "rw,cpu,cpuacct"), "/c/both", "/c/both"},
		"version 2 without processors": {line(none, "cgroup2", "rw") + line("/c/both", "cgroup", "rw,cpuacct,cpu"), "/c/both", "/c/both"},
		"none that counts":             {line("/c/cpu", "cgroup", "rw,cpu"), "", ""},
		"none":                         {line("/", "ext4", "rw") + "odd\n", "", ""},
	} {
		h, err := find(c.mounts)
		if c.shares == "" {
			if !errors.Is(err, errNone) {
				t.Errorf("%s: got %v, %v", name, h, err)
			}
			continue
		}
		if err != nil || h.shares != c.shares || h.counts != c.counts || h.unified != (c.shares == two) {
			t.Errorf("%s: got %v, %v", name, h, err)
		}
	}
}

func TestABusyGroupIsIdleToTheKernelAndNothingOfTheTreeIsLeft(t *testing.T) {
	const name = "enishi-test"
	tree, err := Open(name)
	if err != nil {
		t.Skip("no control groups can be made here:", err)
	}
	t.Cleanup(func() {
		if err := Remove(name); err != nil {
			t.Error(err)
		}
		if left, err := Left(name); err != nil || len(left) > 0 {
			t.Errorf("left: %q, %v", left, err)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() {
		tree.Watch(ctx, slog.New(slog.DiscardHandler))
		close(watched)
	}()
	t.Cleanup(func() { cancel(); <-watched })

	start := func(group, script string) (end func()) {
		cmd := exec.Command("sh", "-c", "read go; "+script)
		begin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if err := tree.Add(group, cmd.Process.Pid); err != nil {
			t.Error(err)
		}
		fmt.Fprintln(begin)
		return func() {
			for _, pid := range pids(t, filepath.Join(tree.shares, name, group)) {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
			_ = cmd.Wait()
		}
	}
	idle := func(group string) string {
		b, err := os.ReadFile(filepath.Join(tree.shares, name, group, "cpu.idle"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
	becomes := func(group, want string) {
		t.Helper()
		for begun := time.Now(); idle(group) != want; time.Sleep(10 * time.Millisecond) {
			if time.Since(begun) > 20*time.Second {
				t.Fatalf("%s: cpu.idle does not become %s", group, want)
			}
		}
	}
	endBusy := start("busy", "for n in 1 2; do timeout 30 sh -c 'while :; do :; done' & done; wait; sleep 30")
	defer endBusy()
	endCalm := start("calm", "exec sleep 60")
	defer endCalm()
	becomes("busy", "1")
	if got := idle("calm"); got != "0" {
		t.Errorf("calm: cpu.idle is %s", got)
	}

	again, err := Open(name) // as after a restart
	if err != nil || len(again.groups) != 2 {
		t.Errorf("found again: %v, %v", again, err)
	}
	endBusy()
	becomes("busy", "0")
	endCalm()
	for _, group := range []string{"busy", "calm", "never was"} {
		if err := tree.Remove(group); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(tree.shares, name, "busy")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
}

// pids lists the processes of a group.
func pids(t *testing.T, dir string) (list []int) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, f := range strings.Fields(string(b)) {
		pid, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, pid)
	}
	return list
}
