// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// conn is a tenant's connection with what the network knows of it.
type conn struct {
	*net.TCPConn
	network  string    // "" at the public entry
	endpoint *endpoint // or public service; nil at the public entry, for DNS and metadata
	source   netip.Addr
	local    netip.AddrPort
	tls      bool
	metadata bool        // an instance asks what it is
	asked    atomic.Bool // a request was understood, or it is counted otherwise
	unread   []byte      // was read to see what it is

	turn func(context.Context) (done func(), err error) // nil: it waits for none
	done func()                                         // ends the handshake's

	once  sync.Once
	leave func() // gives its place back
}

func (c *conn) Read(b []byte) (int, error) {
	if len(c.unread) > 0 {
		n := copy(b, c.unread)
		c.unread = c.unread[n:]
		return n, nil
	}
	n, err := c.TCPConn.Read(b)
	if err != nil {
		c.endTurn()
	}
	return n, err
}

// begin waits for the turn of a handshake, whose first half is the costly one: the
// turn ends when the answer to the hello is written. One that asks for another hello
// is none: the turn goes on, and by itself ends soon if that does not come.
func (c *conn) begin(ctx context.Context) (err error) {
	if c.turn != nil {
		c.done, err = c.turn(ctx)
	}
	return err
}

func (c *conn) Write(b []byte) (int, error) {
	if c.done != nil && !asksAgain(b) {
		c.endTurn()
	}
	n, err := c.TCPConn.Write(b)
	if err != nil {
		c.endTurn()
	}
	return n, err
}

// endTurn is called by whoever shakes hands; afterwards it has nothing to do.
func (c *conn) endTurn() {
	if c.done != nil {
		c.done()
		c.done = nil
	}
}

// Close ends the connection in order; its place is free afterwards.
func (c *conn) Close() error {
	err := c.TCPConn.Close()
	c.once.Do(c.leave)
	return err
}

// reset ends the connection at once: the peer gets a RST, whatever is unsent.
func (c *conn) reset() {
	resetTCP(c.TCPConn)
	c.once.Do(c.leave)
}

func resetTCP(c *net.TCPConn) {
	_ = c.SetLinger(0) // on a connection that is closed already
	c.Close()
}

// addresses returns both ends of c; ok is false for one that has lost them.
func addresses(c *net.TCPConn) (local, remote netip.AddrPort, ok bool) {
	l, ok1 := c.LocalAddr().(*net.TCPAddr)
	r, ok2 := c.RemoteAddr().(*net.TCPAddr)
	if !ok1 || !ok2 {
		return local, remote, false
	}
	return unmap(l.AddrPort()), unmap(r.AddrPort()), true
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// connKey finds a connection in its context.
type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

func connIn(ctx context.Context) *conn { return ctx.Value(connKey{}).(*conn) }
