// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// What the names of pinned links begin with.
const (
	portPin  = "port-"
	steerPin = "steer-"
)

func (d *Datapath) keepLink(pin string, l link.Link) error {
	if err := l.Pin(filepath.Join(d.pins, pin)); err != nil {
		return errors.Join(fmt.Errorf("pin: %w", err), l.Close())
	}
	d.links[pin] = l
	return nil
}

func (d *Datapath) removeLink(pin string) error {
	l := d.links[pin]
	if l == nil {
		return nil
	}
	delete(d.links, pin)
	if err := errors.Join(l.Unpin(), l.Close()); err != nil {
		return fmt.Errorf("unpin %s: %w", pin, err)
	}
	return nil
}

// eachLink calls f for every pinned link in dir.
func eachLink(dir string, f func(pin string, l link.Link) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read pins: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), portPin) && !strings.HasPrefix(e.Name(), steerPin) {
			continue
		}
		l, err := link.LoadPinnedLink(filepath.Join(dir, e.Name()), nil)
		if err != nil {
			return fmt.Errorf("load link %s: %w", e.Name(), err)
		}
		if err := f(e.Name(), l); err != nil {
			return fmt.Errorf("take over %s: %w", e.Name(), err)
		}
	}
	return nil
}

// loadLinks finds the links of an agent before this one. A link whose interface or
// namespace has gone is removed.
func (d *Datapath) loadLinks() error {
	return eachLink(d.pins, func(pin string, l link.Link) error {
		d.links[pin] = l
		info, err := l.Info()
		if err != nil {
			return err
		}
		if isGone(pin, info) {
			return d.removeLink(pin)
		}
		if name, ok := strings.CutPrefix(pin, steerPin); ok {
			d.options.Log.Debug("found steering", "name", name)
			return l.Update(d.objs.Steer)
		}
		return d.findPort(d.objs.Ports, strings.TrimPrefix(pin, portPin), info.TCX().Ifindex)
	})
}

// isGone says that a link's interface or namespace is no more.
func isGone(pin string, info *link.Info) bool {
	if strings.HasPrefix(pin, steerPin) {
		return info.NetNs() == nil || info.NetNs().NetnsInode == 0
	}
	return info.TCX() == nil || info.TCX().Ifindex == 0
}

// findPort learns from the maps what the link found under name carries.
func (d *Datapath) findPort(ports *ebpf.Map, name string, ifindex uint32) error {
	var v bpfPort
	err := ports.Lookup(bpfPortKey{Ifindex: ifindex}, &v)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil // its unit never came: Attach will say it again
	}
	if err != nil {
		return err
	}
	p := Port{Ifindex: int(ifindex), Kind: PortKind(v.Kind), Name: name, Network: v.Vni, handle: v.Interface}
	d.ports[name] = p
	d.wiring.join(&p)
	return nil
}

// loadMoves finds the links of another layout, and what they carry: they are
// switched to this program once its maps are filled.
func (d *Datapath) loadMoves(o *otherLayout) error {
	ports, err := pinned(o.dir, bpfMapPorts)
	if err != nil {
		return err
	}
	if ports != nil {
		defer ports.Close()
	}
	known := ports != nil && ports.KeySize() == sizeOf[bpfPortKey]() && ports.ValueSize() == sizeOf[bpfPort]()
	return eachLink(o.dir, func(pin string, l link.Link) error {
		d.moves[pin] = l
		info, err := l.Info()
		if err != nil {
			return err
		}
		if isGone(pin, info) {
			return d.dropMove(pin)
		}
		name, isPort := strings.CutPrefix(pin, portPin)
		if _, here := d.ports[name]; !isPort || here || !known {
			return nil
		}
		return d.findPort(ports, name, info.TCX().Ifindex)
	})
}

// dropMove ends a link of another layout.
func (d *Datapath) dropMove(pin string) error {
	l := d.moves[pin]
	if l == nil {
		return nil
	}
	delete(d.moves, pin)
	if err := errors.Join(l.Unpin(), l.Close()); err != nil {
		return fmt.Errorf("unpin %s: %w", pin, err)
	}
	return nil
}

// moveLink makes a link of another layout one of this: it runs program from now on.
func (d *Datapath) moveLink(pin string, program *ebpf.Program) error {
	l := d.moves[pin]
	if l == nil {
		return nil
	}
	if err := l.Update(program); err != nil {
		return errors.Join(fmt.Errorf("switch %s: %w", pin, err), d.dropMove(pin))
	}
	delete(d.moves, pin)
	return d.keepLink(pin, l) // pinning a pinned link moves the pin
}
