// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// Limits of connections: a tenant shall not take all from the others.
const (
	maxConns            = 32768
	maxConnsPerEndpoint = 8192 // of each network: public services have several
	maxConnsPerSource   = 1024
)

// source names a caller: addresses mean something within their network only.
type source struct {
	network string
	addr    netip.Addr
}

// mostConns is how many connections a process that may have so many files open can
// keep: one may need another to whoever answers.
func mostConns() int {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return maxConns
	}
	return int(min(maxConns, files.Cur/2))
}

// places counts connections against the limits.
type places struct {
	most int

	mu      sync.Mutex
	total   int
	sources map[source]int
}

// take returns whether s may have one more connection, and counts it.
func (p *places) take(s source) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.total >= p.most || p.sources[s] >= maxConnsPerSource {
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
