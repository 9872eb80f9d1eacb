// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// carry makes one write of a plan true, as one or more writes of maps, and counts them.
func (d *Datapath) carry(w write) error {
	switch k := w.key.(type) {
	case bpfPortKey:
		return d.set(d.objs.Ports, k, w.new)
	case bpfAddressKey:
		return d.set(d.objs.Addresses, k, w.new)
	case bpfInterfaceKey:
		return d.set(d.objs.Interfaces, k, w.new)
	case bpfNumberKey:
		return d.set(d.objs.Numbers, k, w.new)
	case bpfListenerKey:
		return d.set(d.objs.Listeners, k, w.new)
	case bpfNetworkKey:
		v, ok := w.new.(bpfNetwork)
		if !ok {
			delete(d.generations, k.Vni)
			return d.set(d.objs.Networks, k, nil)
		}
		if d.generations[k.Vni] == 0 {
			d.generations[k.Vni] = d.nextGeneration()
		}
		v.Generation = d.generations[k.Vni]
		return d.set(d.objs.Networks, k, v)
	case bpfGroupsetKey:
		return d.carryRules(k, w)
	case bpfTableKey:
		return d.carryRoutes(k, w)
	}
	return fmt.Errorf("key %T is of no map", w.key)
}

// set puts v, or deletes what is not there any more.
func (d *Datapath) set(m *ebpf.Map, k, v any) error {
	d.writes++
	if v == nil {
		if err := m.Delete(k); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("delete %T: %w", k, err)
		}
		return nil
	}
	if err := m.Put(k, v); err != nil {
		return fmt.Errorf("put %T: %w", k, err)
	}
	return nil
}

// carryRules writes the new list beside the old one, switches, and removes the old.
// A packet that is just walking the old one may be dropped; nothing is let through.
func (d *Datapath) carryRules(k bpfGroupsetKey, w write) error {
	before, had := w.old.(ruleset)
	after, has := w.new.(ruleset)
	sameList := had && has && before.list(k.Id) == after.list(k.Id)
	if has {
		list := after.list(k.Id)
		if !sameList {
			for i, c := range after.chunks() {
				if err := d.set(d.objs.Rules, bpfChunkKey{List: list, Index: uint32(i)}, c); err != nil {
					return err
				}
			}
		}
		if err := d.set(d.objs.Groupsets, k, bpfGroupset{List: list, Group: after.groups, NamesGroups: after.namesGroups()}); err != nil {
			return err
		}
	} else if err := d.set(d.objs.Groupsets, k, nil); err != nil {
		return err
	}
	if !had || sameList {
		return nil
	}
	return d.removeRules(before.list(k.Id), len(before.chunks()))
}

func (d *Datapath) removeRules(list uint64, chunks int) error {
	for i := range chunks {
		if err := d.set(d.objs.Rules, bpfChunkKey{List: list, Index: uint32(i)}, nil); err != nil {
			return err
		}
	}
	return nil
}

// carryRoutes does the same for a route table. The old list goes broadest prefix
// first, so that a packet that is just asking it finds its route or none.
func (d *Datapath) carryRoutes(k bpfTableKey, w write) error {
	if after, ok := w.new.(routes); ok {
		list := after.list(k.Id)
		for _, r := range after {
			r.key.List = list
			if err := d.set(d.objs.Routes, r.key, r.value); err != nil {
				return err
			}
		}
		if err := d.set(d.objs.Tables, k, bpfTable{List: list}); err != nil {
			return err
		}
	} else if err := d.set(d.objs.Tables, k, nil); err != nil {
		return err
	}
	before, ok := w.old.(routes)
	if !ok {
		return nil
	}
	for _, r := range before {
		r.key.List = before.list(k.Id)
		if err := d.set(d.objs.Routes, r.key, nil); err != nil {
			return err
		}
	}
	return nil
}

// newEpoch makes every flow be compared with the maps again. It comes after the
// changes and after the generations of the networks that they concern.
func (d *Datapath) newEpoch() error {
	return d.set(d.objs.Epochs, uint32(0), d.nextGeneration())
}

// bump makes every flow of the network be decided again. It comes after the
// changes that ask for it, so that no flow is decided by what was before them.
func (d *Datapath) bump(vni uint32) error {
	var n bpfNetwork
	k := bpfNetworkKey{Vni: vni}
	if err := d.objs.Networks.Lookup(k, &n); errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("read network: %w", err)
	}
	n.Generation = d.nextGeneration()
	d.generations[vni] = n.Generation
	return d.set(d.objs.Networks, k, n)
}
