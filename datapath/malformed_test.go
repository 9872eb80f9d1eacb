// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// Frames that end within the IP header are not here: the kernel runs none in a
// test. TestLive sends some.
func TestLyingPackets(t *testing.T) {
	b := newWorld(t)
	v4 := to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80)
	v6 := to(from("eni-1", "fd00:a::10"), "fd00:a::20", 80)
	udp4, udp6, echo := v4, v6, v4
	udp4.protocol, udp4.dport, udp6.protocol, echo.protocol, echo.dport = 17, 53, 17, 1, 8<<8
	spoil := func(f frame, at int, bytes ...byte) frame {
		f.spoil = func(b []byte) { copy(b[at:], bytes) }
		return f
	}
	cut := func(f frame, n int) frame { f.cut = n; return f }
	for _, c := range []struct {
		name string
		in   frame
		want string
	}{
		{"an IPv4 version of 5", spoil(v4, 14, 0x55), "drop: malformed"},
		{"an IPv4 header of 16 bytes", spoil(v4, 14, 0x44), "drop: malformed"},
		{"an IPv4 header longer than its packet", spoil(v4, 14, 0x4f), "drop: malformed"},
		{"an IPv4 length beyond the frame", spoil(v4, 16, 0, 200), "drop: malformed"},
		{"an IPv4 length of nothing", spoil(v4, 16, 0, 0), "drop: malformed"},
		{"an IPv4 length that ends in the header", spoil(v4, 16, 0, 19), "drop: malformed"},
		{"an IPv4 length that ends in the TCP header", spoil(v4, 16, 0, 39), "drop: malformed"},
		{"padding behind the packet", func() frame {
			f := v4
			f.payload, f.spoil = 6, func(b []byte) { binary.BigEndian.PutUint16(b[16:], 40) }
			return f
		}(), "to eni-2"},
		{"a TCP header that is cut short", cut(v4, 53), "drop: malformed"},
		{"a TCP header of 16 bytes", spoil(v4, 46, 0x40), "drop: malformed"},
		{"a TCP header longer than its packet", spoil(v4, 46, 0xf0), "drop: malformed"},
		{"a UDP header that is cut short", cut(udp4, 41), "drop: malformed"},
		{"a UDP length of 7", spoil(udp4, 38, 0, 7), "drop: malformed"},
		{"a UDP length beyond the packet", spoil(udp4, 38, 0, 9), "drop: malformed"},
		{"an ICMP header that is cut short", func() frame {
			f := echo
			f.spoil = func(b []byte) { binary.BigEndian.PutUint16(b[16:], 27) }
			return f
		}(), "drop: malformed"},
		{"an IPv6 version of 4", spoil(v6, 14, 0x40), "drop: malformed"},
		{"an IPv6 length beyond the frame", spoil(v6, 18, 0, 21), "drop: malformed"},
		{"an IPv6 length that ends in the TCP header", spoil(v6, 18, 0, 19), "drop: malformed"},
		{"an IPv6 packet without transport", spoil(v6, 18, 0, 0), "drop: malformed"},
		{"IPv6 UDP with length 0", spoil(udp6, 58, 0, 0), "drop: malformed"},
		{"SYN and FIN at once", func() frame { f := v4; f.flags = syn | fin; f.sport = 7; return f }(), "drop: not a SYN"},
		{"no flag at all", func() frame { f := v6; f.flags = 0; f.sport = 7; return f }(), "drop: not a SYN"},
		{"the network's own address", spoil(v4, 30, 0), "drop: not unicast"},
		{"loopback", spoil(v4, 30, 127), "drop: not unicast"},
		{"IPv6 loopback", func() frame { return to(from("eni-1", "fd00:a::10"), "::1", 80) }(), "drop: not unicast"},
		{"the IPv6 address of nobody", func() frame { return to(from("eni-1", "fd00:a::10"), "::", 80) }(), "drop: not unicast"},
	} {
		b.sub(t, c.name, func(t *testing.T) {
			if got := b.fate("eni-1", c.in.bytes()); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	b.sub(t, "options in front of the transport header", func(t *testing.T) {
		with := func(f frame) []byte {
			b := f.bytes()
			b = append(append(bytes.Clone(b[:34]), 1, 1, 1, 1), b[34:]...)
			b[14], b[17] = 0x46, byte(len(b)-14)
			return b
		}
		if got := b.fate("eni-1", with(to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80))); got != "to eni-2" {
			t.Errorf("got %q, want it delivered", got)
		}
		if got := b.fate("eni-1", with(to(from("eni-1", "10.0.1.10"), "10.0.1.50", 444))); got != "drop: no listener" {
			t.Errorf("got %q, want no answer to it", got)
		}
	})
}

func TestTooBig(t *testing.T) {
	b := newWorld(t)
	b.open(Options{MTU: 1500}) // a run takes no more than a page
	if _, err := b.ApplyFull(world()); err != nil {
		t.Fatal(err)
	}
	v4, v6 := to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80), to(from("eni-1", "fd00:a::10"), "fd00:a::20", 80)
	long := func(f frame, n int) frame { f.payload, f.flags = n, syn; return f }
	cuttable := long(v4, 1461)
	cuttable.fragment = 0x8000 // a flag that means nothing, instead of DF
	for _, c := range []struct {
		name string
		in   frame
		want string
	}{
		{"1500 bytes", long(v4, 1460), "to eni-2"},
		{"1501 bytes", long(v4, 1461), "too big: too big"},
		{"1501 bytes that might be cut", cuttable, "drop: too big"},
		{"1500 bytes of IPv6", long(v6, 1440), "to eni-2"},
		{"1501 bytes of IPv6", long(v6, 1441), "too big: too big"},
	} {
		b.sub(t, c.name, func(t *testing.T) {
			if got := b.fate("eni-1", c.in.bytes()); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	b.sub(t, "what the kernel has still to cut is measured by its pieces", func(t *testing.T) {
		f := long(v4, 3000)
		f.sport = 601
		if got := b.runSegmented("eni-1", f.bytes(), 1460); got != 7 || b.dropped() != "" {
			t.Errorf("in pieces of 1460: got verdict %d, want it delivered", got)
		}
		if got := b.runSegmented("eni-1", f.bytes(), 1461); got != 7 || b.dropped() != "too big" {
			t.Errorf("in pieces of 1461: got verdict %d, want it answered", got)
		}
		f.spoil = func(b []byte) { b[16], b[17] = 0, 0 } // as of a packet longer than a length can say
		if got := b.runSegmented("eni-1", f.bytes(), 1460); got != 7 || b.dropped() != "" {
			t.Errorf("without a length, in pieces of 1460: got verdict %d, want it delivered", got)
		}
		if got := b.runSegmented("eni-1", f.bytes(), 1461); got != 7 || b.dropped() != "too big" {
			t.Errorf("without a length, in pieces of 1461: got verdict %d, want it answered", got)
		}
		if _, _ = b.run("eni-1", f.bytes()); b.dropped() != "malformed" {
			t.Error("without a length, and not to be cut: it is not malformed")
		}
	})
	b.sub(t, "the answer repeats the packet and names the MTU", func(t *testing.T) {
		_, got := b.run("eni-1", long(v4, 1461).bytes())
		in := long(v4, 1461).bytes()
		if mtu := binary.BigEndian.Uint16(got[40:]); got[34] != 3 || got[35] != 4 || mtu != 1500 || !bytes.Equal(got[42:], in[14:54]) {
			t.Errorf("IPv4: got %x", got)
		}
		_, got = b.run("eni-1", long(v6, 1441).bytes())
		in = long(v6, 1441).bytes()
		if mtu := binary.BigEndian.Uint32(got[58:]); got[54] != 2 || got[55] != 0 || mtu != 1500 || !bytes.Equal(got[62:], in[14:74]) {
			t.Errorf("IPv6: got %x", got)
		}
	})
}
