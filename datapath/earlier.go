// SPDX-License-Identifier: Apache-2.0

package datapath

import "encoding/binary"

// earlierFlows calls f for every half of a flow that another layout tracks, as it
// would be here. What was decided about it is left out: that is decided again.
func (d *Datapath) earlierFlows(o *otherLayout, f func(bpfFlowKey, bpfFlow)) error {
	switch o.format {
	case 1:
		return d.ownedFlows(o.dir, f)
	case flowFormat:
		return readPinned(o.dir, bpfMapFlows, func(k bpfFlowKey, v bpfFlow) {
			v.Epoch, v.Generation = 0, 0
			f(k, v)
		})
	}
	return nil // Open has said that they are not known
}

// Flows of format 1 were keyed by who sends their packets, in one map until both
// sides had answered and in another from then on. There were no other hosts.
type (
	ownedFlowKey struct {
		Owner            uint64
		Src, Dst         [16]uint8
		Sport, Dport     uint16
		Protocol, Family uint8
		_                [2]uint8
	}
	ownedFlow struct {
		Seen, Generation, Peer, Target uint64
		To, Ifindex, State, Rule, Fin  uint32
		Mac                            [6]uint8
		_                              [6]uint8
	}
)

// What the bits of format 1 meant from here on; those below are the same.
const (
	ownedCharged  = 256 // it counted towards its owner's quota
	ownedFinAcked = 512
)

func (d *Datapath) ownedFlows(dir string, f func(bpfFlowKey, bpfFlow)) error {
	ports := d.portsByOwner()
	each := func(k ownedFlowKey, v ownedFlow) {
		ifindex := ports[k.Owner]
		if ifindex == 0 {
			return // its owner is not attached, or not yet
		}
		state := v.State &^ (ownedCharged | ownedFinAcked)
		if v.State&ownedFinAcked != 0 {
			state |= uint32(bpfFlowStateFLOW_FIN_ACKED)
		}
		f(bpfFlowKey{
			Ifindex: ifindex, Src: k.Src, Dst: k.Dst, Sport: k.Sport, Dport: k.Dport, Protocol: k.Protocol, Family: k.Family,
		}, bpfFlow{
			Seen: v.Seen, Owner: k.Owner, Peer: v.Peer, State: state, Rule: v.Rule, Fin: v.Fin,
		})
	}
	if err := readPinned(dir, "half_open", each); err != nil { // a flow may go from here to there meanwhile
		return err
	}
	return readPinned(dir, bpfMapFlows, each)
}

// portsByOwner says where the packets of each owner of flows come in.
func (d *Datapath) portsByOwner() map[uint64]uint32 {
	const service, probe = 1 << 63, 3 << 62 // OWNER_SERVICE, OWNER_PROBE
	by := map[uint64]uint32{}
	index := uint32(0) // of the probe
	for _, p := range d.ports {
		switch p.Kind {
		case PortInterface:
			by[p.handle] = uint32(p.Ifindex)
		case PortDoor:
			by[service|uint64(p.Network)] = uint32(p.Ifindex)
		case PortProbe:
			index = uint32(p.Ifindex)
		}
	}
	for _, p := range d.ports {
		if p.Kind == PortDoor && index != 0 {
			by[probe|uint64(p.Network)] = index
		}
	}
	return by
}

// readPinned calls f for every entry of a map of another layout, none if it is not there.
func readPinned[K, V any](dir, name string, f func(K, V)) error {
	m, err := pinned(dir, name)
	if m == nil || err != nil {
		return err
	}
	defer m.Close()
	return readMap(m, f)
}

func sizeOf[T any]() uint32 {
	var v T
	return uint32(binary.Size(v))
}
