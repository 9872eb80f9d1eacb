// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/tls"
	"net"
	"sync"

	"enishi.dev/enishi/accept"
	"enishi.dev/enishi/dns"
)

// network serves one network's TCP listener, which gets the connections to every
// address and port that are served in it.
type network struct {
	gateway *gateway
	id      string
	dns     *dns.Network
}

// portDNS is answered at the resolver's addresses.
const portDNS = 53

// serve accepts until ctx ends or the listener's deadline has come; then l is
// closed and every DNS connection has ended. HTTP connections go on.
func (n *network) serve(ctx context.Context, l *net.TCPListener) error {
	var queries sync.WaitGroup
	defer queries.Wait()
	return accept.Each(ctx, l, n.gateway.Log.With("vpc", n.id), func(c *net.TCPConn) { n.admit(ctx, c, &queries) })
}

// admit hands a connection to whom it is for, or resets it.
func (n *network) admit(ctx context.Context, tcp *net.TCPConn, queries *sync.WaitGroup) {
	local, remote, ok := addresses(tcp)
	from := source{n.id, remote.Addr()}
	if !ok || !n.gateway.places.take(from) {
		n.gateway.fruitless.refused.Add(1)
		resetTCP(tcp)
		return
	}
	c := &conn{TCPConn: tcp, network: n.id, source: remote.Addr(), local: local}
	c.leave = func() {
		n.gateway.places.free(from)
		if !c.asked.Load() {
			n.gateway.fruitless.silent.Add(1)
		}
	}
	c.turn = func(ctx context.Context) (func(), error) { return n.gateway.turns.take(ctx, from) }
	switch e := n.gateway.endpoints.find(place{n.id, local.Addr()}); {
	case e != nil:
		n.admitTo(e, c)
	case local.Port() == portDNS:
		c.asked.Store(true) // queries are counted
		queries.Go(func() { n.dns.ServeTCP(ctx, c) })
	case n.gateway.instances.asked(n.id, local):
		c.metadata = true
		n.gateway.queue.push(c)
	default:
		n.refuse(c)
	}
}

func (n *network) refuse(c *conn) {
	n.gateway.fruitless.refused.Add(1)
	c.asked.Store(true)
	c.reset()
}

// admitTo makes c a connection of e: TLS, but for port 80.
func (n *network) admitTo(e *endpoint, c *conn) {
	c.endpoint = e
	c.tls = c.local.Port() != 80
	free := c.leave
	c.leave = func() { e.leave(c); free() }
	if !e.take(c) {
		n.refuse(c)
		return
	}
	if c.tls {
		n.gateway.queue.push(tls.Server(c, e.tls))
		return
	}
	n.gateway.queue.push(c)
}
