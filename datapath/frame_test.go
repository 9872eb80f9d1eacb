// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"encoding/binary"
	"net/netip"

	"enishi.dev/enishi/hoststate"
)

const (
	fin = 1
	syn = 2
	rst = 4
	ack = 16
)

var gatewayMAC = hoststate.MAC{2, 0, 0, 0, 0, 1}

// frame is a packet to be: what a field does not say is as usual.
type frame struct {
	mac      hoststate.MAC // of the sender
	src, dst netip.Addr
	protocol byte // 6 if 0
	sport    uint16
	dport    uint16 // of ICMP: type<<8 | code; sport is the identifier
	flags    byte
	seq, ack uint32
	payload  int
	fragment uint16         // the IPv4 header's flags and offset, DF if 0
	spoil    func(b []byte) // changes the finished bytes
	cut      int            // bytes of the frame that are left, all if 0
}

func (f frame) bytes() []byte {
	l4 := f.transport()
	b := append(gatewayMAC[:], f.mac[:]...)
	if f.src.Is4() {
		ip := make([]byte, 20)
		ip[0], ip[8], ip[9] = 0x45, 64, f.number()
		binary.BigEndian.PutUint16(ip[2:], uint16(20+len(l4)))
		fragment := f.fragment
		if fragment == 0 {
			fragment = 0x4000
		}
		binary.BigEndian.PutUint16(ip[6:], fragment)
		copy(ip[12:], f.src.AsSlice())
		copy(ip[16:], f.dst.AsSlice())
		binary.BigEndian.PutUint16(ip[10:], checksum(ip))
		b = append(append(b, 0x08, 0x00), ip...)
	} else {
		ip := make([]byte, 40)
		ip[0], ip[6], ip[7] = 0x60, f.number(), 64
		if ip[6] == 58 && f.dport>>8 >= 133 && f.dport>>8 <= 137 {
			ip[7] = 255
		}
		binary.BigEndian.PutUint16(ip[4:], uint16(len(l4)))
		copy(ip[8:], f.src.AsSlice())
		copy(ip[24:], f.dst.AsSlice())
		b = append(append(b, 0x86, 0xdd), ip...)
	}
	b = append(b, l4...)
	if f.spoil != nil {
		f.spoil(b)
	}
	if f.cut != 0 {
		b = b[:f.cut]
	}
	return b
}

func (f frame) number() byte {
	if f.protocol == 0 {
		return 6
	}
	return f.protocol
}

func (f frame) transport() []byte {
	var b []byte
	at := 0 // of the checksum
	switch n := f.number(); n {
	case 6:
		b, at = make([]byte, 20+f.payload), 16
		binary.BigEndian.PutUint16(b, f.sport)
		binary.BigEndian.PutUint16(b[2:], f.dport)
		binary.BigEndian.PutUint32(b[4:], f.seq)
		binary.BigEndian.PutUint32(b[8:], f.ack)
		b[12], b[13], b[14] = 5<<4, f.flags, 0x20
	case 17:
		b, at = make([]byte, 8+f.payload), 6
		binary.BigEndian.PutUint16(b, f.sport)
		binary.BigEndian.PutUint16(b[2:], f.dport)
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	case 1, 58:
		b, at = make([]byte, 8+f.payload), 2
		binary.BigEndian.PutUint16(b, f.dport)
		binary.BigEndian.PutUint16(b[4:], f.sport)
	default:
		return make([]byte, f.payload)
	}
	if f.number() == 1 {
		binary.BigEndian.PutUint16(b[at:], checksum(b))
	} else {
		binary.BigEndian.PutUint16(b[at:], checksum(append(pseudo(f.src, f.dst, f.number(), len(b)), b...)))
	}
	return b
}

func pseudo(src, dst netip.Addr, protocol byte, n int) []byte {
	b := append(src.AsSlice(), dst.AsSlice()...)
	return append(b, byte(n>>24), byte(n>>16), byte(n>>8), byte(n), 0, 0, 0, protocol)
}

func checksum(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	if len(b)%2 == 1 {
		sum += uint32(b[len(b)-1]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// sound says what is wrong with the lengths and checksums of an IP packet, "" if nothing.
func sound(b []byte) string {
	if len(b) < 34 {
		return "short"
	}
	var l4 []byte
	var head []byte
	protocol := byte(0)
	switch {
	case b[12] == 8 && b[13] == 0:
		ip := b[14:]
		if int(binary.BigEndian.Uint16(ip[2:])) != len(ip) {
			return "IPv4 length"
		}
		if checksum(ip[:20]) != 0 {
			return "IPv4 checksum"
		}
		protocol, l4 = ip[9], ip[20:]
		src, _ := netip.AddrFromSlice(ip[12:16])
		dst, _ := netip.AddrFromSlice(ip[16:20])
		head = pseudo(src, dst, protocol, len(l4))
	case b[12] == 0x86 && b[13] == 0xdd:
		ip := b[14:]
		if int(binary.BigEndian.Uint16(ip[4:])) != len(ip)-40 {
			return "IPv6 length"
		}
		protocol, l4 = ip[6], ip[40:]
		src, _ := netip.AddrFromSlice(ip[8:24])
		dst, _ := netip.AddrFromSlice(ip[24:40])
		head = pseudo(src, dst, protocol, len(l4))
	default:
		return "not IP"
	}
	if protocol == 1 {
		head = nil
	}
	if checksum(append(head, l4...)) != 0 {
		return "transport checksum"
	}
	return ""
}

func arpRequest(mac hoststate.MAC, sender, target string) []byte {
	b := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, mac[:]...)
	b = append(b, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1)
	b = append(append(b, mac[:]...), netip.MustParseAddr(sender).AsSlice()...)
	return append(append(b, 0, 0, 0, 0, 0, 0), netip.MustParseAddr(target).AsSlice()...)
}

// solicitation asks for target's hardware address; with option it tells the sender's.
func solicitation(mac hoststate.MAC, src, target string, option bool) []byte {
	t := netip.MustParseAddr(target).As16()
	group := netip.AddrFrom16([16]byte{0xff, 2, 11: 1, 12: 0xff, 13: t[13], 14: t[14], 15: t[15]})
	n := 16
	if option {
		n = 24
	}
	f := frame{mac: mac, src: netip.MustParseAddr(src), dst: group, protocol: 58, dport: 135 << 8, payload: n}
	f.spoil = func(b []byte) {
		copy(b[62:], t[:])
		if option {
			copy(b[78:], append([]byte{1, 1}, mac[:]...))
		}
		b[56], b[57] = 0, 0
		binary.BigEndian.PutUint16(b[56:], checksum(append(pseudo(f.src, f.dst, 58, len(b)-54), b[54:]...)))
	}
	return f.bytes()
}
