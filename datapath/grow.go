// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// The kernel makes room for all that a map may hold, and touches it, when the map is
// made: for a large host that is half of what the start of a small one takes. So maps
// begin small, and all of them are made anew, once, when the first is full or flows
// become many. That is a layout of its own, which takes over from the one before as
// that of another program would: an agent killed meanwhile is followed by one that
// goes on with it.

// What maps have room for at first.
const (
	few         = 1 << 10
	fewFlows    = 1 << 15
	fewPartings = 1 << 10
)

// atFirst is how many entries m has room for at first.
func atFirst(m *ebpf.MapSpec) uint32 {
	switch m.Type {
	case ebpf.Hash:
		return min(m.MaxEntries, few)
	case ebpf.LRUHash:
		return min(m.MaxEntries, fewPartings)
	}
	return m.MaxEntries
}

// lasting are the maps that are the same for small and large hosts and go from one layout
// to the other: what counts since the data plane was made, and what is no unit's or port's.
var lasting = [...]string{bpfMapDrops, bpfMapSockets, bpfMapProbes}

// begunLarge says whether maps have the most room from the beginning: where they are
// given another number of flows than usual, and where they have had it before.
func (o Options) begunLarge() (bool, error) {
	if o.Flows != 0 {
		return true, nil
	}
	dirs, err := layouts(o.Pins)
	if err != nil {
		return false, err
	}
	for _, dir := range dirs {
		m, err := pinned(dir, bpfMapFlows)
		if err != nil {
			return false, fmt.Errorf("look at layout %s: %w", filepath.Base(dir), err)
		}
		if m == nil {
			continue
		}
		large := m.MaxEntries() > fewFlows
		if err := m.Close(); err != nil || large {
			return large, err
		}
	}
	return false, nil
}

// isFull says whether a map had no room for an entry.
func isFull(err error) bool {
	return errors.Is(err, unix.E2BIG) || errors.Is(err, unix.ENOSPC)
}

// mayGrow: before units are all there is, what others are in the maps is not known. While
// room is being made a change that needs it fails, and is tried again.
func (d *Datapath) mayGrow() bool { return d.whole && !d.options.most && !d.making }

// MakeRoom gives maps the most room if flows come to need it: if an interface has an
// eighth of its quota, or all have an eighth of the room. It reports whether maps have
// the most room. Changes wait for the switch alone, and not for what is made before it.
func (d *Datapath) MakeRoom() (most bool, err error) {
	needed, before, err := d.needsRoom()
	if err != nil || !needed {
		return before.options.most, err
	}
	next, err := before.withMost()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.making = false
	if err != nil {
		return false, err
	}
	err = d.growInto(next)
	return d.options.most, err
}

// needsRoom begins to make room, if that is needed.
func (d *Datapath) needsRoom() (needed bool, before loaded, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mayGrow() {
		d.making, err = d.manyFlows()
	}
	return d.making, d.loaded, err
}

func (d *Datapath) manyFlows() (bool, error) {
	all, err := d.Flows()
	if err != nil || all < fewFlows/8/8 { // no interface has as many
		return false, err
	}
	if all >= fewFlows/2/8 {
		return true, nil
	}
	many := false
	err = readMap(d.objs.Usages, func(_ bpfUsageKey, u bpfUsage) { many = many || u.Flows >= fewFlows/8/8 })
	return many, err
}

// withMost loads the program on new maps with the most room, beside l's.
func (l loaded) withMost() (loaded, error) {
	o := l.options
	o.most = true
	next, err := o.load(l.pins, lasting[:]...)
	if err != nil {
		return loaded{}, fmt.Errorf("make room in maps: %w", errors.Join(err, next.close(), os.RemoveAll(next.pins)))
	}
	return next, nil
}

// grow makes all maps anew with the most room, fills them, and switches. If there is no
// memory for them, everything stays as it was.
func (d *Datapath) grow() error {
	next, err := d.withMost()
	if err != nil {
		return err
	}
	return d.growInto(next)
}

func (d *Datapath) growInto(next loaded) error {
	before := d.loaded
	err := readMap(before.objs.Partings, func(k bpfFlowKey, v bpfParting) { _ = next.objs.Partings.Put(k, v) }) // the oldest may go
	if err != nil {
		d.options.Log.Warn("what comes late of connections that have ended is not let through", "err", err)
	}
	d.options.Log.Info("maps are given the room of a large host", "units", len(d.units))
	d.swap.Lock()
	d.loaded = next
	d.swap.Unlock()
	d.others = append(d.others, &otherLayout{dir: before.pins, format: flowFormat, carried: map[bpfFlowKey]bpfFlow{}})
	maps.Copy(d.moves, d.links)
	d.links = map[string]link.Link{}
	d.dirty = true
	_, err = d.change(nil, nil, nil)
	return errors.Join(err, d.await(true), d.installOwn(), d.moveSteering(), d.move(), before.close())
}

// installOwn lets ports that are moved here one by one run the program.
func (d *Datapath) installOwn() error {
	if err := d.install(d.objs.Programs); err != nil || d.wiring.tunnel == 0 {
		return err
	}
	return d.installFar(d.objs.Programs)
}

// moveSteering has service namespaces run this program: the sockets are the same ones.
func (d *Datapath) moveSteering() error {
	var errs []error
	for _, pin := range slices.Sorted(maps.Keys(d.moves)) {
		if strings.HasPrefix(pin, steerPin) {
			errs = append(errs, d.moveLink(pin, d.objs.Steer))
		}
	}
	return errors.Join(errs...)
}

// share pins the map of one directory in the other one, too.
func share(from, to, name string) error {
	m, err := pinned(from, name)
	if err == nil && m == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return fmt.Errorf("share %s: %w", name, err)
	}
	defer m.Close()
	twin, err := m.Clone()
	if err != nil {
		return fmt.Errorf("share %s: %w", name, err)
	}
	defer twin.Close()
	if err := twin.Pin(filepath.Join(to, name)); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("share %s: %w", name, err)
	}
	return nil
}
