// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"sync"
	"time"
)

// serving is the connections that are served.
type serving struct {
	mu      sync.Mutex
	conns   map[*conn]struct{}
	running sync.WaitGroup
}

func (o *serving) serve(c *conn) {
	o.mu.Lock()
	o.conns[c] = struct{}{}
	o.mu.Unlock()
	o.running.Go(func() {
		defer func() {
			o.mu.Lock()
			delete(o.conns, c)
			o.mu.Unlock()
		}()
		c.serve()
	})
}

// end closes the connections, each once its request is answered, and all after
// goodbye. It returns when all is over; nothing may be added any more.
func (o *serving) end(goodbye time.Duration, cancel func()) {
	ended := make(chan struct{})
	go func() {
		o.running.Wait()
		close(ended)
	}()
	o.each((*conn).endIdle)
	select {
	case <-ended:
		return
	case <-time.After(goodbye):
	}
	cancel()
	o.each((*conn).cut)
	<-ended
}

func (o *serving) each(f func(*conn)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for c := range o.conns {
		f(c)
	}
}
