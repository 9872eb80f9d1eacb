// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"

	"golang.org/x/sys/unix"
)

// switching is the agent's answer to who may enter.
const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: enishi-exec\r\n\r\n"

// HandOver answers the caller's request by a connection that [Instance.Enter] made.
// From then on caller and instance speak with each other, and the agent is out of
// the way: its end does not end commands.
func HandOver(_ context.Context, w http.ResponseWriter, conn *os.File) error {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fmt.Errorf("hand over connection: %w", err)
	}
	defer c.Close()
	if _, _, err := c.(*net.UnixConn).WriteMsgUnix([]byte(switching), unix.UnixRights(int(conn.Fd())), nil); err != nil {
		return fmt.Errorf("hand over connection: %w", err)
	}
	return nil
}
