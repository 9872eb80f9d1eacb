// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"log/slog"
	"net"
	"slices"

	"golang.org/x/sys/unix"
)

// peers is a unix listener that accepts only the users named, and root.
type peers struct {
	net.Listener
	uids []int
	log  *slog.Logger
}

func (p peers) Accept() (net.Conn, error) {
	for {
		c, err := p.Listener.Accept()
		if err != nil {
			return nil, err
		}
		uid, err := peerUID(c)
		if err == nil && (uid == 0 || slices.Contains(p.uids, uid)) {
			return c, nil
		}
		p.log.Warn("peer refused", "uid", uid, "err", err)
		c.Close()
	}
}

// peerUID returns the user who opened a unix connection.
func peerUID(c net.Conn) (int, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return -1, fmt.Errorf("%T has no peer credentials", c)
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return -1, err
	}
	var cred *unix.Ucred
	var get error
	if err := raw.Control(func(fd uintptr) {
		cred, get = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return -1, err
	}
	if get != nil {
		return -1, fmt.Errorf("peer credentials: %w", get)
	}
	return int(cred.Uid), nil
}
