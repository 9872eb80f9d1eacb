// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
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

// next waits for a request to begin. It is false when none will.
func (c *conn) next(wait time.Duration) bool {
	const least = 4 // bytes of any request; fewer after the last are no broken one
	n := least
	if c.last == "" { // the first
		n, c.left = 1, c.mostHead()
	}
	c.read.within(wait)
	_, err := c.r.Peek(n)
	c.read.within(c.server.Head)
	return err == nil && c.state.CompareAndSwap(idle, busy)
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
