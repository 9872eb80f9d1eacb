// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// SteerNamespace lets the sockets tcp and udp53 take whatever arrives in the
// namespace nsfd by the interface whose index is vni. Calling it again with other
// sockets replaces them.
func (d *Datapath) SteerNamespace(nsfd int, vni uint32, name string, tcp, udp53 int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if name == "" || strings.ContainsAny(name, "/.") {
		return fmt.Errorf("name %q cannot name a pin", name)
	}
	for kind, fd := range map[bpfSocketKind]int{bpfSocketKindSOCKET_TCP: tcp, bpfSocketKindSOCKET_UDP53: udp53} {
		if err := d.objs.Sockets.Put(bpfSocketKey{Vni: vni, Kind: uint32(kind)}, uint64(fd)); err != nil {
			return fmt.Errorf("steer %s: put socket: %w", name, err)
		}
	}
	if err := d.steerLink(nsfd, steerPin+name); err != nil {
		return fmt.Errorf("steer %s: %w", name, err)
	}
	return d.leave()
}

func (d *Datapath) steerLink(nsfd int, pin string) error {
	if err := d.moveLink(pin, d.objs.Steer); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(nsfd, &st); err != nil {
		return fmt.Errorf("look at namespace: %w", err)
	}
	if l := d.links[pin]; l != nil {
		if info, err := l.Info(); err == nil && info.NetNs() != nil && uint64(info.NetNs().NetnsInode) == st.Ino {
			return nil
		}
		if err := d.removeLink(pin); err != nil {
			return err
		}
	}
	l, err := link.AttachNetNs(nsfd, d.objs.Steer)
	if err != nil {
		return err
	}
	return d.keepLink(pin, l)
}

// UnsteerNamespace undoes SteerNamespace.
func (d *Datapath) UnsteerNamespace(name string, vni uint32) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	errs := []error{d.dropMove(steerPin + name), d.removeLink(steerPin + name)}
	for _, kind := range []bpfSocketKind{bpfSocketKindSOCKET_TCP, bpfSocketKindSOCKET_UDP53} {
		err := d.objs.Sockets.Delete(bpfSocketKey{Vni: vni, Kind: uint32(kind)})
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			errs = append(errs, fmt.Errorf("unsteer %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// AddProbe lets connections from the TCP port port of the probe's addresses into
// the network vni, past its groups.
func (d *Datapath) AddProbe(port uint16, vni uint32) error {
	d.swap.RLock()
	defer d.swap.RUnlock()
	if err := d.objs.Probes.Put(bpfProbeKey{Port: port}, bpfProbe{Vni: vni}); err != nil {
		return fmt.Errorf("add probe: %w", err)
	}
	return nil
}

// RemoveProbe undoes AddProbe.
func (d *Datapath) RemoveProbe(port uint16) error {
	d.swap.RLock()
	defer d.swap.RUnlock()
	if err := d.objs.Probes.Delete(bpfProbeKey{Port: port}); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("remove probe: %w", err)
	}
	return nil
}
