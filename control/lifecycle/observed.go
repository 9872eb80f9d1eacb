// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"maps"
	"slices"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
)

// Observed is what hosts have reported so far.
type Observed struct {
	Live      []string                                         // names of live hosts, ascending
	Early     bool                                             // hosts have not had the time to come: that they are not live says nothing
	Positions map[string]map[hoststate.Role]hoststate.Position // by host
	Ready     map[string]map[string]int64                      // host -> endpoint -> generation that was reached
	Closed    map[string]map[string]bool                       // host -> endpoints whose connections are reset
	Instances map[string]map[string]hoststate.InstanceReport   // host -> instance
}

func newObserved() Observed {
	return Observed{
		Positions: map[string]map[hoststate.Role]hoststate.Position{}, Ready: map[string]map[string]int64{},
		Closed: map[string]map[string]bool{}, Instances: map[string]map[string]hoststate.InstanceReport{},
	}
}

// take takes in one report.
func (o *Observed) take(r hoststate.Report) {
	if o.Positions[r.Host] == nil {
		o.Positions[r.Host] = map[hoststate.Role]hoststate.Position{}
	}
	o.Positions[r.Host][r.Role] = r.Position
	switch r.Role {
	case hoststate.RoleAgent:
		if r.Full || o.Ready[r.Host] == nil {
			o.Ready[r.Host] = map[string]int64{}
			o.Instances[r.Host] = map[string]hoststate.InstanceReport{}
		}
		for id, generation := range r.Ready { // what was reached stays so, in whatever order it is told
			o.Ready[r.Host][id] = max(generation, o.Ready[r.Host][id])
		}
		maps.Copy(o.Instances[r.Host], r.Instances)
	case hoststate.RoleGateway:
		if r.Full || o.Closed[r.Host] == nil {
			o.Closed[r.Host] = map[string]bool{}
		}
		for _, e := range r.Closed {
			o.Closed[r.Host][e] = true
		}
	}
}

// forget drops what was reported of rows that are gone.
func (o *Observed) forget(id string) {
	for _, m := range o.Ready {
		delete(m, id)
	}
	for _, m := range o.Closed {
		delete(m, id)
	}
	for _, m := range o.Instances {
		delete(m, id)
	}
}

// about is a copy, which nobody else changes, of what was seen of the rows. There
// may be very many others.
func (o Observed) about(rows map[store.Ref]struct{}) Observed {
	c := newObserved()
	c.Live, c.Early = slices.Clone(o.Live), o.Early
	for h, m := range o.Positions {
		c.Positions[h] = maps.Clone(m)
	}
	for r := range rows {
		pick(c.Ready, o.Ready, r.ID)
		pick(c.Closed, o.Closed, r.ID)
		pick(c.Instances, o.Instances, r.ID)
	}
	return c
}

// pick copies what every host said of one row.
func pick[V any](to, from map[string]map[string]V, id string) {
	for h, m := range from {
		if v, ok := m[id]; ok {
			if to[h] == nil {
				to[h] = map[string]V{}
			}
			to[h][id] = v
		}
	}
}

// confirmed says that every live host has let go of what was withdrawn by the
// revision. One that is silent is not waited for.
func (o Observed) confirmed(incarnation string, revision int64) bool {
	for _, h := range o.Live {
		for _, role := range []hoststate.Role{hoststate.RoleAgent, hoststate.RoleGateway} {
			p := o.Positions[h][role]
			if p.Incarnation != incarnation || p.Revision < revision {
				return false
			}
		}
	}
	return !o.Early
}
