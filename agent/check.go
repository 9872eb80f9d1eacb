// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/datapath"
	"enishi.dev/enishi/instance"
)

// needed are the capabilities without which an agent cannot work.
var needed = []struct {
	bit  uintptr
	name string
}{
	{unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}, {unix.CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {unix.CAP_SETUID, "CAP_SETUID"},
	{unix.CAP_SETGID, "CAP_SETGID"}, {unix.CAP_SETPCAP, "CAP_SETPCAP"}, {unix.CAP_CHOWN, "CAP_CHOWN"}, {unix.CAP_KILL, "CAP_KILL"},
}

// Capabilities is all that an agent may have: what it needs, and what root in an
// instance may, which comes from it.
func Capabilities() []uintptr {
	all := instance.Capabilities()
	for _, c := range needed {
		if !slices.Contains(all, c.bit) {
			all = append(all, c.bit)
		}
	}
	return all
}

// Check says what this machine lacks to run an agent, and how to get it; nil if nothing.
func Check() error {
	if os.Geteuid() != 0 {
		return errors.New("needs root, for namespaces and the data plane: run it with sudo")
	}
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return fmt.Errorf("read own capabilities: %w", err)
	}
	for _, c := range needed {
		if data[c.bit/32].Effective&(1<<(c.bit%32)) == 0 {
			return fmt.Errorf("lacks %s: run it as root outside a container, or in a privileged one (docker run --privileged)", c.name)
		}
	}
	if err := datapath.Probe(); err != nil {
		return fmt.Errorf("%w: use Linux 6.6 or newer, as in Debian 13 or Ubuntu 24.04", err)
	}
	return instance.Check()
}
