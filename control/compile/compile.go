// SPDX-License-Identifier: Apache-2.0

// Package compile turns the model into what each host must hold. It is pure: the
// same world gives the same units, so a host's state can be compared, cached and
// tested as text. It knows nothing of how a unit is made true.
package compile

import (
	"slices"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// Facts is what compile has to know beside the model.
type Facts struct {
	Host string   // whose units are made
	Live []string // the names of live hosts, ascending
}

// Host returns all units of a host.
func Host(v *store.View, f Facts) map[hoststate.Key]hoststate.Unit {
	c := New()
	c.Update(store.Step{View: v, All: true}, f)
	return c.have
}

// world is what units are made of.
type world struct {
	*store.View
	f       Facts
	members *members
}

// takesPart says whether the host has to know the network: it has instances in
// it, or it is the one that answers for a network's endpoints while nobody has.
func (w world) takesPart(id vpc.VPCID) bool {
	at := w.members.hosts[id]
	if at[w.f.Host] > 0 {
		return true
	}
	if len(at) > 0 || len(w.f.Live) == 0 || w.f.Live[0] != w.f.Host {
		return false
	}
	for e := range w.Endpoints.By("vpc", string(id)) {
		if e.Status.Gone.IsZero() {
			return true
		}
	}
	return false
}

// unit makes the unit of the key, nil if there is to be none.
func (w world) unit(k hoststate.Key) hoststate.Unit {
	switch k.Kind {
	case hoststate.KindNetwork:
		return orNil(w.network(k.ID))
	case hoststate.KindInterface:
		return orNil(w.netInterface(k.ID))
	case hoststate.KindGroupSet:
		return orNil(w.groupSet(k.ID))
	case hoststate.KindRouteTable:
		return orNil(w.routeTable(k.ID))
	case hoststate.KindEndpoint:
		return orNil(w.endpoint(k.ID))
	case hoststate.KindInstance:
		return orNil(w.instance(k.ID))
	case hoststate.KindMetadata:
		return orNil(w.metadata(k.ID))
	}
	return nil // names: see names.go
}

// orNil makes a nil pointer a nil unit.
func orNil[T any, P interface {
	*T
	hoststate.Unit
}](p P) hoststate.Unit {
	if p == nil {
		return nil
	}
	return p
}

// members counts the instances of networks by host.
type members struct {
	places map[vpc.InstanceID]place
	hosts  map[vpc.VPCID]map[string]int
}

type place struct {
	vpc  vpc.VPCID
	host string
}

func newMembers() *members {
	return &members{map[vpc.InstanceID]place{}, map[vpc.VPCID]map[string]int{}}
}

// put notes where an instance is, or with ok false that it is gone, and returns
// the networks whose members changed.
func (m *members) put(id vpc.InstanceID, p place, ok bool) []vpc.VPCID {
	before, had := m.places[id]
	if had == ok && (!ok || before == p) {
		return nil
	}
	var changed []vpc.VPCID
	if had {
		delete(m.places, id)
		at := m.hosts[before.vpc]
		if at[before.host]--; at[before.host] == 0 {
			delete(at, before.host)
		}
		changed = append(changed, before.vpc)
	}
	if ok {
		m.places[id] = p
		at := m.hosts[p.vpc]
		if at == nil {
			at = map[string]int{}
			m.hosts[p.vpc] = at
		}
		at[p.host]++
		if !slices.Contains(changed, p.vpc) {
			changed = append(changed, p.vpc)
		}
	}
	return changed
}
