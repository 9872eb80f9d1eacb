// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"encoding/binary"
	"fmt"

	"enishi.dev/enishi/hoststate"
)

// askBack says what becomes of the answer to the packet that was explained last, as
// if that one had opened its connection.
func (d *Datapath) askBack(there bpfTrail, vni uint32, answer askedPacket) (*hoststate.Answer, error) {
	const supposing = 1
	var from [4]uint32 // see explain
	var mac hoststate.MAC
	target, _ := d.units[d.holders[bpfInterfaceKey{Id: there.Target}]].(*hoststate.Interface)
	switch {
	case bpfDestination(there.To) == bpfDestinationTO_DOOR:
		from = [4]uint32{d.wiring.doors[vni], 0, 0, supposing}
	case target == nil:
		return nil, fmt.Errorf("nobody gets the packet (destination %d)", there.To)
	case there.Tunnel != 0:
		from = [4]uint32{d.wiring.tunnel, vni, there.Tunnel, supposing}
		mac = hoststate.MAC{tunnelMAC0, tunnelMAC1}
		binary.BigEndian.PutUint32(mac[2:], target.Number)
	default:
		from = [4]uint32{d.wiring.interfaces[there.Target], 0, 0, supposing}
		mac = target.MAC
	}
	raw, err := d.explain(answer.frame(mac), from[:]...)
	if err != nil {
		return nil, err
	}
	t := d.translate(raw)
	return &hoststate.Answer{Verdict: t.Verdict, Reason: t.Reason, Flow: t.Flow, Refused: t.Refused, Target: t.Target}, nil
}

// The source of a frame between hosts begins so: TUNNEL_MAC_0 and _1.
const tunnelMAC0, tunnelMAC1 = 0x02, 0x02
