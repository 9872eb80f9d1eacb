// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// Who changes what a flow is must let its connections be taken over.
func TestFlowFormatIsRaisedWithWhatAFlowIs(t *testing.T) {
	spec, err := loadBpf()
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	state, err := spec.Types.AnyTypeByName("flow_state")
	if err != nil {
		t.Fatal(err)
	}
	flows := spec.Maps[bpfMapFlows]
	for _, of := range []btf.Type{flows.Key, flows.Value, state} {
		text, err := new(btf.GoFormatter).TypeDeclaration("t", of)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(h, text)
	}
	got, want := fmt.Sprintf("%d %x", flowFormat, h.Sum(nil)[:8]), "2 e35234f24451bf69"
	if got != want {
		t.Errorf("got %q, want %q: raise flowFormat, read the format before in earlier.go, keep its object in testdata/upgrade", got, want)
	}
}

// The programs of one object work on the maps of the other.
func TestAllObjectsHaveTheSameMaps(t *testing.T) {
	_, layout, err := Options{}.read(loadBpf)
	if err != nil {
		t.Fatal(err)
	}
	_, rare, err := Options{}.read(loadRare)
	if err != nil || rare != layout {
		t.Errorf("rare.bpf.c: layout %s, %v, want pipeline.bpf.c's, %s", rare, err, layout)
	}
}

func TestFormatOfFlowsIsToldByTheLayoutsName(t *testing.T) {
	needRoot(t)
	pins := mountBPFFS(t)
	layout := func(name string, maps ...*ebpf.MapSpec) string {
		dir := filepath.Join(pins, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, m := range maps {
			m.Type, m.KeySize, m.MaxEntries, m.Pinning = ebpf.Hash, sizeOf[bpfFlowKey](), 1, ebpf.PinByName
			made, err := ebpf.NewMapWithOptions(m, ebpf.MapOptions{PinPath: dir})
			if err != nil {
				t.Fatal(err)
			}
			made.Close()
		}
		return dir
	}
	for _, c := range []struct {
		dir  string
		want int
	}{
		{layout("2-00aa"), 2},
		{layout("3-00aa"), 0}, // of a program to come
		{layout("x-00aa"), 0},
		{layout("00aa", &ebpf.MapSpec{Name: "half_open", ValueSize: 64}, &ebpf.MapSpec{Name: bpfMapFlows, ValueSize: 64}), 1},
		{layout("00bb", &ebpf.MapSpec{Name: bpfMapFlows, ValueSize: 96}), 2},
		{layout("00cc", &ebpf.MapSpec{Name: bpfMapFlows, ValueSize: 88}), 0},
		{layout("00dd"), 0},
	} {
		if got, _ := formatOf(c.dir); got != c.want {
			t.Errorf("%s: got %d, want %d", c.dir, got, c.want)
		}
	}
}

// BenchmarkOpen is the start on a host that has nothing pinned.
func BenchmarkOpen(b *testing.B) {
	needRoot(b)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	for b.Loop() {
		d, err := Open(Options{Pins: mountBPFFS(b), Log: log})
		if err != nil {
			b.Fatal(err)
		}
		d.Close()
	}
}
