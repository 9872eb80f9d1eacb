// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// earlier is what an earlier program left in the kernel: see testdata/upgrade.
type earlier struct {
	Layout string
	Ports  map[string]int // their indexes
	Maps   map[string][][2]string

	objs *ebpf.Collection
}

// runEarlier lets the bench's ports and its service namespace run by an earlier
// program instead, with its own maps and pins.
func (b *bench) runEarlier(service *namespace, sockets [2]int) *earlier {
	b.t.Helper()
	for _, name := range b.Ports() {
		b.must(b.Detach(name))
	}
	b.must(b.UnsteerNamespace("svc", vniA))
	b.must(b.Close())
	b.must(os.RemoveAll(b.Datapath.pins))
	b.Datapath = nil

	var e earlier
	text, err := os.ReadFile("testdata/upgrade/flows-1.json")
	b.must(err)
	b.must(json.Unmarshal(text, &e))
	dir := filepath.Join(b.pins, e.Layout)
	b.must(os.Mkdir(dir, 0o700))
	b.loadEarlier(&e, dir)
	for kind, fd := range sockets {
		b.must(e.objs.Maps["sockets"].Put(bpfSocketKey{Vni: vniA, Kind: uint32(kind + 1)}, uint64(fd)))
	}
	b.do(func() {
		for name, index := range e.Ports {
			if index != b.index[name] {
				b.t.Errorf("%s has index %d, and had %d", name, b.index[name], index)
			}
			l, err := link.AttachTCX(link.TCXOptions{Interface: index, Program: e.objs.Programs["root"], Attach: ebpf.AttachTCXIngress})
			b.must(err)
			b.must(l.Pin(filepath.Join(dir, portPin+name)))
			b.must(l.Close())
		}
	})
	l, err := link.AttachNetNs(service.fd, e.objs.Programs["steer"])
	b.must(err)
	b.must(l.Pin(filepath.Join(dir, steerPin+"svc")))
	b.must(l.Close())
	if b.t.Failed() {
		b.t.FailNow()
	}
	return &e
}

// loadEarlier pins the maps of an earlier program in dir, with what they held.
func (b *bench) loadEarlier(e *earlier, dir string) {
	b.t.Helper()
	packed, err := os.Open("testdata/upgrade/flows-1.o.gz")
	b.must(err)
	defer packed.Close()
	z, err := gzip.NewReader(packed)
	b.must(err)
	object, err := io.ReadAll(z)
	b.must(err)
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	b.must(err)
	for name, m := range spec.Maps {
		if !strings.HasPrefix(name, ".") && name != bpfMapWorks && name != bpfMapTrails {
			m.Pinning = ebpf.PinByName
		}
	}
	e.objs, err = ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Maps: ebpf.MapOptions{PinPath: dir}})
	if err != nil {
		b.t.Fatalf("load earlier program: %v", err)
	}
	b.t.Cleanup(e.objs.Close)
	for name, entries := range e.Maps {
		for _, kv := range entries {
			k, err := hex.DecodeString(kv[0])
			b.must(err)
			v, err := hex.DecodeString(kv[1])
			b.must(err)
			b.must(e.objs.Maps[name].Put(k, v))
		}
	}
	b.must(e.objs.Maps["programs"].Put(uint32(0), e.objs.Programs["pipeline"]))
}

// end closes the earlier program's descriptors, as the death of its agent does.
func (e *earlier) end() { e.objs.Close() }
