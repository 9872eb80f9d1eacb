// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"net/netip"
	"testing"
)

func to(f frame, dst string, dport uint16) frame {
	f.dst = netip.MustParseAddr(dst)
	f.sport, f.dport, f.flags = 40000, dport, syn
	return f
}

func TestFirstPackets(t *testing.T) {
	b := newWorld(t)
	udp := func(f frame) frame { f.protocol = 17; return f }
	echo := func(f frame) frame {
		f.protocol, f.dport, f.sport = 1, 8<<8, 7
		if f.src.Is6() {
			f.protocol, f.dport = 58, 128<<8
		}
		return f
	}
	for _, c := range []struct {
		name string
		port string
		in   frame
		want string
	}{
		{"a SYN that a rule lets in", "eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80), "to eni-2"},
		{"the same over IPv6", "eni-1", to(from("eni-1", "fd00:a::10"), "fd00:a::20", 80), "to eni-2"},
		{"a second address is as good as the first", "eni-1", to(from("eni-1", "10.0.1.11"), "10.0.1.20", 80), "to eni-2"},
		{"a port that no rule lets in", "eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.20", 82), "drop: security group"},
		{"a member of the group that a rule names", "eni-2", to(from("eni-2", "10.0.1.20"), "10.0.1.10", 9), "to eni-1"},
		{"no member of it", "eni-r", to(from("eni-r", "10.0.1.30"), "10.0.1.10", 9), "drop: security group"},
		{"an echo request", "eni-1", echo(to(from("eni-1", "10.0.1.10"), "10.0.1.20", 0)), "to eni-2"},
		{"an echo request over IPv6", "eni-1", echo(to(from("eni-1", "fd00:a::10"), "fd00:a::20", 0)), "to eni-2"},
		{"UDP that a rule lets in", "eni-1", udp(to(from("eni-1", "10.0.1.10"), "10.0.1.20", 53)), "to eni-2"},
		{"another protocol that a rule lets in", "eni-1", func() frame {
			f := to(from("eni-1", "10.0.1.10"), "10.0.1.20", 0)
			f.protocol, f.payload = 47, 20
			return f
		}(), "to eni-2"},
		{"the other network's interface has the same address", "eni-b", to(from("eni-b", "10.0.1.10"), "10.0.1.20", 80), "drop: no such address"},
		{"an endpoint's port", "eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.50", 443), "to door-a"},
		{"an endpoint's port over IPv6", "eni-1", to(from("eni-1", "fd00:a::10"), "fd00:a::50", 443), "to door-a"},
		{"an endpoint whose group does not let it in", "eni-2", to(from("eni-2", "10.0.1.20"), "10.0.1.50", 443), "drop: security group"},
		{"an endpoint's port that nobody serves", "eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.50", 444), "reset: no listener"},
		{"the same without leave of the group is silent", "eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.50", 80), "drop: security group"},
		{"the resolver, whatever the groups say", "eni-2", udp(to(from("eni-2", "10.0.1.20"), "10.0.0.2", 53)), "to door-a"},
		{"the resolver's link-local address", "eni-2", to(from("eni-2", "10.0.1.20"), "169.254.169.253", 53), "to door-a"},
		{"the resolver over IPv6", "eni-1", udp(to(from("eni-1", "fd00:a::10"), "fd00:ec2::253", 53)), "to door-a"},
		{"the resolver of the other network", "eni-b", udp(to(from("eni-b", "10.0.1.10"), "10.0.0.2", 53)), "to door-b"},
		{"metadata, whatever the groups say", "eni-2", to(from("eni-2", "10.0.1.20"), "169.254.169.254", 80), "to door-a"},
		{"metadata over IPv6", "eni-1", to(from("eni-1", "fd00:a::10"), "fd00:ec2::254", 80), "to door-a"},
		{"metadata of the other network", "eni-b", to(from("eni-b", "10.0.1.10"), "169.254.169.254", 80), "to door-b"},
		{"another port of metadata", "eni-1", to(from("eni-1", "10.0.1.10"), "169.254.169.254", 443), "reset: no listener"},
		{"metadata over UDP", "eni-1", udp(to(from("eni-1", "10.0.1.10"), "169.254.169.254", 80)), "drop: no listener"},
		{"another port of the resolver", "eni-1", to(from("eni-1", "10.0.1.10"), "10.0.0.2", 80), "reset: no listener"},
		{"another UDP port of the resolver", "eni-1", udp(to(from("eni-1", "10.0.1.10"), "10.0.0.2", 5353)), "drop: no listener"},
		{"a route to an interface that takes it", "eni-1", to(from("eni-1", "10.0.1.10"), "192.168.1.1", 80), "to eni-r"},
		{"a route over IPv6", "eni-1", to(from("eni-1", "fd00:a::10"), "fd00:b::1", 80), "to eni-r"},
		{"a route to an interface that checks destinations", "eni-1", to(from("eni-1", "10.0.1.10"), "192.168.7.1", 80), "drop: not its address"},
		{"the longest prefix wins", "eni-1", to(from("eni-1", "10.0.1.10"), "192.168.9.1", 80), "drop: blackhole"},
		{"a route to an interface that is gone", "eni-1", to(from("eni-1", "10.0.1.10"), "192.168.8.1", 80), "drop: blackhole"},
		{"no route", "eni-1", to(from("eni-1", "10.0.1.10"), "198.18.0.1", 443), "drop: no route"},
		{"a link-local address is never routed", "eni-1", to(from("eni-1", "10.0.1.10"), "169.254.169.250", 80), "drop: no route"},
		{"an address that nobody has", "eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.99", 80), "drop: no such address"},
		{"an interface on another host", "eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.40", 80), "drop: not on this host"},
		{"a router sends for others", "eni-r", to(from("eni-r", "192.168.1.1"), "10.0.1.20", 80), "drop: security group"},
		{"a router sends for others where a rule lets it", "eni-r", func() frame {
			f := echo(to(from("eni-r", "fd00:b::1"), "fd00:a::20", 0))
			return f
		}(), "to eni-2"},
		{"the probe needs no group", "probe", func() frame {
			f := to(frame{src: ProbeAddr4}, "10.0.1.50", 443)
			f.sport = 50000
			return f
		}(), "to door-a"},
		{"the probe over IPv6", "probe", func() frame {
			f := to(frame{src: ProbeAddr6}, "fd00:a::50", 443)
			f.sport = 50000
			return f
		}(), "to door-a"},
		{"the probe reaches no instance", "probe", func() frame {
			f := to(frame{src: ProbeAddr4}, "10.0.1.20", 80)
			f.sport = 50000
			return f
		}(), "drop: no such address"},
		{"a port that no probe has", "probe", to(frame{src: ProbeAddr4}, "10.0.1.50", 443), "drop: no such probe"},
		{"a probe with another's address", "probe", to(frame{src: netip.MustParseAddr("10.0.1.10")}, "10.0.1.50", 443), "drop: spoofed source"},
		{"a service opens nothing", "door-a", to(frame{src: netip.MustParseAddr("10.0.1.50")}, "10.0.1.20", 80), "drop: opened by a service"},
		{"a service with an address that is not served", "door-a", to(frame{src: netip.MustParseAddr("10.0.1.20")}, "10.0.1.10", 80), "drop: spoofed source"},
		{"a port that is not attached", "free", to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80), "drop: unknown port"},
		{"another's hardware address", "eni-1", to(from("eni-2", "10.0.1.10"), "10.0.1.20", 80), "drop: spoofed source"},
		{"another's address", "eni-1", to(from("eni-1", "10.0.1.20"), "10.0.1.20", 80), "drop: spoofed source"},
		{"an address of the network's own", "eni-r", to(from("eni-r", "169.254.255.253"), "10.0.1.50", 443), "drop: spoofed source"},
		{"a segment of no connection", "eni-1", func() frame {
			f := to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80)
			f.flags, f.sport = ack, 41000
			return f
		}(), "drop: not a SYN"},
		{"a segment of no connection to an endpoint", "eni-1", func() frame {
			f := to(from("eni-1", "10.0.1.10"), "10.0.1.50", 443)
			f.flags, f.sport, f.payload = ack, 41000, 10
			return f
		}(), "reset: not a SYN"},
		{"a reset is not answered", "eni-1", func() frame {
			f := to(from("eni-1", "fd00:a::10"), "fd00:a::50", 443)
			f.flags, f.sport = rst, 41000
			return f
		}(), "drop: not a SYN"},
		{"an echo reply that nobody asked for", "eni-1", func() frame {
			f := echo(to(from("eni-1", "10.0.1.10"), "10.0.1.20", 0))
			f.dport, f.sport = 0, 99
			return f
		}(), "drop: no request"},
		{"an ICMP error", "eni-1", func() frame {
			f := echo(to(from("eni-1", "10.0.1.10"), "10.0.1.20", 0))
			f.dport = 3 << 8
			return f
		}(), "drop: ICMP error"},
		{"an ICMPv6 error", "eni-1", func() frame {
			f := echo(to(from("eni-1", "fd00:a::10"), "fd00:a::20", 0))
			f.dport = 1 << 8
			return f
		}(), "drop: ICMP error"},
		{"an ICMP timestamp", "eni-1", func() frame {
			f := echo(to(from("eni-1", "10.0.1.10"), "10.0.1.20", 0))
			f.dport = 13 << 8
			return f
		}(), "drop: ICMP type"},
		{"a fragment", "eni-1", func() frame {
			f := to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80)
			f.fragment = 0x2000
			return f
		}(), "drop: fragment"},
		{"a later fragment", "eni-1", func() frame {
			f := to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80)
			f.fragment = 1
			return f
		}(), "drop: fragment"},
		{"an IPv6 fragment", "eni-1", func() frame {
			f := to(from("eni-1", "fd00:a::10"), "fd00:a::20", 80)
			f.protocol, f.payload = 44, 28
			return f
		}(), "drop: fragment"},
		{"an IPv6 extension header", "eni-1", func() frame {
			f := to(from("eni-1", "fd00:a::10"), "fd00:a::20", 80)
			f.protocol, f.payload = 60, 28
			return f
		}(), "drop: extension header"},
		{"a report of multicast listeners", "eni-1", func() frame {
			f := to(from("eni-1", "fe80::1"), "ff02::16", 0)
			f.protocol, f.payload = 0x80, 28
			f.spoil = func(b []byte) { b[20] = 0 }
			return f
		}(), "drop: not unicast"},
		{"multicast", "eni-1", udp(to(from("eni-1", "10.0.1.10"), "224.0.0.1", 53)), "drop: not unicast"},
		{"broadcast, as a client of DHCP sends", "eni-1", udp(to(from("eni-1", "0.0.0.0"), "255.255.255.255", 67)), "drop: not unicast"},
		{"a multicast echo", "eni-1", echo(to(from("eni-1", "fd00:a::10"), "ff02::1", 0)), "drop: not unicast"},
		{"an IPv4-mapped destination", "eni-1", to(from("eni-1", "fd00:a::10"), "::ffff:10.0.1.20", 80), "drop: IPv4-mapped address"},
		{"an IPv4-mapped source", "eni-1", to(from("eni-1", "::ffff:10.0.1.10"), "fd00:a::20", 80), "drop: IPv4-mapped address"},
		{"another protocol than IP", "eni-1", func() frame {
			f := to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80)
			f.spoil = func(b []byte) { b[12], b[13] = 0x88, 0xcc }
			return f
		}(), "drop: not IP"},
	} {
		b.sub(t, c.name, func(t *testing.T) {
			if got := b.fate(c.port, c.in.bytes()); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
