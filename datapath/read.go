// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// read returns what the maps hold, and removes lists that nothing leads to: an
// agent that died between two writes leaves them behind.
func (d *Datapath) read() (image, error) {
	im := image{}
	err := errOr(
		readMap(d.objs.Ports, func(k bpfPortKey, v bpfPort) { im[k] = v }),
		readMap(d.objs.Addresses, func(k bpfAddressKey, v bpfAddress) { im[k] = v }),
		readMap(d.objs.Interfaces, func(k bpfInterfaceKey, v bpfInterface) { im[k] = v }),
		readMap(d.objs.Numbers, func(k bpfNumberKey, v bpfNumber) { im[k] = v }),
		readMap(d.objs.Listeners, func(k bpfListenerKey, v bpfListener) { im[k] = v }),
		d.readNetworks(im),
		d.readRules(im),
		d.readRoutes(im),
	)
	return im, err
}

// readNetworks adds the networks to im, and learns their generations.
func (d *Datapath) readNetworks(im image) error {
	return readMap(d.objs.Networks, func(k bpfNetworkKey, v bpfNetwork) {
		d.generations[k.Vni] = v.Generation
		v.Generation = 0
		im[k] = v
	})
}

func (d *Datapath) readRules(im image) error {
	lists := map[uint64][]bpfChunk{}
	err := readMap(d.objs.Rules, func(k bpfChunkKey, v bpfChunk) {
		for uint32(len(lists[k.List])) <= k.Index {
			lists[k.List] = append(lists[k.List], bpfChunk{})
		}
		lists[k.List][k.Index] = v
	})
	if err != nil {
		return err
	}
	used := map[uint64]bool{}
	err = readMap(d.objs.Groupsets, func(k bpfGroupsetKey, v bpfGroupset) {
		s := ruleset{groups: v.Group}
		for _, c := range lists[v.List] {
			for _, r := range c.Rule {
				if r.Flags != 0 {
					s.rules = append(s.rules, r)
				}
			}
		}
		used[v.List] = s.list(k.Id) == v.List // else it is not whole: write it anew
		if used[v.List] {
			im[k] = s
		} else {
			im[k] = ruleset{}
		}
	})
	for list, chunks := range lists {
		if err == nil && !used[list] {
			err = d.removeRules(list, len(chunks))
		}
	}
	return err
}

func (d *Datapath) readRoutes(im image) error {
	lists := map[uint64]routes{}
	err := readMap(d.objs.Routes, func(k bpfRouteKey, v bpfRoute) {
		list := k.List
		k.List = 0
		lists[list] = append(lists[list], route{k, v})
	})
	if err != nil {
		return err
	}
	used := map[uint64]bool{}
	err = readMap(d.objs.Tables, func(k bpfTableKey, v bpfTable) {
		rs := lists[v.List]
		rs.sort()
		used[v.List] = rs.list(k.Id) == v.List
		if used[v.List] {
			im[k] = rs
		} else {
			im[k] = routes(nil)
		}
	})
	for list, rs := range lists {
		if err == nil && !used[list] {
			for _, r := range rs {
				r.key.List = list
				err = errOr(err, d.set(d.objs.Routes, r.key, nil))
			}
		}
	}
	return err
}

// readMap calls f for every entry of m, which nobody else writes meanwhile.
func readMap[K, V any](m *ebpf.Map, f func(K, V)) error {
	if m.Type() == ebpf.LPMTrie {
		var k K
		var v V
		it := m.Iterate()
		for it.Next(&k, &v) {
			f(k, v)
		}
		if err := it.Err(); err != nil {
			return fmt.Errorf("read %T: %w", k, err)
		}
		return nil
	}
	keys, values := make([]K, 1024), make([]V, 1024)
	var cursor ebpf.MapBatchCursor
	for {
		n, err := m.BatchLookup(&cursor, keys, values, nil)
		for i := range n {
			f(keys[i], values[i])
		}
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %T: %w", keys, err)
		}
	}
}
