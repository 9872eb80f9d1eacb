// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"enishi.dev/enishi/hoststate"
)

// Ask says what becomes of a connection that an interface of this host would open.
// It is an error if the interface has no port here, or no address of the family.
func (d *Datapath) Ask(q hoststate.Question) (hoststate.Outcome, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !q.To.IsValid() {
		return hoststate.Outcome{}, errors.New("want an address to ask about")
	}
	from, ok := d.units[hoststate.Key{Kind: hoststate.KindInterface, ID: q.Interface}].(*hoststate.Interface)
	if !ok {
		return hoststate.Outcome{}, fmt.Errorf("no interface %s on this host", q.Interface)
	}
	ifindex := d.wiring.interfaces[handle(q.Interface)]
	if ifindex == 0 {
		return hoststate.Outcome{}, fmt.Errorf("interface %s has no port on this host: does its instance run?", q.Interface)
	}
	var o hoststate.Outcome
	for _, a := range from.Addresses {
		if a.Is4() == q.To.Is4() {
			o.Source = a
			break
		}
	}
	if !o.Source.IsValid() {
		return o, fmt.Errorf("interface %s has no address of the family of %s", q.Interface, q.To)
	}
	packet, err := firstPacket(from.MAC, o.Source, q)
	if err != nil {
		return o, err
	}
	raw, err := d.explain(packet, ifindex)
	if err != nil {
		return o, fmt.Errorf("explain: %w", err)
	}
	t := d.translate(raw)
	o.Verdict, o.Reason, o.Refused, o.Egress, o.Ingress, o.Target = t.Verdict, t.Reason, t.Refused, t.Egress, t.Ingress, t.Target
	o.Tunnel = t.Tunnel
	if to, ok := d.units[hoststate.Key{Kind: hoststate.KindInterface, ID: t.Target}].(*hoststate.Interface); ok {
		o.Endpoint = to.Endpoint
	}
	o.Table, o.Route = from.RouteTable, hoststate.RouteTarget(t.Route)
	if rt, ok := d.units[hoststate.Key{Kind: hoststate.KindRouteTable, ID: from.RouteTable}].(*hoststate.RouteTable); ok && t.Route != "" {
		o.Prefix = longest(rt, q.To).String()
	}
	return o, nil
}

// longest is the prefix of the route that wins for addr; the zero one if none does.
func longest(t *hoststate.RouteTable, addr netip.Addr) (best netip.Prefix) {
	for _, r := range t.Routes {
		if r.Prefix.Contains(addr) && (!best.IsValid() || r.Prefix.Bits() > best.Bits()) {
			best = r.Prefix
		}
	}
	return best
}

// firstPacket opens a connection: a SYN, a datagram, an echo. Its port is one that
// no program's connection has; checksums are nobody's business here.
func firstPacket(mac hoststate.MAC, src netip.Addr, q hoststate.Question) ([]byte, error) {
	const sport, ttl = 1, 64
	var protocol byte
	var l4 []byte
	switch q.Protocol {
	case "tcp":
		protocol, l4 = 6, make([]byte, 20)
		l4[12], l4[13] = 5<<4, 2 // length, SYN
	case "udp":
		protocol, l4 = 17, make([]byte, 8)
		l4[5] = 8
	case "icmp":
		protocol, l4 = 1, make([]byte, 8)
		l4[0] = 8
		if q.To.Is6() {
			protocol, l4[0] = 58, 128
		}
	default:
		return nil, fmt.Errorf("protocol %q is not tcp, udp or icmp", q.Protocol)
	}
	if q.Protocol != "icmp" {
		binary.BigEndian.PutUint16(l4, sport)
		binary.BigEndian.PutUint16(l4[2:], q.Port)
	}
	b := append([]byte{0x02, 0, 0, 0, 0, 1}, mac[:]...)
	if src.Is4() {
		ip := make([]byte, 20)
		ip[0], ip[8], ip[9] = 0x45, ttl, protocol
		binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)+len(l4)))
		copy(ip[12:], src.AsSlice())
		copy(ip[16:], q.To.AsSlice())
		b = append(append(b, 0x08, 0x00), ip...)
	} else {
		ip := make([]byte, 40)
		ip[0], ip[6], ip[7] = 0x60, protocol, ttl
		binary.BigEndian.PutUint16(ip[4:], uint16(len(l4)))
		copy(ip[8:], src.AsSlice())
		copy(ip[24:], q.To.AsSlice())
		b = append(append(b, 0x86, 0xdd), ip...)
	}
	return append(b, l4...), nil
}
