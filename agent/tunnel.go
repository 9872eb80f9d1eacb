// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/datapath"
	"enishi.dev/enishi/netns"
)

const (
	tunnelPort    = "vxlan" // the port's name, and the link's
	tunnelUDPPort = 4789
)

// tunnelMTU is the largest packet to an interface of another host, 0 if there is
// no way to others.
func tunnelMTU(o Options) (int, error) {
	if !o.Tunnel.IsValid() {
		return 0, nil
	}
	mtu, err := netns.LinkMTU(o.Tunnel)
	if err != nil {
		return 0, fmt.Errorf("tunnel address: %w", err)
	}
	return min(mtu-netns.VXLANOverhead, interfaceMTU), nil
}

// burst is how much of a stream an interface hands on at once: as much as the kernel
// takes where all there is to reach is on this host, which makes a stream several times
// as fast. What is to go to another host must be cut first, packet by packet, if there is
// more of it than one length can say, and then is slower than if there never was.
func (a *Agent) burst() int {
	if a.Tunnel.IsValid() {
		return netns.UsualBurst
	}
	return netns.MostBurst
}

// openTunnel makes the way to other hosts: a link in the fabric whose packets
// travel by the host's own network. One that an agent before it made, and this
// one is not to have, goes.
func (a *Agent) openTunnel(mtu int) error {
	if mtu == 0 {
		return errors.Join(a.dp.Detach(tunnelPort), a.wires.Remove(tunnelPort))
	}
	index, err := netns.MakeVXLAN(a.wires, tunnelPort, tunnelUDPPort, mtu)
	if err != nil {
		return taken(err)
	}
	if err := a.attach(datapath.Port{Ifindex: index, Kind: datapath.PortTunnel, Name: tunnelPort}); err != nil {
		return err
	}
	return taken(a.wires.SetUp(tunnelPort))
}

// taken says who has the port, where that is what the kernel objects to.
func taken(err error) error {
	if errors.Is(err, unix.EEXIST) || errors.Is(err, unix.EADDRINUSE) {
		return fmt.Errorf("UDP port %d of this machine, by which hosts reach each other, is another's: end the other enishi with a --tunnel-address, or what else has it (%w)", tunnelUDPPort, err)
	}
	return err
}

// removeTunnel removes the link at once: the kernel takes its time with a
// namespace's links, and another run on this host could not have the UDP port.
func removeTunnel(l layout) error {
	fabric, err := netns.Open(l.namespace("fabric"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer fabric.Close()
	return fabric.WithLinks(func(wires *netns.Links) error { return wires.Remove(tunnelPort) })
}
