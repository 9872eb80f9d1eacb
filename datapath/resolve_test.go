// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"bytes"
	"net/netip"
	"testing"
)

func TestAddressResolution(t *testing.T) {
	b := newWorld(t)
	gratuitous := arpRequest(mac(1), "10.0.1.10", "10.0.1.10")
	reply := arpRequest(mac(1), "10.0.1.10", "10.0.1.1")
	reply[21] = 2
	strange := arpRequest(mac(1), "10.0.1.10", "10.0.1.1")
	strange[15] = 6
	far := solicitation(mac(1), "fd00:a::10", "fd00:a::20", true)
	far[21] = 64
	for _, c := range []struct {
		name string
		port string
		in   []byte
		want string
	}{
		{"the router of the subnet", "eni-1", arpRequest(mac(1), "10.0.1.10", "10.0.1.1"), "the gateway"},
		{"any address, whether somebody has it or not", "eni-1", arpRequest(mac(1), "10.0.1.10", "192.0.2.7"), "the gateway"},
		{"its own address", "eni-1", arpRequest(mac(1), "10.0.1.10", "10.0.1.11"), "drop: address resolution"},
		{"an announcement", "eni-1", gratuitous, "drop: address resolution"},
		{"is its own address taken?", "eni-1", arpRequest(mac(1), "0.0.0.0", "10.0.1.10"), "drop: address resolution"},
		{"is another's address taken?", "eni-1", arpRequest(mac(1), "0.0.0.0", "10.0.1.20"), "at eni-2"},
		{"a neighbour", "eni-1", arpRequest(mac(1), "10.0.1.10", "10.0.1.20"), "at eni-2"},
		{"one on another host", "eni-1", arpRequest(mac(1), "10.0.1.10", "10.0.1.40"), "at eni-far"},
		{"an endpoint", "eni-1", arpRequest(mac(1), "10.0.1.10", "10.0.1.50"), "at eni-e"},
		{"the resolver", "eni-1", arpRequest(mac(1), "10.0.1.10", "10.0.0.2"), "the gateway"},
		{"is a free address taken?", "eni-1", arpRequest(mac(1), "0.0.0.0", "10.0.1.99"), "drop: address resolution"},
		{"with another's address", "eni-1", arpRequest(mac(1), "10.0.1.20", "10.0.1.1"), "drop: spoofed source"},
		{"a router's other addresses", "eni-r", arpRequest(mac(3), "192.168.1.1", "10.0.1.1"), "the gateway"},
		{"with another's hardware address", "eni-1", arpRequest(mac(2), "10.0.1.10", "10.0.1.1"), "drop: spoofed source"},
		{"a reply", "eni-1", reply, "drop: address resolution"},
		{"of another hardware", "eni-1", strange, "drop: malformed"},
		{"cut short", "eni-1", gratuitous[:41], "drop: malformed"},
		{"by a service", "door-a", gratuitous, "drop: address resolution"},

		{"IPv6: the router", "eni-1", solicitation(mac(1), "fd00:a::10", "fd00:a::1", true), "the gateway"},
		{"IPv6: any address", "eni-1", solicitation(mac(1), "fe80::10", "fe80::1", true), "the gateway"},
		{"IPv6: without an option", "eni-1", solicitation(mac(1), "fd00:a::10", "fd00:a::20", false), "at eni-2"},
		{"IPv6: its own address", "eni-1", solicitation(mac(1), "fd00:a::10", "fd00:a::10", true), "drop: address resolution"},
		{"IPv6: is its own address taken?", "eni-1", solicitation(mac(1), "::", "fd00:a::10", false), "drop: address resolution"},
		{"IPv6: is its link-local address taken?", "eni-1", solicitation(mac(1), "::", "fe80::10", false), "drop: address resolution"},
		{"IPv6: is another's address taken?", "eni-1", solicitation(mac(1), "::", "fd00:a::20", true), "at eni-2"},
		{"IPv6: from beyond a router", "eni-1", far, "drop: malformed"},
		{"IPv6: cut short", "eni-1", frame{
			mac: mac(1), src: netip.MustParseAddr("fd00:a::10"), dst: netip.MustParseAddr("ff02::1"), protocol: 58, dport: 135 << 8, payload: 15,
		}.bytes(), "drop: malformed"},
		{"IPv6: a question for routers", "eni-1", frame{
			mac: mac(1), src: netip.MustParseAddr("fe80::1"), dst: netip.MustParseAddr("ff02::2"), protocol: 58, dport: 133 << 8,
		}.bytes(), "drop: address resolution"},
		{"IPv6: an unasked advertisement", "eni-1", frame{
			mac: mac(1), src: netip.MustParseAddr("fd00:a::10"), dst: netip.MustParseAddr("ff02::1"), protocol: 58, dport: 136 << 8, payload: 24,
		}.bytes(), "drop: address resolution"},
	} {
		b.sub(t, c.name, func(t *testing.T) {
			if got := b.fate(c.port, c.in); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestResolutionAnswersAreWhole(t *testing.T) {
	b := newWorld(t)
	b.do(func() {
		_, got := b.run("eni-1", arpRequest(mac(1), "10.0.1.10", "10.0.1.1"))
		m := mac(1)
		want := append(m[:], gatewayMAC[:]...)
		want = append(want, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2)
		want = append(append(want, gatewayMAC[:]...), 10, 0, 1, 1)
		want = append(append(want, m[:]...), 10, 0, 1, 10)
		if !bytes.Equal(got, want) {
			t.Errorf("ARP:\n got %x\nwant %x", got, want)
		}
		for _, option := range []bool{true, false} {
			_, got = b.run("eni-1", solicitation(mac(1), "fd00:a::10", "fd00:a::1", option))
			if s := sound(got); s != "" {
				t.Errorf("advertisement: wrong %s: %x", s, got)
			}
			target := netip.MustParseAddr("fd00:a::1").As16()
			body := append([]byte{0xe0, 0, 0, 0}, target[:]...)
			if option {
				body = append(append(body, 2, 1), gatewayMAC[:]...)
			}
			if got[54] != 136 || got[21] != 255 || !bytes.Equal(got[58:], body) || !bytes.Equal(got[22:38], target[:]) {
				t.Errorf("advertisement: got %x", got)
			}
		}
	})
}
