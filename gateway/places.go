// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/netip"
	"sync"
)

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
