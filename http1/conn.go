// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// conn is a connection that is served: one request after the other.
type conn struct {
	server *Server
	net    net.Conn // TLS where there is TLS
	tls    *tls.ConnectionState
	remote string
	ctx    context.Context
	cancel context.CancelFunc

	r     *bufio.Reader
	left  int64 // bytes that may still be read for a head; negative: any number
	read  deadline
	write deadline
	watch watch
	last  string // method of the last request

	state atomic.Int32 // idle, busy or over
	taken atomic.Bool  // by a handler
}

const (
	idle = iota // between requests: may be closed when serving ends
	busy
	over // serving ends, or it is closed
)

func newConn(base context.Context, s *Server, nc net.Conn) *conn {
	c := &conn{server: s, net: nc, left: -1}
	base, c.cancel = context.WithCancel(base)
	if c.ctx = base; s.Context != nil {
		c.ctx = s.Context(base, nc)
	}
	c.r = bufio.NewReader(c)
	c.watch.conn = c
	return c
}

// Read is how everything of the connection is read.
func (c *conn) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, errTooLong
	}
	if c.left > 0 && int64(len(p)) > c.left {
		p = p[:c.left]
	}
	c.read.apply(c.net.SetReadDeadline)
	n, err := c.net.Read(p)
	if c.left > 0 {
		c.left -= int64(n)
	}
	return n, err
}

// Write is how everything is written to it.
func (c *conn) Write(p []byte) (int, error) {
	c.write.apply(c.net.SetWriteDeadline)
	n, err := c.net.Write(p)
	if err != nil {
		c.cancel() // nobody will have the rest
	}
	return n, err
}

// serve serves the connection to its end.
func (c *conn) serve() {
	defer c.cancel()
	defer func() {
		if c.watch.end(); !c.taken.Load() {
			c.net.Close()
		}
	}()
	if a := c.net.RemoteAddr(); a != nil {
		c.remote = a.String()
	}
	if !c.handshake() {
		return
	}
	for wait := c.server.Head; c.next(wait); wait = c.server.Idle {
		if !c.inTurn() {
			return
		}
		if c.watch.end(); !c.state.CompareAndSwap(busy, idle) {
			return
		}
	}
}

func (c *conn) handshake() bool {
	t, ok := c.net.(*tls.Conn)
	if !ok {
		return true
	}
	c.read.within(c.server.Head)
	c.write.within(c.server.Head)
	c.read.apply(t.SetReadDeadline)
	c.write.apply(t.SetWriteDeadline)
	err := t.HandshakeContext(c.ctx)
	if plain, ok := errors.AsType[tls.RecordHeaderError](err); ok && plain.Conn != nil && looksLikeHTTP(plain.RecordHeader) {
		_, _ = io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
		plain.Conn.Close()
	}
	if err != nil {
		c.server.Log.Debug("TLS handshake", "from", c.remote, "err", err)
		return false
	}
	c.write.within(0)
	state := t.ConnectionState()
	c.tls = &state
	return true
}

func looksLikeHTTP(begin [5]byte) bool {
	switch string(begin[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		return true
	}
	return false
}

// next waits for a request to begin. It is false when none will.
func (c *conn) next(wait time.Duration) bool {
	const least = 4 // bytes of any request; fewer after the last are no broken one
	n := 1
	if c.last != "" {
		n = least
	}
	c.read.within(wait)
	_, err := c.r.Peek(n)
	c.read.within(c.server.Head)
	return err == nil && c.state.CompareAndSwap(idle, busy)
}

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
	if !c.handle(a) || c.taken.Load() || !a.finish() {
		return false
	}
	if a.body.close(); a.closing && !a.body.ended.Load() {
		c.linger() // or what the caller still sends would reset the connection under the answer
	}
	return !a.closing
}

// handle runs the handler. It is false when that has broken the answer off.
func (c *conn) handle(a *answer) (whole bool) {
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
	c.server.Handler.ServeHTTP(a, a.body.request)
	return true
}

// endIdle closes the connection unless a request is under way; none follows.
func (c *conn) endIdle() {
	if c.state.Swap(over) == idle {
		c.net.Close()
	}
}

// cut closes the connection whatever happens on it.
func (c *conn) cut() {
	c.state.Store(over)
	if !c.taken.Load() {
		c.net.Close()
	}
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
