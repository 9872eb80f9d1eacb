// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

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
	if p.Kind == PortTunnel {
		if err := d.installFar(d.objs.Programs); err != nil {
			return fmt.Errorf("attach %s: %w", p.Name, err)
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
