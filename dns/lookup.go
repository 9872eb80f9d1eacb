// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"net/netip"

	"enishi.dev/enishi/hoststate"
)

// found is what a name is to a network.
type found struct {
	zone   string  // whose SOA goes with a refusal; "" is the root
	exists bool    // the name has records of some type, or names under it
	record *record // its addresses
	target string  // the name that a reverse name stands for
}

// lookup finds name (canonical) for a network. The longest private zone around
// it decides alone; then come the network's other names, the names of its
// addresses, and the names that everybody sees.
func (v *View) lookup(n *hoststate.Network, name string) found {
	if zone, ok := v.zone(n.ID, name); ok {
		f := v.within(n.ID, zone, name)
		f.zone = zone
		return f
	}
	own := v.within(n.ID, "", name)
	if own.record != nil {
		return own
	}
	if f, ok := addressName(n, name); ok {
		f.exists = f.exists || own.exists
		return f
	}
	f := v.within("", "", name)
	f.exists = f.exists || own.exists
	return f
}

// zone returns the longest private zone that name is in.
func (v *View) zone(network, name string) (string, bool) {
	var b, zb keyBuffer
	k := b.newKey(network)
	k.add(name)
	for depth := len(k.ends) - 1; depth > 0; depth-- {
		z := append(append(zb.bytes[:0], k.buf[:k.ends[depth]]...), endZone)
		if v.any(z) {
			return suffix(name, depth), true
		}
	}
	return "", false
}

// suffix returns the last labels of name, depth of them.
func suffix(name string, depth int) string {
	start := len(name) + 1
	for range depth {
		start = labelStart(name[:start-1])
	}
	return name[start:]
}

// within finds name among the names of a zone, as RFC 1034 and 4592 want it: the
// name itself, else the wildcard right under its closest ancestor that exists.
func (v *View) within(network, zone, name string) found {
	var zb, nb keyBuffer
	z := zb.newKey(network)
	z.add(zone)
	k := key{buf: append(append(nb.bytes[:0], z.buf...), endZone), ends: nb.ends[:0]}
	k.add(name)
	if r, ok := v.records.Get(k.buf); ok {
		return found{exists: true, record: r}
	}
	if v.any(k.buf) {
		return found{exists: true}
	}
	for depth := len(k.ends) - 2; depth > 0; depth-- {
		ancestor := k.buf[:k.ends[depth]]
		if !v.any(ancestor) {
			continue
		}
		// This writes over the rest of the key, which is not needed any more.
		if r, ok := v.records.Get(append(ancestor, '*', endLabel)); ok {
			return found{exists: true, record: r}
		}
		break
	}
	return found{}
}

// any returns whether some record's key begins with prefix.
func (v *View) any(prefix []byte) bool {
	it := v.records.Prefix(prefix)
	_, _, ok := it.Next()
	return ok
}

// resolver returns the network if its resolver answers at addr.
func (v *View) resolver(network string, addr netip.Addr) (*hoststate.Network, bool) {
	n, ok := v.networks.Get([]byte(network))
	if !ok {
		return nil, false
	}
	for _, a := range n.Resolver {
		if a == addr.Unmap() {
			return n, true
		}
	}
	return nil, false
}
