// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"io"
	"net/http"
	"runtime/debug"
	"time"
)

// inTurn is exchange once it is the request's turn.
func (c *conn) inTurn() bool {
	if c.server.Turn == nil {
		return c.exchange()
	}
	done, err := c.server.Turn(c.ctx)
	if err != nil {
		return false
	}
	defer done()
	return c.exchange()
}

// exchange reads a request and has it answered, and says whether another can follow.
func (c *conn) exchange() bool {
	r, err := c.readHead()
	if err != nil {
		c.refuse(err)
		return false
	}
	a := newAnswer(c, r)
	c.watch.begin(&a.body)
	if !c.handle(a, r) || c.taken.Load() || !a.finish() {
		return false
	}
	if a.body.close(); a.closing && !a.body.ended.Load() {
		c.linger() // or what the caller still sends would reset the connection under the answer
	}
	return !a.closing
}

// handle runs the handler. It is false when that has broken the answer off.
func (c *conn) handle(a *answer, r *http.Request) (whole bool) {
	defer func() {
		err := recover()
		if err == nil {
			return
		}
		whole = false
		if err != http.ErrAbortHandler {
			c.server.Log.Error("panic", "from", c.remote, "err", err, "stack", string(debug.Stack()))
		}
		a.breakOff()
	}()
	c.server.Handler.ServeHTTP(a, r)
	return true
}

// linger says that nothing more comes and takes what the other end still sends, for
// a short time.
func (c *conn) linger() {
	const most, long = 1 << 20, 500 * time.Millisecond
	end, ok := c.net.(interface{ CloseWrite() error })
	if !ok || end.CloseWrite() != nil {
		return
	}
	_ = c.net.SetReadDeadline(time.Now().Add(long))
	_, _ = io.CopyN(io.Discard, c.net, most)
}
