// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ServeUDP answers what arrives at conn, each answer leaving from the address
// that was asked, until ctx ends; conn is closed then. conn is an IPv6 socket,
// which also receives IPv4. One goroutine answers a hundred thousand queries
// a second; a second one at the same socket takes a fifth of that away.
func (n *Network) ServeUDP(ctx context.Context, conn *net.UDPConn) error {
	s, err := newUDPSocket(conn)
	if err != nil {
		return fmt.Errorf("dns of %s: %w", n.id, err)
	}
	defer s.close()
	defer closeWith(ctx, s.readable)()
	return n.readUDP(ctx, s)
}

func (n *Network) readUDP(ctx context.Context, s *udpSocket) error {
	for {
		b, err := s.receive()
		if ctx.Err() != nil {
			s.free(b)
			return nil
		}
		if errors.Is(err, os.ErrClosed) {
			return fmt.Errorf("dns of %s: %w", n.id, err)
		}
		if err != nil { // an ICMP error of an earlier answer, or no memory: go on
			n.server.Log.Debug("read query", "vpc", n.id, "err", err)
			time.Sleep(time.Millisecond)
			continue
		}
		n.answer(b)
		if err := s.send(b); err != nil {
			n.server.Log.Debug("write answer", "vpc", n.id, "err", err)
		}
		s.free(b)
	}
}

// answer makes answers of the queries in b.
func (n *Network) answer(b *batch) {
	for i := range b.received {
		packet, from, oob := b.query(i)
		to, ok := destination(oob)
		if !ok {
			n.server.dropped.Add(1)
			continue
		}
		if answer := n.reply(packet, b.room(i), from, to.address(), false); answer != nil {
			b.put(i, answer, to)
		}
	}
}

// wantDestination asks the kernel to say which address each packet was sent to.
func wantDestination(fd int) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
}

// packetInfo is one control message as it was received, with the kernel's
// in6_pktinfo: sent back, it makes the answer leave from the address asked.
type packetInfo []byte

// destination finds the packet info among control messages.
func destination(oob []byte) (packetInfo, bool) {
	space := unix.CmsgSpace(unix.SizeofInet6Pktinfo)
	for len(oob) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			break
		}
		if h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo && cap(oob) >= space {
			return packetInfo(oob[:space]), true
		}
		oob = rest
	}
	return nil, false
}

func (p packetInfo) address() netip.Addr {
	return netip.AddrFrom16([16]byte(p[unix.CmsgLen(0):])).Unmap()
}
