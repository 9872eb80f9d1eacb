// SPDX-License-Identifier: Apache-2.0

// Package accept takes connections from a listener and goes on where an error passes.
// It does not know what they are for.
package accept

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// again is how long Each waits after an error that passes.
const again = 5 * time.Millisecond

// Each hands every connection that l accepts to serve, one after the other, until ctx
// ends or l's deadline comes, of which it says nil, or l fails for good. When it returns,
// l is closed. An error that passes is logged.
func Each[C net.Conn](ctx context.Context, l net.Listener, log *slog.Logger, serve func(C)) error {
	defer l.Close()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		c, err := l.Accept()
		switch {
		case err == nil && ctx.Err() != nil:
			c.Close()
			return nil
		case err == nil:
			serve(c.(C))
		case ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case passing(err):
			log.Warn("accept", "at", l.Addr(), "err", err)
			time.Sleep(again)
		default:
			return err
		}
	}
}

// passing says whether an error of accept is of its moment and not of the listener:
// no file or memory is left, or the caller has gone again (accept(2)).
func passing(err error) bool {
	errno, ok := errors.AsType[unix.Errno](err)
	return ok && errno != unix.EBADF && errno != unix.EINVAL && errno != unix.ENOTSOCK
}
