// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/instance"
)

// peer is who connected to a unix socket, as the kernel says.
type peer struct{ pid, uid, gid int }

func peerOf(c *net.UnixConn) (peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	var u *unix.Ucred
	var sockErr error
	if err := raw.Control(func(fd uintptr) {
		u, sockErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return peer{}, err
	}
	if sockErr != nil {
		return peer{}, sockErr
	}
	return peer{int(u.Pid), int(u.Uid), int(u.Gid)}, nil
}

// identity is as whom the peer's commands run: itself, with its groups.
func (p peer) identity() (instance.Identity, error) {
	who := instance.Identity{UID: p.uid, GID: p.gid}
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		return who, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if list, ok := strings.CutPrefix(s.Text(), "Groups:"); ok {
			for _, g := range strings.Fields(list) {
				n, err := strconv.Atoi(g)
				if err != nil {
					return who, err
				}
				who.Groups = append(who.Groups, n)
			}
		}
	}
	return who, nil
}
