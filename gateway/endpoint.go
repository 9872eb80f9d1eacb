// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto/tls"
	"net/netip"
	"slices"
	"sync"

	"enishi.dev/enishi/hoststate"
)

// endpoint is an endpoint with its open connections.
type endpoint struct {
	id          string
	certificate *certificate
	tls         *tls.Config

	mu      sync.Mutex
	unit    *hoststate.Endpoint
	stopped bool // takes no connections
	conns   map[*conn]struct{}
	from    map[string]int // network -> how many of them are of it
}

func newEndpoint(u *hoststate.Endpoint) *endpoint {
	c := newCertificate(u.ID, u.Names, nil)
	return &endpoint{
		id: u.ID, certificate: c, tls: serverConfig(c),
		unit: u, conns: make(map[*conn]struct{}), from: make(map[string]int),
	}
}

// take makes c one of the endpoint's connections, unless it is closing, full or
// does not answer at that address and port: since c was led to it, it may have lost
// the address, and reset all that it had there.
func (e *endpoint) take(c *conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped || e.from[c.network] >= maxConnsPerEndpoint || !e.answers(c.local) {
		return false
	}
	e.conns[c] = struct{}{}
	e.from[c.network]++
	return true
}

// answers says whether the unit is at a. The lock is held.
func (e *endpoint) answers(a netip.AddrPort) bool {
	return slices.Contains(e.unit.Addresses, a.Addr()) && slices.Contains(e.unit.Ports, a.Port())
}

func (e *endpoint) leave(c *conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.conns[c]; !ok {
		return // it was not taken
	}
	delete(e.conns, c)
	if e.from[c.network]--; e.from[c.network] == 0 {
		delete(e.from, c.network)
	}
}

// now returns the unit as it is at present.
func (e *endpoint) now() *hoststate.Endpoint {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.unit
}

// become makes u the endpoint's unit, and resets the connections that are not to
// be by u: all of a closing endpoint, and those to an address it has no more.
// When it returns, they are closed.
func (e *endpoint) become(u *hoststate.Endpoint) {
	e.mu.Lock()
	e.unit, e.stopped = u, u.Closing
	lost := e.lost(func(c *conn) bool { return u.Closing || !slices.Contains(u.Addresses, c.local.Addr()) })
	e.mu.Unlock()
	resetAll(lost)
}

// stop resets every connection; none is taken any more.
func (e *endpoint) stop() {
	e.mu.Lock()
	e.stopped = true
	lost := e.lost(func(*conn) bool { return true })
	e.mu.Unlock()
	resetAll(lost)
}

// lost lists the connections that match. The lock is held.
func (e *endpoint) lost(match func(*conn) bool) []*conn {
	var lost []*conn
	for c := range e.conns {
		if match(c) {
			lost = append(lost, c)
		}
	}
	return lost
}

// resetAll must be called without the endpoint's lock: each connection leaves it.
func resetAll(conns []*conn) {
	for _, c := range conns {
		c.reset()
	}
}

// place is an address of a network, or with network "" a public one.
type place struct {
	network string
	addr    netip.Addr
}

// placesOf returns where u is reached.
func placesOf(u *hoststate.Endpoint) []place {
	var all []place
	for _, a := range u.Addresses {
		all = append(all, place{u.Network, a.Unmap()})
	}
	return all
}
