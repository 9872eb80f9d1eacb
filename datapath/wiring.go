// SPDX-License-Identifier: Apache-2.0

package datapath

import "enishi.dev/enishi/hoststate"

// wiring is which ports are attached: units say what is wanted, ports where it is.
type wiring struct {
	interfaces map[uint64]uint32 // ifindex by the interface's handle
	doors      map[uint32]uint32 // ifindex by VNI
	tunnel     uint32            // ifindex
}

func (w *wiring) join(p *Port) {
	switch {
	case p == nil:
	case p.Kind == PortInterface:
		w.interfaces[p.handle] = uint32(p.Ifindex)
	case p.Kind == PortDoor:
		w.doors[p.Network] = uint32(p.Ifindex)
	case p.Kind == PortTunnel:
		w.tunnel = uint32(p.Ifindex)
	}
}

func (w *wiring) cut(p *Port) {
	switch {
	case p == nil:
	case p.Kind == PortInterface && w.interfaces[p.handle] == uint32(p.Ifindex):
		delete(w.interfaces, p.handle)
	case p.Kind == PortDoor && w.doors[p.Network] == uint32(p.Ifindex):
		delete(w.doors, p.Network)
	case p.Kind == PortTunnel && w.tunnel == uint32(p.Ifindex):
		w.tunnel = 0
	}
}

// unitsOf returns the units whose facts hang on the ports.
func (d *Datapath) unitsOf(ports ...*Port) map[hoststate.Key]hoststate.Unit {
	touched := map[hoststate.Key]hoststate.Unit{}
	for _, p := range ports {
		if p == nil {
			continue
		}
		if p.Kind == PortTunnel {
			for k, u := range d.units {
				if k.Kind == hoststate.KindNetwork {
					touched[k] = u
				}
			}
			continue
		}
		var key any = bpfNetworkKey{Vni: p.Network}
		if p.Kind == PortInterface {
			key = bpfInterfaceKey{Id: p.handle}
		}
		if k, ok := d.holders[key]; ok {
			touched[k] = d.units[k]
		}
	}
	return touched
}
