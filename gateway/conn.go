// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// conn is a tenant's connection with what the network knows of it.
type conn struct {
	*net.TCPConn
	network  string    // "" at the public entry
	endpoint *endpoint // nil at the public entry, and for DNS
	source   netip.Addr
	local    netip.AddrPort
	tls      bool
	unread   []byte // was read to see what it is

	once  sync.Once
	leave func() // gives its place back
}

func (c *conn) Read(b []byte) (int, error) {
	if len(c.unread) > 0 {
		n := copy(b, c.unread)
		c.unread = c.unread[n:]
		return n, nil
	}
	return c.TCPConn.Read(b)
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

// connKey finds a request's connection in its context.
type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

func connOf(r *http.Request) *conn {
	return r.Context().Value(connKey{}).(*conn)
}

// Limits of connections. A process may have a limited number of files open, and a
// tenant shall not take them from the others.
const (
	maxConns            = 32768
	maxConnsPerEndpoint = 8192
	maxConnsPerSource   = 1024
)

// source names a caller: addresses mean something within their network only.
type source struct {
	network string
	addr    netip.Addr
}

// places counts connections against the limits. The zero value has none.
type places struct {
	mu      sync.Mutex
	total   int
	sources map[source]int
}

// take returns whether s may have one more connection, and counts it.
func (p *places) take(s source) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.total >= maxConns || p.sources[s] >= maxConnsPerSource {
		return false
	}
	if p.sources == nil {
		p.sources = make(map[source]int)
	}
	p.total++
	p.sources[s]++
	return true
}

// free gives back what take gave.
func (p *places) free(s source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total--
	if p.sources[s]--; p.sources[s] == 0 {
		delete(p.sources, s)
	}
}

// queue is a listener whose connections others have accepted.
type queue struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newQueue(addr net.Addr) *queue {
	return &queue{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

// push hands c on, or closes it when nobody will take it any more.
func (q *queue) push(c net.Conn) {
	select {
	case q.conns <- c:
	case <-q.done:
		c.Close()
	}
}

func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

func (q *queue) Close() error {
	q.once.Do(func() { close(q.done) })
	return nil
}

func (q *queue) Addr() net.Addr { return q.addr }
