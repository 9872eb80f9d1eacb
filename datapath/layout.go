// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// flowFormat numbers what a flow is: flow_key, flow, and what the bits of flow_state
// mean. Raise it with any of them, and let earlierFlows read what the one before was.
const flowFormat = 2

// pinMaps marks the maps that outlive the agent and returns the name of their
// layout: programs of one layout can work on each other's maps. The name begins
// with the format of its flows, for those who come after.
func pinMaps(spec *ebpf.CollectionSpec) (string, error) {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(spec.Maps)) {
		m := spec.Maps[name]
		if strings.HasPrefix(name, ".") || name == bpfMapWorks || name == bpfMapOpenings || name == bpfMapTrails {
			continue // of one load
		}
		m.Pinning = ebpf.PinByName
		fmt.Fprintln(h, name, m.Type, m.KeySize, m.ValueSize, m.MaxEntries, m.Flags)
		for _, t := range []btf.Type{m.Key, m.Value} {
			if t == nil {
				continue
			}
			text, err := new(btf.GoFormatter).TypeDeclaration("t", t)
			if err != nil {
				return "", fmt.Errorf("layout of %s: %w", name, err)
			}
			fmt.Fprintln(h, text)
		}
	}
	return fmt.Sprintf("%d-%x", flowFormat, h.Sum(nil)[:8]), nil
}

// otherLayout is what a program of another layout has pinned, and how far it is
// taken over.
type otherLayout struct {
	dir     string
	format  int                    // of its flows; 0: not known
	carried map[bpfFlowKey]bpfFlow // its flows that are here, as they were last seen there
}

// layouts lists the directories of the layouts that are pinned in pins.
func layouts(pins string) (dirs []string, err error) {
	entries, err := os.ReadDir(pins)
	if err != nil {
		return nil, fmt.Errorf("read pin directory: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, filepath.Join(pins, e.Name()))
		}
	}
	return dirs, nil
}

// findOthers learns what other layouts have pinned beside this one's.
func (d *Datapath) findOthers(pins string) error {
	dirs, err := layouts(pins)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if dir == d.pins {
			continue
		}
		o := &otherLayout{dir: dir, carried: map[bpfFlowKey]bpfFlow{}}
		if o.format, err = formatOf(dir); err != nil || o.format == 0 {
			d.options.Log.Warn("flows of another layout are not known: its connections end", "dir", dir, "err", err)
		}
		d.others = append(d.others, o)
		if err := d.loadMoves(o); err != nil {
			return fmt.Errorf("look at layout %s: %w", filepath.Base(dir), err)
		}
	}
	return nil
}

// formatOf returns the format of the flows in dir, 0 if it is not known. Before names told it, there were
// two that can be told apart from the rest: the first, and the last.
func formatOf(dir string) (int, error) {
	if number, _, ok := strings.Cut(filepath.Base(dir), "-"); ok {
		n, err := strconv.Atoi(number)
		if n > flowFormat { // of a program to come
			n = 0
		}
		return n, err
	}
	if _, err := os.Stat(filepath.Join(dir, "half_open")); err == nil {
		return 1, nil
	}
	m, err := pinned(dir, bpfMapFlows)
	if m == nil || err != nil {
		return 0, err
	}
	defer m.Close()
	if m.ValueSize() == sizeOf[bpfFlow]() {
		return 2, nil
	}
	return 0, nil
}

// pinned opens a map of another layout, nil if it has none of the name.
func pinned(dir, name string) (*ebpf.Map, error) {
	m, err := ebpf.LoadPinnedMap(filepath.Join(dir, name), nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return m, nil
}
