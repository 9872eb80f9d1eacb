// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// lockDir takes the directory for this process, in the name of pid; the lock ends
// with the file, or the process. etcd itself would wait for ever.
func lockDir(dir string, pid int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("in use by another enishi (pid %s)", holder(f))
		}
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := errors.Join(f.Truncate(0), writePID(f, pid)); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func writePID(f *os.File, pid int) error {
	_, err := f.WriteAt(fmt.Appendln(nil, pid), 0)
	return err
}

// holder is the process in whose name the lock is held.
func holder(f *os.File) string {
	b := make([]byte, 16)
	n, _ := f.ReadAt(b, 0)
	if pid := strings.TrimSpace(string(b[:n])); pid != "" {
		return pid
	}
	return "unknown"
}
