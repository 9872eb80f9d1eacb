// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
)

// objects are all maps, and the programs that packets meet on every host.
type objects struct {
	bpfMaps
	bpfPrograms
}

func (o *objects) Close() error { return errors.Join(o.bpfPrograms.Close(), o.bpfMaps.Close()) }

// rare are programs by name that are loaded when they are first needed: to read and
// to look through a large one takes 25 ms of a start.
type rare struct {
	mu       sync.Mutex
	programs map[string]*ebpf.Program
}

func (r *rare) Close() error {
	var errs []error
	for _, p := range r.programs {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// rarely returns one of the rare programs, which works on the maps of the others.
func (d *Datapath) rarely(name string) (*ebpf.Program, error) {
	d.rare.mu.Lock()
	defer d.rare.mu.Unlock()
	if p := d.rare.programs[name]; p != nil {
		return p, nil
	}
	spec, _, err := d.options.read(loadRare)
	if err != nil {
		return nil, err
	}
	spec.Programs = map[string]*ebpf.ProgramSpec{name: spec.Programs[name]}
	c, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{
		Maps: ebpf.MapOptions{PinPath: d.pins},
		// Those that are not pinned.
		MapReplacements: map[string]*ebpf.Map{bpfMapWorks: d.objs.Works, bpfMapOpenings: d.objs.Openings, bpfMapTrails: d.objs.Trails},
	})
	if err != nil {
		return nil, fmt.Errorf("load program %s: %w", name, err)
	}
	defer c.Close()
	p := c.DetachProgram(name)
	d.rare.programs[name] = p
	return p, nil
}

// install lets all that runs by the map run this program: one write for each sort of
// ports. The sort that leads to other hosts has one if Attach has met such a port.
func (d *Datapath) install(programs *ebpf.Map) error {
	if err := programs.Put(uint32(bpfProgramPROGRAM_NEAR), d.objs.Pipeline); err != nil {
		return fmt.Errorf("install program: %w", err)
	}
	var id uint32
	err := programs.Lookup(uint32(bpfProgramPROGRAM_FAR), &id)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the program of other hosts' packets: %w", err)
	}
	return d.installFar(programs)
}

func (d *Datapath) installFar(programs *ebpf.Map) error {
	p, err := d.rarely(rareProgPipelineFar)
	if err != nil {
		return err
	}
	if err := programs.Put(uint32(bpfProgramPROGRAM_FAR), p); err != nil {
		return fmt.Errorf("install program for other hosts' packets: %w", err)
	}
	return nil
}
