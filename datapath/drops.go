// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"cmp"
	"fmt"
	"slices"

	"enishi.dev/enishi/hoststate"
)

// reasons are the words for the program's enum drop_reason.
var reasons = [bpfDropReasonDROP_REASONS]string{
	bpfDropReasonDROP_NONE:             "",
	bpfDropReasonDROP_UNKNOWN_PORT:     "unknown port",
	bpfDropReasonDROP_NOT_IP:           "not IP",
	bpfDropReasonDROP_MALFORMED:        "malformed",
	bpfDropReasonDROP_FRAGMENT:         "fragment",
	bpfDropReasonDROP_EXTENSION_HEADER: "extension header",
	bpfDropReasonDROP_NOT_UNICAST:      "not unicast",
	bpfDropReasonDROP_MAPPED_ADDRESS:   "IPv4-mapped address",
	bpfDropReasonDROP_SPOOFED:          "spoofed source",
	bpfDropReasonDROP_RESOLUTION:       "address resolution",
	bpfDropReasonDROP_ICMP_ERROR:       "ICMP error",
	bpfDropReasonDROP_ICMP_TYPE:        "ICMP type",
	bpfDropReasonDROP_NOT_SYN:          "not a SYN",
	bpfDropReasonDROP_NO_REQUEST:       "no request",
	bpfDropReasonDROP_FROM_SERVICE:     "opened by a service",
	bpfDropReasonDROP_NO_PROBE:         "no such probe",
	bpfDropReasonDROP_NO_ROUTE:         "no route",
	bpfDropReasonDROP_NO_ADDRESS:       "no such address",
	bpfDropReasonDROP_BLACKHOLE:        "blackhole",
	bpfDropReasonDROP_ELSEWHERE:        "not on this host",
	bpfDropReasonDROP_WRONG_HOST:       "wrong host",
	bpfDropReasonDROP_NOT_ITS_ADDRESS:  "not its address",
	bpfDropReasonDROP_GROUPS:           "security group",
	bpfDropReasonDROP_NO_LISTENER:      "no listener",
	bpfDropReasonDROP_CLOSING:          "endpoint closing",
	bpfDropReasonDROP_NO_DOOR:          "no service namespace",
	bpfDropReasonDROP_TOO_BIG:          "too big",
	bpfDropReasonDROP_QUOTA:            "too many flows",
	bpfDropReasonDROP_LINK_LOCAL:       "link-local allowance",
	bpfDropReasonDROP_TABLE_FULL:       "flow table full",
	bpfDropReasonDROP_KERNEL:           "kernel refused",

	bpfDropReasonDROP_NO_PUBLIC_ADDRESS: "no public address",
}

func reason(r uint32) string {
	if int(r) >= len(reasons) {
		return fmt.Sprintf("reason %d", r)
	}
	return reasons[r]
}

// Drops returns the packets refused since the data plane was made, by network and
// reason. Those that no network can be blamed for have none.
func (d *Datapath) Drops() ([]hoststate.Drop, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	sums := map[hoststate.Drop]uint64{} // networks that are gone are counted as one
	var k bpfDropKey
	var perCPU []bpfDropCount
	it := d.objs.Drops.Iterate()
	for it.Next(&k, &perCPU) {
		drop := hoststate.Drop{Network: d.holders[bpfNetworkKey{Vni: k.Vni}].ID, Reason: reason(k.Reason)}
		for _, c := range perCPU {
			sums[drop] += c.Packets
		}
	}
	if err := it.Err(); err != nil {
		return nil, fmt.Errorf("read drops: %w", err)
	}
	drops := make([]hoststate.Drop, 0, len(sums))
	for drop, packets := range sums {
		drop.Packets = packets
		drops = append(drops, drop)
	}
	slices.SortFunc(drops, func(a, b hoststate.Drop) int {
		return cmp.Or(cmp.Compare(a.Network, b.Network), cmp.Compare(a.Reason, b.Reason))
	})
	return drops, nil
}
