// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"enishi.dev/enishi/hoststate"
)

// held reports whether only one unit may have the key.
func held(key any) bool {
	switch key.(type) {
	case bpfAddressKey, bpfInterfaceKey, bpfNumberKey, bpfNetworkKey:
		return true
	}
	return false
}

// release lets go of what the touched units hold and use.
func (d *Datapath) release(touched map[hoststate.Key]hoststate.Unit) {
	for k := range touched {
		old := d.units[k]
		if old == nil {
			continue
		}
		for key := range d.factsOf(old) {
			if held(key) && d.holders[key] == k {
				delete(d.holders, key)
			}
		}
		d.use(old, -1)
	}
}

// hold puts the touched units in their place. One that wants what another has is
// left out: two interfaces with one address would take each other's packets.
func (d *Datapath) hold(touched map[hoststate.Key]hoststate.Unit) []error {
	var errs []error
	for _, k := range slices.SortedFunc(maps.Keys(touched), compareKeys) { // the same one is left out every time
		u := touched[k]
		delete(d.units, k)
		if u == nil {
			continue
		}
		if err := d.free(k, u); err != nil {
			errs = append(errs, &UnitError{k, err})
			continue
		}
		for key := range d.factsOf(u) {
			if held(key) {
				d.holders[key] = k
			}
		}
		d.units[k] = u
		d.use(u, 1)
	}
	return errs
}

func compareKeys(a, b hoststate.Key) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

func (d *Datapath) free(k hoststate.Key, u hoststate.Unit) error {
	for key := range d.factsOf(u) {
		if by, taken := d.holders[key]; held(key) && taken && by != k {
			return fmt.Errorf("%s is held by %s", describe(key), by)
		}
	}
	return nil
}

func (d *Datapath) factsOf(u hoststate.Unit) image {
	im := image{}
	switch u.(type) {
	case *hoststate.Network, *hoststate.Interface, *hoststate.Endpoint:
		facts(u, wiring{}, im)
	}
	return im
}

// use counts by how many interfaces of which network a list is used.
func (d *Datapath) use(u hoststate.Unit, n int) {
	i, ok := u.(*hoststate.Interface)
	if !ok {
		return
	}
	for _, key := range []any{bpfGroupsetKey{Id: handle(i.GroupSet)}, bpfTableKey{Id: handle(i.RouteTable)}} {
		if d.users[key] == nil {
			d.users[key] = map[uint32]int{}
		}
		d.users[key][i.VNI] += n
		if d.users[key][i.VNI] == 0 {
			delete(d.users[key], i.VNI)
		}
		if len(d.users[key]) == 0 {
			delete(d.users, key)
		}
	}
}

// idleLists returns those of the touched lists that no interface uses.
func (d *Datapath) idleLists(touched map[hoststate.Key]hoststate.Unit) map[any]bool {
	idle := map[any]bool{}
	for k := range touched {
		if key := listKey(k); key != nil {
			idle[key] = len(d.users[key]) == 0
		}
	}
	return idle
}

func listKey(k hoststate.Key) any {
	switch k.Kind {
	case hoststate.KindGroupSet:
		return bpfGroupsetKey{Id: handle(k.ID)}
	case hoststate.KindRouteTable:
		return bpfTableKey{Id: handle(k.ID)}
	}
	return nil
}

// networksOf adds the networks whose flows a change of u could concern.
func (d *Datapath) networksOf(u hoststate.Unit, affected map[uint32]bool) {
	switch u := u.(type) {
	case *hoststate.Network:
		affected[u.VNI] = true
	case *hoststate.Interface:
		affected[u.VNI] = true
	case *hoststate.Endpoint:
		affected[u.VNI] = true
		if u.Network == "" {
			for vni := range d.generations {
				affected[vni] = true
			}
		}
	case *hoststate.GroupSet, *hoststate.RouteTable:
		for vni := range d.users[listKey(u.Key())] {
			affected[vni] = true
		}
	}
}

func describe(key any) string {
	switch k := key.(type) {
	case bpfAddressKey:
		a := netip.AddrFrom16(k.Ip)
		if k.Family == uint32(bpfFamilyFAMILY_IPV4) {
			a = netip.AddrFrom4([4]byte(k.Ip[:4]))
		}
		return "address " + a.String()
	case bpfNumberKey:
		return fmt.Sprintf("interface number %d", k.Number)
	case bpfNetworkKey:
		return fmt.Sprintf("network number %d", k.Vni)
	}
	return "its handle"
}
