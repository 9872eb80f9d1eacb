// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"net/netip"
	"sync"
	"time"
)

// The data plane drops packets beyond AWS's allowance of an interface. This bounds
// queries, hundreds of which fit into one packet of TCP.
const (
	perSecond = 1024
	// maxSources bounds what one second costs. Interfaces that may send from any
	// address could name more; those share one count.
	maxSources = 16384
)

// limiter counts the packets of each source address of one network, a second at a time.
type limiter struct {
	mu     sync.Mutex
	second int64
	counts map[netip.Addr]int
}

// allow counts a packet and returns whether it is within the limit.
func (l *limiter) allow(source netip.Addr, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := now.Unix(); s != l.second || l.counts == nil {
		l.second = s
		if len(l.counts) > 64 || l.counts == nil {
			l.counts = make(map[netip.Addr]int) // do not keep what one bad second needed
		}
		clear(l.counts)
	}
	if _, known := l.counts[source]; !known && len(l.counts) >= maxSources {
		source = netip.Addr{}
	}
	l.counts[source]++
	return l.counts[source] <= perSecond
}
