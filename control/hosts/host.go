// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"net/netip"
	"sync"
	"time"

	"enishi.dev/enishi/control/compile"
	"enishi.dev/enishi/hoststate"
)

// host is one host as control knows it. The server's mutex guards it.
type host struct {
	name      string
	compiler  *compile.Compiler
	streams   map[*stream]struct{}
	heard     time.Time          // when its agent was last heard
	restated  hoststate.Position // where its units last became others without a step of the store
	positions map[hoststate.Role]hoststate.Position
	refused   map[hoststate.Role]map[string]string
	sources   map[string]source // interface -> its addresses: who can be a caller
	callers   map[caller]int
}

type source struct {
	network   string
	addresses []netip.Addr
}

type caller struct {
	network string
	address netip.Addr
}

func newHost(name string) *host {
	return &host{
		name: name, compiler: compile.New(), streams: map[*stream]struct{}{},
		positions: map[hoststate.Role]hoststate.Position{}, refused: map[hoststate.Role]map[string]string{},
		sources: map[string]source{}, callers: map[caller]int{},
	}
}

// hear notes that a process of the host spoke.
func (h *host) hear(role hoststate.Role) {
	if role == hoststate.RoleAgent {
		h.heard = time.Now()
	}
}

// note keeps the addresses from which tenants can call.
func (h *host) note(set []hoststate.Unit, gone []hoststate.Key) {
	for _, k := range gone {
		if k.Kind == hoststate.KindInterface {
			h.noteSource(k.ID, source{})
		}
	}
	for _, u := range set {
		if i, ok := u.(*hoststate.Interface); ok {
			h.noteSource(i.ID, source{i.Network, i.Addresses})
		}
	}
}

func (h *host) noteSource(id string, s source) {
	before := h.sources[id]
	for _, a := range before.addresses {
		c := caller{before.network, a}
		if h.callers[c]--; h.callers[c] == 0 {
			delete(h.callers, c)
		}
	}
	delete(h.sources, id)
	if len(s.addresses) == 0 {
		return
	}
	h.sources[id] = s
	for _, a := range s.addresses {
		h.callers[caller{s.network, a}]++
	}
}

// stream is what one process of a host has not been sent yet: the newest of each
// unit, never a queue.
type stream struct {
	role hoststate.Role

	mu    sync.Mutex
	next  hoststate.Delta
	late  *time.Timer // what is to be sent is a position alone, and goes when it fires; nil: none is to be
	set   map[hoststate.Key]hoststate.Unit
	gone  map[hoststate.Key]bool
	dirty chan struct{} // holds one token while there is something to send
	ended chan struct{} // closed when its host is none any more
}

func newStream(role hoststate.Role) *stream {
	return &stream{role: role, set: map[hoststate.Key]hoststate.Unit{}, gone: map[hoststate.Key]bool{}, dirty: make(chan struct{}, 1), ended: make(chan struct{})}
}

// concerns says whether a process of the role has to know the unit.
func (st *stream) concerns(k hoststate.Key) bool {
	switch k.Kind {
	case hoststate.KindName, hoststate.KindMetadata:
		return st.role == hoststate.RoleGateway
	case hoststate.KindNetwork, hoststate.KindEndpoint:
		return true
	}
	return st.role == hoststate.RoleAgent
}

// positionWait is how long a position without any unit that is another may wait for
// others: most decisions are of no concern to most hosts, and each delta costs both
// processes as much as a decision does. All that waits for positions is what has been
// withdrawn, and is freed that much later.
const positionWait = 10 * time.Millisecond

// push adds what there is to send.
func (st *stream) push(p hoststate.Position, set []hoststate.Unit, gone []hoststate.Key) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.next.Position = p
	for _, k := range gone {
		if st.concerns(k) {
			delete(st.set, k)
			st.gone[k] = true
		}
	}
	for _, u := range set {
		if k := u.Key(); st.concerns(k) {
			delete(st.gone, k)
			st.set[k] = u
		}
	}
	switch {
	case st.next.Full || len(st.set)+len(st.gone) > 0:
		st.signal()
	case st.late == nil:
		st.late = time.AfterFunc(positionWait, st.signal)
	}
}

func (st *stream) signal() {
	select {
	case st.dirty <- struct{}{}:
	default:
	}
}

// take returns what is to be sent now.
func (st *stream) take() hoststate.Delta {
	st.mu.Lock()
	d, set, gone := st.next, st.set, st.gone
	st.next = hoststate.Delta{Position: d.Position}
	if st.late != nil {
		st.late.Stop()
		st.late = nil
	}
	st.set, st.gone = map[hoststate.Key]hoststate.Unit{}, map[hoststate.Key]bool{}
	st.mu.Unlock()
	for _, u := range set {
		d.Set = append(d.Set, hoststate.Seal(u))
	}
	for k := range gone {
		if !d.Full {
			d.Gone = append(d.Gone, k)
		}
	}
	return d
}
