// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// objects are all maps, and the programs that every host runs. The others are loaded
// when they are first needed (rarely): the kernel takes 25 ms to look through a large one.
type objects struct {
	bpfMaps
	Pipeline *ebpf.Program `ebpf:"pipeline"`
	Root     *ebpf.Program `ebpf:"root"`
	RootFar  *ebpf.Program `ebpf:"root_far"`
	Steer    *ebpf.Program `ebpf:"steer"`
	Sweep    *ebpf.Program `ebpf:"sweep"`
}

func (o *objects) Close() error {
	return errors.Join(_BpfClose(o.Pipeline, o.Root, o.RootFar, o.Steer, o.Sweep), o.bpfMaps.Close())
}

// rarely returns a program that many hosts never run, loaded on the maps of the others.
func (d *Datapath) rarely(name string) (*ebpf.Program, error) {
	if p := d.rare[name]; p != nil {
		return p, nil
	}
	spec, _, err := d.options.read()
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
	d.rare[name] = c.DetachProgram(name)
	return d.rare[name], nil
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
	p, err := d.rarely(bpfProgPipelineFar)
	if err != nil {
		return err
	}
	if err := programs.Put(uint32(bpfProgramPROGRAM_FAR), p); err != nil {
		return fmt.Errorf("install program for other hosts' packets: %w", err)
	}
	return nil
}
