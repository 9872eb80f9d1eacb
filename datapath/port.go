// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"enishi.dev/enishi/hoststate"
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

// wiring is which ports are attached: units say what is wanted, ports where it is.
type wiring struct {
	interfaces map[uint64]uint32 // ifindex by the interface's handle
	doors      map[uint32]uint32 // ifindex by VNI
	tunnel     uint32            // ifindex
}

func (w *wiring) join(p *Port) {
	switch {
	case p == nil:
	case p.Kind == PortInterface:
		w.interfaces[p.handle] = uint32(p.Ifindex)
	case p.Kind == PortDoor:
		w.doors[p.Network] = uint32(p.Ifindex)
	case p.Kind == PortTunnel:
		w.tunnel = uint32(p.Ifindex)
	}
}

func (w *wiring) cut(p *Port) {
	switch {
	case p == nil:
	case p.Kind == PortInterface && w.interfaces[p.handle] == uint32(p.Ifindex):
		delete(w.interfaces, p.handle)
	case p.Kind == PortDoor && w.doors[p.Network] == uint32(p.Ifindex):
		delete(w.doors, p.Network)
	case p.Kind == PortTunnel && w.tunnel == uint32(p.Ifindex):
		w.tunnel = 0
	}
}

// Attached says that p carries packets already, as an agent before this one may have
// left it, and that there is nothing to write for it.
func (d *Datapath) Attached(p Port) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	pin := portPin + p.Name
	p.handle = handle(p.Interface)
	before, ok := d.ports[p.Name]
	before.Interface = p.Interface // the handle is all that is known of it after a restart
	return ok && before == p && d.whole && !d.dirty && d.moves[pin] == nil && d.runs(pin, p.Ifindex)
}

// runs says whether the pinned link is that of the interface with the index.
func (d *Datapath) runs(pin string, ifindex int) bool {
	l := d.links[pin]
	if l == nil {
		return false
	}
	info, err := l.Info()
	return err == nil && info.TCX() != nil && int(info.TCX().Ifindex) == ifindex
}

// Attach makes p carry packets; the caller sets the link up only afterwards. It must
// run on a thread in the link's namespace. Attaching again changes nothing.
func (d *Datapath) Attach(p Port) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := checkPort(p); err != nil {
		return err
	}
	p.handle = handle(p.Interface)
	for name, other := range d.ports {
		if p.Kind == PortTunnel && other.Kind == PortTunnel && name != p.Name {
			return fmt.Errorf("attach %s: the way to other hosts is %s", p.Name, name)
		}
	}
	for name, other := range d.ports {
		if other.Ifindex == p.Ifindex && name != p.Name { // a link that is gone, whose number came again
			if err := d.detach(name); err != nil {
				return fmt.Errorf("detach %s: %w", name, err)
			}
		}
	}
	if err := d.attachLink(p); err != nil {
		return fmt.Errorf("attach %s: %w", p.Name, err)
	}
	var out *Port
	if before, ok := d.ports[p.Name]; ok {
		out = &before
	}
	d.ports[p.Name] = p
	_, err := d.change(d.unitsOf(out, &p), out, &p)
	return errors.Join(err, d.leave())
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

// unitsOf returns the units whose facts hang on the ports.
func (d *Datapath) unitsOf(ports ...*Port) map[hoststate.Key]hoststate.Unit {
	touched := map[hoststate.Key]hoststate.Unit{}
	for _, p := range ports {
		if p == nil {
			continue
		}
		if p.Kind == PortTunnel {
			for k, u := range d.units {
				if k.Kind == hoststate.KindNetwork {
					touched[k] = u
				}
			}
			continue
		}
		var key any = bpfNetworkKey{Vni: p.Network}
		if p.Kind == PortInterface {
			key = bpfInterfaceKey{Id: p.handle}
		}
		if k, ok := d.holders[key]; ok {
			touched[k] = d.units[k]
		}
	}
	return touched
}

// root is the program that ports of the kind run.
func (d *Datapath) root(k PortKind) *ebpf.Program {
	if k == PortTunnel {
		return d.objs.RootFar
	}
	return d.objs.Root
}

// attachLink makes the port's link run its root program.
func (d *Datapath) attachLink(p Port) error {
	pin := portPin + p.Name
	if d.moves[pin] != nil && !d.whole {
		return nil // it runs by its old layout until the maps are filled
	}
	if err := d.moveLink(pin, d.root(p.Kind)); err != nil {
		return err
	}
	if d.runs(pin, p.Ifindex) {
		return nil
	}
	if err := d.removeLink(pin); err != nil {
		return err
	}
	l, err := link.AttachTCX(link.TCXOptions{Interface: p.Ifindex, Program: d.root(p.Kind), Attach: ebpf.AttachTCXIngress})
	if err != nil {
		return err
	}
	return d.keepLink(pin, l)
}

// Detach undoes Attach. A port that is not attached is not an error.
func (d *Datapath) Detach(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.detach(name)
}

func (d *Datapath) detach(name string) error {
	p, ok := d.ports[name]
	if !ok {
		return d.dropMove(portPin + name)
	}
	delete(d.ports, name)
	_, err := d.change(d.unitsOf(&p), &p, nil)
	return errors.Join(err, d.dropMove(portPin+name), d.removeLink(portPin+name))
}

// Ports returns the names of the attached ports, also of those that an earlier
// agent attached.
func (d *Datapath) Ports() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.ports))
}
