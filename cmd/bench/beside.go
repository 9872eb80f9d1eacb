// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// netOf is the network namespace of an instance.
func (b *bench) netOf(instance string) string { return filepath.Join(b.run, "state/ns", instance) }

// startIn runs a program in the instance's network, with the machine's files, in a
// session of its own, and returns once it is ready.
func (b *bench) startIn(instance string, ready func() error, program string, args ...string) (stop func(), err error) {
	cmd := exec.Command("nsenter", append([]string{"--net=" + b.netOf(instance), program}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGTERM}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = cmd.Process.Signal(unix.SIGTERM)
		_ = cmd.Wait()
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if err = ready(); err == nil {
			return stop, nil
		}
		if time.Now().After(end) {
			stop()
			return nil, fmt.Errorf("%s is not ready: %w: %s", filepath.Base(program), err, &said)
		}
	}
}
