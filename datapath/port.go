// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"fmt"
	"strings"
)

// PortKind says what sort of thing sends its packets through a port.
type PortKind uint32

// The kinds of ports.
const (
	PortInterface PortKind = 1 // an instance's interface
	PortDoor      PortKind = 2 // the way to and from a service namespace
	PortProbe     PortKind = 3 // root's own way in, for readiness
	PortTunnel    PortKind = 4 // the way to and from other hosts: a VXLAN link that takes its keys from the program
)

// Port is the host side of a link, in the namespace that the caller's thread is in.
type Port struct {
	Ifindex   int
	Kind      PortKind
	Name      string // names the pin; unique over all ports
	Network   uint32 // VNI; 0 for the probe and the tunnel
	Interface string // hoststate.Interface.ID, for PortInterface

	handle uint64 // of the interface; all that is known of it after a restart
}

// portFacts adds to im what a port means by itself. An interface's port means
// something only together with its unit, see interfaceFacts.
func portFacts(p *Port, im image) {
	if p == nil || p.Kind == PortInterface {
		return
	}
	im[bpfPortKey{Ifindex: uint32(p.Ifindex)}] = bpfPort{Kind: uint32(p.Kind), Vni: p.Network}
	if p.Kind == PortProbe {
		im[bpfNetworkKey{}] = bpfNetwork{Door: uint32(p.Ifindex)}
	}
}

func checkPort(p Port) error {
	switch {
	case p.Name == "" || strings.ContainsAny(p.Name, "/."):
		return fmt.Errorf("port name %q cannot name a pin", p.Name)
	case p.Ifindex <= 0:
		return fmt.Errorf("port %s: index %d", p.Name, p.Ifindex)
	case p.Kind == PortInterface && p.Interface == "":
		return fmt.Errorf("port %s: of no interface", p.Name)
	case p.Kind < PortInterface || p.Kind > PortTunnel:
		return fmt.Errorf("port %s: kind %d", p.Name, p.Kind)
	}
	return nil
}
