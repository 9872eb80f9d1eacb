// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/datapath"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/netns"
)

// network is a network's service namespace: where the gateway's sockets live.
// The index of its door's inner end is the VNI, by which sockets are told apart.
type network struct {
	vni      uint32
	ns       *netns.Namespace
	tcp, udp *os.File // kept for ever: what a dead gateway had not accepted waits in them
}

func (n *network) close() {
	for _, f := range []*os.File{n.tcp, n.udp} {
		if f != nil {
			f.Close()
		}
	}
	n.ns.Close()
}

const (
	servicePrefix = "svc-"
	doorName      = "door" // the inner end
)

func serviceName(network string) string { return servicePrefix + network }
func doorPort(vni uint32) string        { return fmt.Sprintf("door%d", vni) }

// makeNetwork makes the network's service namespace, its door and its sockets,
// and hands those to the gateway. What an earlier agent made is taken over, but
// for the sockets: nobody but the gateway has the old ones, so they are opened
// anew and take their place. The gateway serves the old ones until their queues
// are empty, so no connection is lost.
func (a *Agent) makeNetwork(u *hoststate.Network) error {
	if n := a.networks[u.ID]; n != nil {
		if n.vni == u.VNI {
			return nil
		}
		if err := a.removeNetwork(u.ID); err != nil {
			return err
		}
	}
	ns, _, err := netns.Make(a.layout.namespace(serviceName(u.ID)))
	if err != nil {
		return err
	}
	n := &network{vni: u.VNI, ns: ns}
	if err := a.openDoor(u, n); err != nil {
		n.close()
		return err
	}
	a.networks[u.ID] = n
	a.doors.add(u.ID, n)
	return nil
}

func (a *Agent) openDoor(u *hoststate.Network, n *network) error {
	inner, err := n.ns.Links()
	if err != nil {
		return err
	}
	defer inner.Close()
	v := netns.Veth{Outer: doorPort(u.VNI), Inner: doorName, Index: int(u.VNI), MTU: datapath.EndpointMTU, Burst: netns.MostBurst} // services answer on this host alone
	pair, err := netns.MakeVeth(a.wires, inner, v)
	if err != nil {
		return err
	}
	if err := n.openSockets(); err != nil {
		return fmt.Errorf("open sockets: %w", err)
	}
	if err := a.dp.SteerNamespace(n.ns.FD(), u.VNI, serviceName(u.ID), int(n.tcp.Fd()), int(n.udp.Fd())); err != nil {
		return err
	}
	if err := a.plug(inner, v, pair, datapath.Port{Kind: datapath.PortDoor, Network: u.VNI}); err != nil {
		return err
	}
	if err := inner.DefaultThrough(pair.Inner); err != nil {
		return err
	}
	return inner.EverythingLocal(doorName)
}

func (n *network) openSockets() error {
	return n.ns.Visit(func() (err error) {
		if n.tcp, err = serviceSocket(unix.SOCK_STREAM, 0); err != nil {
			return err
		}
		n.udp, err = serviceSocket(unix.SOCK_DGRAM, 53)
		return err
	})
}

// queryBuffer holds the queries that several interfaces may send at once; the kernel
// counts about a kilobyte for each.
const queryBuffer = 4 << 20

// serviceSocket opens a dual-stack socket that takes connections to, and sends
// from, any address. Only the agent may: transparent sockets need CAP_NET_ADMIN.
// The port is of no meaning for TCP, as sockets are found by sk_lookup; for UDP
// it is the one that answers leave from.
//
// An agent that starts again opens its sockets while the gateway still holds the
// old ones. Not by SO_REUSEPORT: the kernel would go on giving the old ones a share.
func serviceSocket(kind, port int) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_INET6, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	// A file that does not block yet would be with Go's poller: every query and every
	// connection, which are the gateway's, would wake the agent too.
	f := os.NewFile(uintptr(fd), "service socket")
	if err := unix.SetNonblock(fd, true); err != nil {
		f.Close()
		return nil, err
	}
	options := []struct{ level, name, value int }{
		{unix.SOL_IPV6, unix.IPV6_V6ONLY, 0},
		{unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1},
		{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
	}
	if kind == unix.SOCK_DGRAM {
		options = append(options, []struct{ level, name, value int }{
			{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, queryBuffer},
			{unix.SOL_IPV6, unix.IPV6_RECVPKTINFO, 1},
			{unix.SOL_IPV6, unix.IPV6_RECVORIGDSTADDR, 1},
			{unix.SOL_IP, unix.IP_RECVORIGDSTADDR, 1},
		}...)
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			f.Close()
			return nil, fmt.Errorf("socket option %d/%d: %w", o.level, o.name, err)
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrInet6{Port: port}); err != nil {
		f.Close()
		return nil, fmt.Errorf("bind: %w", err)
	}
	if kind == unix.SOCK_STREAM {
		if err := unix.Listen(fd, 4096); err != nil {
			f.Close()
			return nil, fmt.Errorf("listen: %w", err)
		}
	}
	return f, nil
}

// removeNetwork takes the service namespace away. The data plane sends nothing there
// any more, and the gateway closes its sockets.
func (a *Agent) removeNetwork(id string) error {
	n := a.networks[id]
	if n == nil {
		return a.removeLeftNetwork(id)
	}
	a.doors.remove(id)
	if err := a.dp.UnsteerNamespace(serviceName(id), n.vni); err != nil {
		return err
	}
	if err := a.dp.Detach(doorPort(n.vni)); err != nil {
		return fmt.Errorf("detach %s: %w", doorPort(n.vni), err)
	}
	// The links go with the namespace, once the kernel comes to it.
	if err := netns.Remove(n.ns.Path()); err != nil {
		return err
	}
	n.close()
	delete(a.networks, id)
	return nil
}
