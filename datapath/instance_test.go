// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"enishi.dev/enishi/hoststate"
)

// instance makes a namespace with a link into the fabric, attached, as an agent would.
func (b *bench) instance(n int, id string, mac hoststate.MAC, addrs ...string) *namespace {
	b.t.Helper()
	return b.instanceIn(vniA, n, id, mac, addrs...)
}

func (b *bench) instanceIn(vni uint32, n int, id string, mac hoststate.MAC, addrs ...string) *namespace {
	b.t.Helper()
	ns := newNamespace(b.t)
	host := fmt.Sprintf("h%d", n)
	b.do(func() {
		link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: host, MTU: 9001}, PeerName: "eth0", PeerNamespace: netlink.NsFd(ns.fd), PeerHardwareAddr: mac[:]}
		b.must(netlink.LinkAdd(link))
		b.raise(host, Port{Kind: PortInterface, Name: id, Network: vni, Interface: id})
	})
	ns.do(func() {
		l, err := netlink.LinkByName("eth0")
		b.must(err)
		for _, a := range addrs {
			ip := netip.MustParseAddr(a)
			net := &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(ip.BitLen(), ip.BitLen())}
			b.must(netlink.AddrAdd(l, &netlink.Addr{IPNet: net, Flags: unix.IFA_F_NODAD}))
		}
		b.must(netlink.LinkSetUp(l))
		for _, all := range []string{"0.0.0.0/0", "::/0"} {
			_, dst, err := net.ParseCIDR(all)
			b.must(err)
			b.must(netlink.RouteAdd(&netlink.Route{LinkIndex: l.Attrs().Index, Dst: dst, Scope: netlink.SCOPE_LINK}))
		}
	})
	return ns
}

// raise attaches the host side of a link, then sets it up.
func (b *bench) raise(name string, p Port) {
	l, err := netlink.LinkByName(name)
	b.must(err)
	p.Ifindex = l.Attrs().Index
	b.index[p.Name] = p.Ifindex
	b.must(b.Attach(p))
	b.must(netlink.LinkSetUp(l))
}

// service makes a service namespace with its door, sockets and steering. It
// returns the TCP listener too, and the sockets' descriptors.
func (b *bench) service(vni uint32) (*namespace, net.Listener, [2]int) {
	b.t.Helper()
	ns := newNamespace(b.t)
	door := fmt.Sprintf("d%d", vni)
	b.do(func() {
		link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "door", Index: int(vni), MTU: EndpointMTU, Namespace: netlink.NsFd(ns.fd)}, PeerName: door}
		b.must(netlink.LinkAdd(link))
		b.raise(door, Port{Kind: PortDoor, Name: door, Network: vni})
	})
	var tcp, udp *os.File
	ns.do(func() {
		lo, err := netlink.LinkByName("lo")
		b.must(err)
		b.must(netlink.LinkSetUp(lo))
		l, err := netlink.LinkByName("door")
		b.must(err)
		b.must(netlink.LinkSetUp(l))
		for _, f := range []struct {
			family  int
			via, to string
		}{{unix.AF_INET, "169.254.0.1", "0.0.0.0/0"}, {unix.AF_INET6, "fe80::1", "::/0"}} {
			_, dst, err := net.ParseCIDR(f.to)
			b.must(err)
			b.must(netlink.NeighSet(&netlink.Neigh{LinkIndex: int(vni), Family: f.family, State: netlink.NUD_PERMANENT, IP: net.ParseIP(f.via), HardwareAddr: gatewayMAC[:]}))
			b.must(netlink.RouteAdd(&netlink.Route{LinkIndex: int(vni), Family: f.family, Dst: dst, Gw: net.ParseIP(f.via), Flags: int(netlink.FLAG_ONLINK)}))
			b.must(netlink.RouteAdd(&netlink.Route{LinkIndex: 1, Family: f.family, Dst: dst, Table: 100, Type: unix.RTN_LOCAL, Scope: unix.RT_SCOPE_HOST}))
			r := netlink.NewRule()
			r.Family, r.IifName, r.Table, r.Priority = f.family, "door", 100, 10
			b.must(netlink.RuleAdd(r))
		}
		tcp, udp = b.transparent(unix.SOCK_STREAM, 1), b.transparent(unix.SOCK_DGRAM, 53)
	})
	b.t.Cleanup(func() { tcp.Close(); udp.Close() })
	if err := b.SteerNamespace(ns.fd, vni, "svc", int(tcp.Fd()), int(udp.Fd())); err != nil {
		b.t.Fatal(err)
	}
	l, err := net.FileListener(tcp)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { l.Close() })
	return ns, l, [2]int{int(tcp.Fd()), int(udp.Fd())}
}

func (b *bench) transparent(kind, port int) *os.File {
	fd, err := unix.Socket(unix.AF_INET6, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	b.must(err)
	b.must(unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_V6ONLY, 0))
	b.must(unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1))
	b.must(unix.Bind(fd, &unix.SockaddrInet6{Port: port}))
	if kind == unix.SOCK_STREAM {
		b.must(unix.Listen(fd, 128))
	}
	return os.NewFile(uintptr(fd), "socket")
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Error(err)
	}
}

func (n *namespace) listen(t *testing.T, addr string, port uint16) net.Listener {
	t.Helper()
	var l net.Listener
	var err error
	n.do(func() { l, err = net.Listen("tcp", netip.AddrPortFrom(netip.MustParseAddr(addr), port).String()) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// dial connects and hangs up at once.
func (n *namespace) dial(addr string, port uint16) error {
	c, err := n.connect(addr, port)
	if err == nil {
		c.Close()
	}
	return err
}

func (n *namespace) connect(addr string, port uint16) (net.Conn, error) {
	return n.connectWithin(500*time.Millisecond, addr, port)
}

// connectWithin is for a connection that is to come: its first packet may have to go twice.
func (n *namespace) connectWithin(patience time.Duration, addr string, port uint16) (c net.Conn, err error) {
	n.do(func() {
		d := net.Dialer{Timeout: patience}
		c, err = d.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr(addr), port).String())
	})
	return c, err
}

// standing is a connection from n to l, and l's end of it; both are closed with the test.
func (n *namespace) standing(t *testing.T, l net.Listener, addr string, port uint16) (c, other net.Conn) {
	t.Helper()
	c, err := n.connectWithin(5*time.Second, addr, port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if other, err = accept(l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return c, other
}

// talk sends a megabyte each way over one connection from n to l.
func (n *namespace) talk(t *testing.T, l net.Listener, addr netip.Addr, port uint16) {
	t.Helper()
	const size = 1 << 20
	go func() {
		c, err := accept(l)
		if err != nil {
			return
		}
		defer c.Close()
		io.Copy(c, io.LimitReader(c, size))
	}()
	c, err := n.connectWithin(5*time.Second, addr.String(), port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	go c.Write(make([]byte, size))
	if got, err := io.Copy(io.Discard, c); err != nil || got != size {
		t.Errorf("%s: got %d bytes back, %v", addr, got, err)
	}
}

func accept(l net.Listener) (net.Conn, error) {
	t := l.(*net.TCPListener)
	t.SetDeadline(time.Now().Add(5 * time.Second))
	defer t.SetDeadline(time.Time{}) // others may wait for longer
	return l.Accept()
}

// sendFrame sends bytes out of eth0 as they are.
func sendFrame(b []byte) error {
	l, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendto(fd, b, 0, &unix.SockaddrLinklayer{Ifindex: l.Index})
}

// setBurst lets eth0 hand on so many bytes of a stream at once.
func (n *namespace) setBurst(bytes int) (err error) {
	n.do(func() {
		var l netlink.Link
		if l, err = netlink.LinkByName("eth0"); err == nil {
			err = netlink.LinkSetGSOIPv4MaxSize(l, bytes)
		}
	})
	return err
}

// catch returns a packet socket that gets what eth0 sends or receives in frames longer
// than so many bytes.
func (n *namespace) catch(t *testing.T, longer int) (fd int) {
	t.Helper()
	var err error
	n.do(func() {
		filter := []unix.SockFilter{
			{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_LEN},
			{Code: unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K, K: uint32(longer), Jf: 1},
			{Code: unix.BPF_RET | unix.BPF_K, K: 128}, // bytes to keep
			{Code: unix.BPF_RET | unix.BPF_K},
		}
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return
		}
		t.Cleanup(func() { unix.Close(fd) })
		if err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 4, Filter: &filter[0]}); err != nil {
			return
		}
		all := uint16(unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8)
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all})
	})
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// pathMTU sends a datagram of 8600 bytes and waits until the kernel has learned
// what fits.
func pathMTU(addr string) (int, error) {
	ip := netip.MustParseAddr(addr)
	family, level, discover, mtu := unix.AF_INET, unix.SOL_IP, unix.IP_MTU_DISCOVER, unix.IP_MTU
	var sa unix.Sockaddr = &unix.SockaddrInet4{Port: 53}
	if ip.Is6() {
		family, level, discover, mtu = unix.AF_INET6, unix.SOL_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_MTU
		sa = &unix.SockaddrInet6{Port: 53, Addr: ip.As16()}
	} else {
		sa.(*unix.SockaddrInet4).Addr = ip.As4()
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.SetsockoptInt(fd, level, discover, unix.IP_PMTUDISC_DO), unix.Connect(fd, sa)); err != nil {
		return 0, err
	}
	for range 100 {
		if _, err := unix.Write(fd, make([]byte, 8600)); err != nil && !errors.Is(err, unix.EMSGSIZE) {
			return 0, err
		}
		if got, err := unix.GetsockoptInt(fd, level, mtu); err != nil || got < 9001 {
			return got, err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return 9001, nil
}
