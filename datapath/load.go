// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sync/errgroup"

	"enishi.dev/enishi/hoststate"
)

// Open loads the program, or takes over what is pinned in o.Pins with the same
// layout: packets never stop. What another layout has pinned goes on working until
// ApplyFull has filled the maps; connections go on then.
func Open(o Options) (*Datapath, error) {
	d := &Datapath{
		dirty: true,
		units: map[hoststate.Key]hoststate.Unit{}, ports: map[string]Port{},
		wiring:  wiring{interfaces: map[uint64]uint32{}, doors: map[uint32]uint32{}},
		holders: map[any]hoststate.Key{}, users: map[any]map[uint32]int{},
		links: map[string]link.Link{}, moves: map[string]link.Link{},
		generations: map[uint32]uint64{},
	}
	var err error
	if o.most, err = o.begunLarge(); err != nil {
		return nil, err
	}
	if d.loaded, err = o.load(""); err != nil {
		return nil, err
	}
	if err := d.takeOver(o.Pins); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// loaded is the program of one layout with its maps.
type loaded struct {
	options Options
	pins    string // of this layout
	objs    objects
	rare    *rare
}

// load makes the maps, as far as they are not pinned, and loads the program on them.
// It shares the maps that are named with the layout pinned in before.
func (o Options) load(before string, shared ...string) (l loaded, err error) {
	l = loaded{options: o, rare: &rare{programs: map[string]*ebpf.Program{}}}
	spec, layout, err := o.read(loadBpf)
	if err != nil {
		return l, err
	}
	l.pins = filepath.Join(o.Pins, layout)
	if err := os.MkdirAll(l.pins, 0o700); err != nil {
		return l, fmt.Errorf("make pin directory: %w", err)
	}
	for _, name := range shared {
		if err := share(before, l.pins, name); err != nil {
			return l, err
		}
	}
	if err := makeMaps(spec, l.pins); err != nil {
		return l, err
	}
	if err := spec.LoadAndAssign(&l.objs, &ebpf.CollectionOptions{Maps: ebpf.MapOptions{PinPath: l.pins}}); err != nil {
		return l, fmt.Errorf("load program: %w", err)
	}
	return l, nil
}

func (l *loaded) close() error {
	return errors.Join(l.objs.Close(), l.rare.Close())
}

// read returns the programs and maps of an object as they are to be loaded, and the name
// of their layout, which all objects have in common.
func (o Options) read(object func() (*ebpf.CollectionSpec, error)) (spec *ebpf.CollectionSpec, layout string, err error) {
	if spec, err = object(); err != nil {
		return nil, "", fmt.Errorf("read program: %w", err)
	}
	if err := o.size(spec); err != nil {
		return nil, "", fmt.Errorf("size program: %w", err)
	}
	if layout, err = pinMaps(spec); err != nil {
		return nil, "", err
	}
	// The kernel takes no types for sockets, and 20 ms to say so.
	sockets := spec.Maps[bpfMapSockets]
	sockets.Key, sockets.Value = nil, nil
	return spec, layout, nil
}

func (o Options) size(spec *ebpf.CollectionSpec) error {
	flows := cmp.Or(o.Flows, 1<<19)
	if !o.most {
		flows = fewFlows
		for _, m := range spec.Maps {
			m.MaxEntries = atFirst(m)
		}
	}
	spec.Maps[bpfMapFlows].MaxEntries = uint32(flows)
	return errors.Join(
		spec.Variables[bpfVarMtu].Set(uint32(cmp.Or(o.MTU, 9001))),
		spec.Variables[bpfVarEndpointMtu].Set(uint32(min(EndpointMTU, cmp.Or(o.MTU, 9001)))),
		spec.Variables[bpfVarTunnelMtu].Set(uint32(min(cmp.Or(o.TunnelMTU, 8951), cmp.Or(o.MTU, 9001)))),
		spec.Variables[bpfVarLinkLocalRate].Set(uint32(cmp.Or(o.LinkLocal, 1024))),
		spec.Variables[bpfVarFlowQuota].Set(uint32(cmp.Or(o.Quota, flows/8))),
	)
}

// makeMaps has the pinned maps be there, for those who open them next. It makes several
// at once: the largest are 24 MB, which the kernel fills first.
func makeMaps(spec *ebpf.CollectionSpec, pins string) error {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for name, m := range spec.Maps {
		if m.Pinning == ebpf.PinNone {
			continue
		}
		g.Go(func() error {
			made, err := ebpf.NewMapWithOptions(m, ebpf.MapOptions{PinPath: pins})
			if err != nil {
				return fmt.Errorf("make map %s: %w", name, err)
			}
			return made.Close()
		})
	}
	return g.Wait()
}

// takeOver makes pinned links run this program, and learns what they carry.
func (d *Datapath) takeOver(pins string) error {
	if err := d.install(d.objs.Programs); err != nil {
		return err
	}
	if err := d.loadLinks(); err != nil {
		return err
	}
	if err := d.readNetworks(image{}); err != nil { // for the generations
		return err
	}
	// The agent before may have been killed after a change and before it said so.
	for vni := range d.generations {
		if err := d.bump(vni); err != nil {
			return err
		}
	}
	if err := d.newEpoch(); err != nil {
		return err
	}
	if err := d.findOthers(pins); err != nil {
		return err
	}
	return d.await(len(d.others) > 0)
}
