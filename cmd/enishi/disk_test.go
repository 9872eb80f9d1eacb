// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// slowDisk lets each of control's writes that must reach the disk take SECONDS, by
// an strace whose pid goes to FILE: its end is the end of it.
func slowDisk(ts *testscript.TestScript, _ bool, args []string) {
	seconds, err := time.ParseDuration(args[0] + "s")
	ts.Check(err)
	c, err := delayWrites(partNamed(ts.Getenv("ENISHI_RUN_DIR"), "control"), seconds)
	ts.Check(err)
	go func() { _ = c.Wait() }()
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strconv.Itoa(c.Process.Pid)), 0o600))
}

// delayWrites starts what holds up each fdatasync of the process, and returns once
// all of its threads are held.
func delayWrites(pid int, d time.Duration) (*exec.Cmd, error) {
	c := exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync",
		"-e", fmt.Sprintf("inject=fdatasync:delay_enter=%d", d.Microseconds()), "-p", strconv.Itoa(pid))
	if err := c.Start(); err != nil {
		return nil, err
	}
	for range 500 {
		if traced(pid) {
			return c, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = c.Process.Kill()
	return nil, fmt.Errorf("strace does not come to process %d: %w", pid, c.Wait())
}

// traced says whether every thread of the process is.
func traced(pid int) bool {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil || len(tasks) == 0 {
		return false
	}
	for _, t := range tasks {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/status", pid, t.Name()))
		if err != nil || bytes.Contains(status, []byte("\nTracerPid:\t0\n")) {
			return false
		}
	}
	return true
}
