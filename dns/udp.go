// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// readers is how many queries of one socket are answered side by side.
const readers = 2

// ServeUDP answers what arrives at conn, each answer leaving from the address
// that was asked, until ctx ends; conn is closed then. conn is an IPv6 socket,
// which also receives IPv4.
func (n *Network) ServeUDP(ctx context.Context, conn *net.UDPConn) error {
	defer conn.Close()
	if err := wantDestination(conn); err != nil {
		return fmt.Errorf("dns of %s: %w", n.id, err)
	}
	defer closeWith(ctx, conn)()
	var g errgroup.Group
	for range readers {
		g.Go(func() error { return n.readUDP(ctx, conn) })
	}
	return g.Wait()
}

func (n *Network) readUDP(ctx context.Context, conn *net.UDPConn) error {
	packet, buf, oob := make([]byte, maxQuery+1), make([]byte, maxUDP), make([]byte, 256)
	for {
		size, oobSize, _, from, err := conn.ReadMsgUDPAddrPort(packet, oob)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("dns of %s: %w", n.id, err)
		}
		if err != nil { // an ICMP error of an earlier answer, or no memory: go on
			n.server.Log.Debug("read query", "vpc", n.id, "err", err)
			time.Sleep(time.Millisecond)
			continue
		}
		to, ok := destination(oob[:oobSize])
		if !ok {
			n.server.dropped.Add(1)
			continue
		}
		answer := n.reply(packet[:size], buf, from.Addr().Unmap(), to.address(), false)
		if answer == nil {
			continue
		}
		if _, _, err := conn.WriteMsgUDPAddrPort(answer, to, from); err != nil {
			n.server.Log.Debug("write answer", "vpc", n.id, "err", err)
		}
	}
}

// wantDestination asks the kernel to say which address each packet was sent to.
func wantDestination(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	if err := raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	}); err != nil {
		return err
	}
	return set
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
