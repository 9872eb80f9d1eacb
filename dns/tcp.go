// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"
)

// Limits of one TCP connection (RFC 7766 lets a server close at any time).
const (
	idleTimeout   = 10 * time.Second // between queries, and for each to arrive whole
	writeTimeout  = 5 * time.Second
	maxLife       = 2 * time.Minute
	maxPerConn    = 1000 // queries
	lengthOfFrame = 2
)

// ServeTCP answers the queries of one connection in their order, until the
// client ends it, a limit is reached or ctx ends. c is closed then.
func (n *Network) ServeTCP(ctx context.Context, c net.Conn) {
	defer c.Close()
	source, ok1 := address(c.RemoteAddr())
	at, ok2 := address(c.LocalAddr())
	if !ok1 || !ok2 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, maxLife)
	defer cancel()
	defer closeWith(ctx, c)()
	var buf []byte
	for range maxPerConn {
		packet, err := readFrame(c, buf)
		if err != nil {
			return
		}
		buf = packet
		answer := n.reply(packet, nil, source, at, true)
		if answer == nil {
			return
		}
		if writeFrame(c, answer) != nil {
			return
		}
	}
}

// readFrame reads one message with its length before it.
func readFrame(c net.Conn, buf []byte) ([]byte, error) {
	if err := c.SetReadDeadline(time.Now().Add(idleTimeout)); err != nil {
		return nil, err
	}
	var head [lengthOfFrame]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint16(head[:]))
	if size > maxQuery {
		return nil, errors.New("query is too long")
	}
	if cap(buf) < size {
		buf = make([]byte, max(size, 512))
	}
	_, err := io.ReadFull(c, buf[:size])
	return buf[:size], err
}

func writeFrame(c net.Conn, answer []byte) error {
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	head := binary.BigEndian.AppendUint16(nil, uint16(len(answer)))
	b := net.Buffers{head, answer}
	_, err := b.WriteTo(c)
	return err
}

func address(a net.Addr) (netip.Addr, bool) {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	p := t.AddrPort().Addr()
	return p.Unmap().WithZone(""), p.IsValid()
}
