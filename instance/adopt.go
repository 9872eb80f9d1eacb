// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The pid file holds the pid and the time at which the process began, in ticks
// since boot: a pid that was used again does not have both.
func writePID(dir string, pid int) error {
	began, err := startTime(pid)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, pidFile), fmt.Appendf(nil, "%d %s\n", pid, began), 0o600)
}

// startTime is field 22 of /proc/PID/stat (proc_pid_stat(5)).
func startTime(pid int) (string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	s := string(b)
	f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(f) < 20 {
		return "", fmt.Errorf("/proc/%d/stat: %q", pid, s)
	}
	return f[19], nil
}

// Adopt takes over the instance that an earlier process started in dir. One that
// has ended, or never was, is [fs.ErrNotExist].
func Adopt(dir string) (*Instance, error) {
	b, err := os.ReadFile(filepath.Join(dir, pidFile))
	if err != nil {
		return nil, err
	}
	f := strings.Fields(string(b))
	if len(f) != 2 {
		return nil, fs.ErrNotExist // cut off while it was written: nothing has begun
	}
	pid, err := strconv.Atoi(f[0])
	if err != nil {
		return nil, fs.ErrNotExist
	}
	i, err := open(dir, pid)
	if err != nil {
		return nil, fs.ErrNotExist
	}
	// Looked at only while the process is held: it cannot become another now.
	if began, err := startTime(pid); err != nil || began != f[1] {
		i.pidfd.Close()
		return nil, fs.ErrNotExist
	}
	select {
	case <-i.ended: // a zombie, whose parent has not looked yet
		i.pidfd.Close()
		return nil, fs.ErrNotExist
	default:
	}
	s, err := readSpec(dir)
	if err != nil {
		i.pidfd.Close()
		return nil, err
	}
	i.boots = s.Boots
	return i, nil
}
