// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/instance"
	"enishi.dev/enishi/peer"
)

// identityOf is as whom the commands of a peer run: as itself, with its groups.
func identityOf(c *net.UnixConn) (who instance.Identity, err error) {
	p, err := peer.Of(c)
	if err != nil {
		return who, err
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return who, err
	}
	who.UID, who.GID = p.UID, p.GID
	var asked error
	err = raw.Control(func(fd uintptr) { who.Groups, asked = groupsOf(int(fd)) })
	return who, errors.Join(err, asked)
}

// groupsOf asks for the peer's supplementary groups. They are those it connected
// with: /proc would tell of whatever has its pid now.
func groupsOf(fd int) ([]int, error) {
	b := make([]uint32, 64)
	for {
		size := uint32(len(b) * 4)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&size)), 0)
		if errno == unix.ERANGE && int(size) > len(b)*4 {
			b = make([]uint32, size/4)
			continue
		}
		if errno != 0 {
			return nil, errno
		}
		groups := make([]int, size/4)
		for i := range groups {
			groups[i] = int(b[i])
		}
		return groups, nil
	}
}
