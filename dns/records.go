// SPDX-License-Identifier: Apache-2.0

// Package dns answers the queries of networks from names and networks as units
// say them, and from nothing else: what has no unit does not exist, and no query
// leaves the machine. It knows messages, zones and sockets; not what a name is for.
package dns

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/cilium/statedb/part"

	"enishi.dev/enishi/hoststate"
)

// Records holds the names of all networks. The zero value holds none.
type Records struct {
	view atomic.Pointer[View]

	mu    sync.Mutex // held by Apply
	names map[hoststate.Key]*hoststate.Name
}

// View is the records at one time; it never changes.
type View struct {
	networks part.Tree[*hoststate.Network]
	records  part.Tree[*record]
	said     said
}

// record is a name ready to be answered.
type record struct {
	ttl    uint32
	v4, v6 []netip.Addr
}

// View returns the records as they are now.
func (r *Records) View() *View {
	if v := r.view.Load(); v != nil {
		return v
	}
	return newView()
}

func newView() *View {
	return &View{
		networks: part.New[*hoststate.Network](part.RootOnlyWatch),
		records:  part.New[*record](part.RootOnlyWatch),
	}
}

// Apply makes the records hold set, and no longer gone; with full, nothing but
// set. Other kinds of units are passed over. Its cost is by what changes; a query
// sees all of it or nothing.
func (r *Records) Apply(full bool, set []hoststate.Unit, gone []hoststate.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.View()
	if full || r.names == nil {
		v, r.names = newView(), make(map[hoststate.Key]*hoststate.Name)
	}
	networks, records := v.networks.Txn(), v.records.Txn()
	for _, k := range gone {
		switch k.Kind {
		case hoststate.KindNetwork:
			networks.Delete([]byte(k.ID))
		case hoststate.KindName:
			r.remove(records, k)
		}
	}
	for _, u := range set {
		switch u := u.(type) {
		case *hoststate.Network:
			networks.Insert([]byte(u.ID), u)
		case *hoststate.Name:
			r.remove(records, u.Key()) // its zone may be another now
			r.names[u.Key()] = u
			records.Insert(nameKey(u), newRecord(u))
		}
	}
	r.view.Store(&View{networks: networks.Commit(), records: records.Commit()})
}

func (r *Records) remove(records *part.Txn[*record], k hoststate.Key) {
	if old := r.names[k]; old != nil {
		records.Delete(nameKey(old))
		delete(r.names, k)
	}
}

// nameKey is where n is found. A public name hides nothing, whatever it says.
func nameKey(n *hoststate.Name) []byte {
	if n.Network == "" {
		return recordKey("", "", n.Name)
	}
	return recordKey(n.Network, n.Zone, n.Name)
}

func newRecord(n *hoststate.Name) *record {
	r := &record{ttl: n.TTL}
	for _, a := range n.Addresses {
		if a = a.Unmap(); a.Is4() {
			r.v4 = append(r.v4, a)
		} else {
			r.v6 = append(r.v6, a)
		}
	}
	return r
}
