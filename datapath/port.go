// SPDX-License-Identifier: Apache-2.0

package datapath

// PortKind says what sort of thing sends its packets through a port.
type PortKind uint32

// The kinds of ports.
const (
	PortInterface PortKind = 1 // an instance's interface
	PortDoor      PortKind = 2 // the way to and from a service namespace
	PortProbe     PortKind = 3 // root's own way in, for readiness
)

// Port is the host side of a link, in the namespace that the caller's thread is in.
type Port struct {
	Ifindex   int
	Kind      PortKind
	Name      string // names the pin; unique over all ports
	Network   uint32 // VNI; 0 for the probe
	Interface string // hoststate.Interface.ID, for PortInterface
}
