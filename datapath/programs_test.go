// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"errors"
	"testing"

	"github.com/cilium/ebpf"
)

// farProgram is the id of the program that takes what comes from other hosts, 0 if there is none.
func (b *bench) farProgram() (id uint32) {
	err := b.objs.Programs.Lookup(uint32(bpfProgramPROGRAM_FAR), &id)
	if !errors.Is(err, ebpf.ErrKeyNotExist) {
		b.must(err)
	}
	return id
}

func TestTheProgramForOtherHostsComesWithTheWayToThem(t *testing.T) {
	b := newBench(t, "eni-1", tunnelPort)
	b.attach(Port{Name: "eni-1", Kind: PortInterface, Network: vniA, Interface: "eni-1"})
	if b.farProgram() != 0 {
		t.Error("there is one where there is no way to other hosts")
	}
	b.open(Options{})
	if b.farProgram() != 0 {
		t.Error("there is one after another start")
	}
	b.attach(Port{Name: tunnelPort, Kind: PortTunnel})
	first := b.farProgram()
	if first == 0 {
		t.Error("there is none for the way to other hosts")
	}
	b.open(Options{})
	if next := b.farProgram(); next == 0 || next == first {
		t.Errorf("the next start has left program %d after %d, instead of its own", next, first)
	}
}
