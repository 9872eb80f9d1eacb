// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"sync"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/feed"
)

// endpoints is the endpoints of this host, by id and by where they are reached.
type endpoints struct {
	mu sync.RWMutex // for the maps; apply is called by one goroutine
	id map[string]*endpoint
	at map[place]*endpoint
}

func newEndpoints() *endpoints {
	return &endpoints{id: make(map[string]*endpoint), at: make(map[place]*endpoint)}
}

// find returns the endpoint at p, or the public service there, or nil. That somebody
// comes to a public address in p's network means that it has a way out to there.
func (e *endpoints) find(p place) *endpoint {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if own := e.at[p]; own != nil {
		return own
	}
	return e.at[place{"", p.addr}]
}

// change is what a batch did.
type change struct {
	stopped []*endpoint // are gone
	served  []*endpoint // are there, new or changed
	closed  []string    // with Closing; none of their connections is left
}

// apply makes the endpoints those of the batch. Once it returns, connections that
// are not to be have been reset.
func (e *endpoints) apply(b feed.Batch) change {
	var ch change
	for _, id := range e.gone(b) {
		if old := e.remove(id); old != nil {
			old.stop()
			ch.stopped = append(ch.stopped, old)
		}
	}
	for _, u := range b.Set {
		if u, ok := u.(*hoststate.Endpoint); ok {
			e.set(u, &ch)
		}
	}
	return ch
}

// gone lists the endpoints that the batch takes away.
func (e *endpoints) gone(b feed.Batch) []string {
	var gone []string
	for _, k := range b.Gone {
		if k.Kind == hoststate.KindEndpoint {
			gone = append(gone, k.ID)
		}
	}
	if !b.Full {
		return gone
	}
	kept := make(map[string]bool)
	for _, u := range b.Set {
		if k := u.Key(); k.Kind == hoststate.KindEndpoint {
			kept[k.ID] = true
		}
	}
	for id := range e.id {
		if !kept[id] {
			gone = append(gone, id)
		}
	}
	return gone
}

func (e *endpoints) remove(id string) *endpoint {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.id[id]
	if old == nil {
		return nil
	}
	delete(e.id, id)
	e.unplace(old)
	return old
}

// unplace forgets where an endpoint is reached, unless another is there by now.
// The lock is held.
func (e *endpoints) unplace(old *endpoint) {
	for _, p := range placesOf(old.now()) {
		if e.at[p] == old {
			delete(e.at, p)
		}
	}
}

// set makes u hold. What is closing is found no more: its address may be
// another's soon.
func (e *endpoints) set(u *hoststate.Endpoint, ch *change) {
	ep, known := e.id[u.ID]
	if !known {
		ep = newEndpoint(u)
	}
	e.mu.Lock()
	if known {
		e.unplace(ep)
	}
	e.id[u.ID] = ep
	if !u.Closing {
		for _, p := range placesOf(u) {
			e.at[p] = ep
		}
	}
	e.mu.Unlock()
	ep.become(u)
	if u.Closing {
		ch.closed = append(ch.closed, u.ID)
	} else {
		ch.served = append(ch.served, ep)
	}
}
