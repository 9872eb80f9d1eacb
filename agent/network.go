// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"os"
	"strings"

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
	n.tcp.Close()
	n.udp.Close()
	n.ns.Close()
}

const (
	servicePrefix = "svc-"
	doorName      = "door" // the inner end
	doorMTU       = 8500   // reference 3.8: through an endpoint
)

func serviceName(network string) string { return servicePrefix + network }
func doorPort(vni uint32) string        { return fmt.Sprintf("door%d", vni) }

// makeNetwork makes the network's service namespace, its door and its sockets,
// and hands those to the gateway. What an earlier agent made is taken over, but
// for the sockets: those are opened anew and take the place of the old ones.
func (a *Agent) makeNetwork(u *hoststate.Network) error {
	if n := a.networks[u.ID]; n != nil {
		return nil
	}
	ns, _, err := netns.Make(a.layout.namespace(serviceName(u.ID)))
	if err != nil {
		return err
	}
	n := &network{vni: u.VNI, ns: ns}
	if err := a.openDoor(u, n); err != nil {
		ns.Close()
		return err
	}
	a.networks[u.ID] = n
	a.doors.add(u.ID, n)
	return nil
}

func (a *Agent) openDoor(u *hoststate.Network, n *network) error {
	index, err := netns.MakeVeth(a.fabric, n.ns, netns.Veth{Outer: doorPort(u.VNI), Inner: doorName, Index: int(u.VNI), MTU: doorMTU})
	if err != nil {
		return err
	}
	err = n.ns.Do(func() error {
		if n.tcp, err = serviceSocket(unix.SOCK_STREAM, 1); err != nil {
			return err
		}
		n.udp, err = serviceSocket(unix.SOCK_DGRAM, 53)
		return err
	})
	if err != nil {
		return fmt.Errorf("open sockets of %s: %w", u.ID, err)
	}
	if err := a.dp.SteerNamespace(n.ns.FD(), u.VNI, serviceName(u.ID), int(n.tcp.Fd()), int(n.udp.Fd())); err != nil {
		return fmt.Errorf("steer %s: %w", u.ID, err)
	}
	err = a.inFabric(func() error {
		return a.dp.Attach(datapath.Port{Ifindex: index, Kind: datapath.PortDoor, Name: doorPort(u.VNI), Network: u.VNI})
	})
	if err != nil {
		return fmt.Errorf("attach %s: %w", doorPort(u.VNI), err)
	}
	for name, ns := range map[string]*netns.Namespace{doorPort(u.VNI): a.fabric, doorName: n.ns, "lo": n.ns} {
		if err := ns.SetUp(name); err != nil {
			return err
		}
	}
	return n.ns.Do(func() error {
		if err := netns.DefaultThrough(int(u.VNI)); err != nil {
			return err
		}
		return netns.EverythingLocal(doorName)
	})
}

// serviceSocket opens a dual-stack socket that takes connections to, and sends
// from, any address. Only the agent may: transparent sockets need CAP_NET_ADMIN.
// The port is of no meaning for TCP, as sockets are found by sk_lookup; for UDP
// it is the one that answers leave from.
func serviceSocket(kind, port int) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_INET6, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "service socket")
	options := []struct{ level, name, value int }{
		{unix.SOL_IPV6, unix.IPV6_V6ONLY, 0},
		{unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1},
		// An agent that starts again opens its sockets while the gateway still holds the old ones.
		{unix.SOL_SOCKET, unix.SO_REUSEPORT, 1},
	}
	if kind == unix.SOCK_DGRAM {
		options = append(options, []struct{ level, name, value int }{
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

// removeNetwork takes the service namespace away. The data plane sends nothing there any more.
func (a *Agent) removeNetwork(id string) error {
	n := a.networks[id]
	if n == nil {
		return a.removeLeftNetwork(id)
	}
	a.doors.remove(id)
	err := errors.Join(
		a.dp.UnsteerNamespace(serviceName(id), n.vni),
		a.inFabric(func() error { return a.dp.Detach(doorPort(n.vni)) }),
		a.fabric.RemoveLink(doorPort(n.vni)),
		netns.Remove(n.ns.Path()),
	)
	if err != nil {
		return err
	}
	n.close()
	delete(a.networks, id)
	return nil
}

// removeLeftNetwork removes the namespace that an earlier agent made for a
// network that is gone. Its door's number is the index of the inner end.
func (a *Agent) removeLeftNetwork(id string) error {
	path := a.layout.namespace(serviceName(id))
	ns, err := netns.Open(path)
	if err != nil {
		return nil //nolint:nilerr // nothing is left of it
	}
	defer ns.Close()
	vni, err := ns.LinkIndex(doorName)
	if err != nil {
		return netns.Remove(path) // made, but for its door
	}
	return errors.Join(
		a.dp.UnsteerNamespace(serviceName(id), uint32(vni)),
		a.inFabric(func() error { return a.dp.Detach(doorPort(uint32(vni))) }),
		a.fabric.RemoveLink(doorPort(uint32(vni))),
		netns.Remove(path),
	)
}

// leftovers lists the units that namespaces of an earlier agent were made for
// and that are not wanted any more.
func (a *Agent) leftovers() (keys []hoststate.Key) {
	names, err := netns.List(a.layout.namespaces())
	if err != nil {
		a.Log.Error("list namespaces", "err", err)
	}
	for _, name := range names {
		k := hoststate.Key{Kind: hoststate.KindInstance, ID: name}
		if id, ok := strings.CutPrefix(name, servicePrefix); ok {
			k = hoststate.Key{Kind: hoststate.KindNetwork, ID: id}
		} else if !strings.HasPrefix(name, "i-") {
			continue // the fabric, the probe
		}
		if a.units[k] == nil {
			keys = append(keys, k)
		}
	}
	return keys
}
