// SPDX-License-Identifier: Apache-2.0

package feed

import "enishi.dev/enishi/hoststate"

// holding is what this process was last told, as far as it understood it.
type holding struct {
	position hoststate.Position
	units    map[hoststate.Key]hoststate.Unit
}

// open turns a delta into a batch. A unit that is not understood leaves the one
// before as it is, also when the delta is full.
func (h *holding) open(d hoststate.Delta) (Batch, map[hoststate.Key]string) {
	b := Batch{Position: d.Position, Full: d.Full, Gone: d.Gone}
	refused := make(map[hoststate.Key]string)
	for _, e := range d.Set {
		u, err := e.Open()
		if err == nil {
			b.Set = append(b.Set, u)
			continue
		}
		refused[e.Key] = err.Error()
		if before := h.units[e.Key]; before != nil && d.Full {
			b.Set = append(b.Set, before)
		}
	}
	h.keep(b)
	return b, refused
}

// keep remembers the units of b, and, when it is full, nothing else.
func (h *holding) keep(b Batch) {
	if b.Full {
		clear(h.units)
	}
	for _, u := range b.Set {
		h.units[u.Key()] = u
	}
	for _, k := range b.Gone {
		delete(h.units, k)
	}
}
