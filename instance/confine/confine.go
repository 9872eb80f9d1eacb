// SPDX-License-Identifier: Apache-2.0

// Package confine takes privileges, and the machine's files, from what a thread
// starts. It does not know who needs what.
package confine

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Thread makes whatever the calling thread starts unable to gain a privilege:
// the bounding set holds no capability but keep, and no_new_privs is set. The
// thread must be locked and never be used for anything else.
func Thread(keep ...uintptr) error {
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		if slices.Contains(keep, c) {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil && err != unix.EINVAL { // EINVAL: newer than the kernel
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	return noNewPrivileges()
}

// noNewPrivileges is of the calling thread, and of all that it starts.
func noNewPrivileges() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	return nil
}
