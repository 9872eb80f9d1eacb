// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"enishi.dev/enishi/hoststate"
)

// askedPacket is a packet to ask about. Checksums are nobody's business here.
type askedPacket struct {
	src, dst netip.Addr
	protocol byte
	l4       []byte
}

// firstPacket opens a connection: a SYN, a datagram, an echo. Its port is one that
// no program's connection has.
func firstPacket(src netip.Addr, q hoststate.Question) (askedPacket, error) {
	const sport = 1
	p := askedPacket{src: src, dst: q.To}
	switch q.Protocol {
	case "tcp":
		p.protocol, p.l4 = 6, make([]byte, 20)
		p.l4[12], p.l4[13] = 5<<4, 2 // length, SYN
	case "udp":
		p.protocol, p.l4 = 17, make([]byte, 8)
		p.l4[5] = 8
	case "icmp":
		p.protocol, p.l4 = 1, make([]byte, 8)
		p.l4[0] = 8
		if q.To.Is6() {
			p.protocol, p.l4[0] = 58, 128
		}
		return p, nil
	default:
		return p, fmt.Errorf("protocol %q is not tcp, udp or icmp", q.Protocol)
	}
	binary.BigEndian.PutUint16(p.l4, sport)
	binary.BigEndian.PutUint16(p.l4[2:], q.Port)
	return p, nil
}

// answer is the first packet back: a SYN with an acknowledgement, a datagram, an
// echo's reply.
func (p askedPacket) answer() askedPacket {
	l4 := append([]byte(nil), p.l4...)
	switch p.protocol {
	case 1:
		l4[0] = 0
	case 58:
		l4[0] = 129
	default:
		copy(l4, p.l4[2:4])
		copy(l4[2:], p.l4[:2])
	}
	if p.protocol == 6 {
		l4[13] |= 16 // ACK
	}
	return askedPacket{src: p.dst, dst: p.src, protocol: p.protocol, l4: l4}
}

// frame is the packet as it comes in from the hardware address.
func (p askedPacket) frame(mac hoststate.MAC) []byte {
	const ttl = 64
	b := append([]byte{0x02, 0, 0, 0, 0, 1}, mac[:]...)
	if p.src.Is4() {
		ip := make([]byte, 20)
		ip[0], ip[8], ip[9] = 0x45, ttl, p.protocol
		binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)+len(p.l4)))
		copy(ip[12:], p.src.AsSlice())
		copy(ip[16:], p.dst.AsSlice())
		b = append(append(b, 0x08, 0x00), ip...)
	} else {
		ip := make([]byte, 40)
		ip[0], ip[6], ip[7] = 0x60, p.protocol, ttl
		binary.BigEndian.PutUint16(ip[4:], uint16(len(p.l4)))
		copy(ip[8:], p.src.AsSlice())
		copy(ip[24:], p.dst.AsSlice())
		b = append(append(b, 0x86, 0xdd), ip...)
	}
	return append(b, p.l4...)
}
