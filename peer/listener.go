// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"log/slog"
	"net"
	"slices"
)

// Listener is a unix listener that accepts only the users named, and root.
type Listener struct {
	net.Listener
	UIDs []int
	Log  *slog.Logger
}

// Accept waits for the next connection of somebody who may.
func (l Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		p, err := Of(c)
		if err == nil && (p.UID == 0 || slices.Contains(l.UIDs, p.UID)) {
			return c, nil
		}
		l.Log.Warn("peer refused", "uid", p.UID, "err", err)
		c.Close()
	}
}
