// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
)

// sweepKeys is how many flows the program looks at in one call (SWEEP_KEYS).
const sweepKeys = 64

// Flows returns the number of connections that are tracked. The program counts them:
// nobody reads them for that.
func (d *Datapath) Flows() (int, error) {
	d.swap.RLock()
	defer d.swap.RUnlock()
	var counts []int64 // by processor: one may have ended what another began
	if err := d.objs.Tracked.Lookup(uint32(0), &counts); err != nil {
		return 0, fmt.Errorf("read count of flows: %w", err)
	}
	n := int64(0)
	for _, c := range counts {
		n += c
	}
	return int(n), nil
}

// Sweep removes flows that have expired, and those of interfaces that are gone.
// The program judges; it is asked about every flow.
func (d *Datapath) Sweep(ctx context.Context) error {
	d.swap.RLock()
	defer d.swap.RUnlock()
	var keys []bpfFlowKey
	if err := readMap(d.objs.Flows, func(k bpfFlowKey, _ bpfFlow) { keys = append(keys, k) }); err != nil {
		return err
	}
	for part := range slices.Chunk(keys, sweepKeys) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.sweep(part); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	return d.sweepUsages()
}

func (d *Datapath) sweep(keys []bpfFlowKey) error {
	packet := bytes.NewBuffer(make([]byte, 16))
	if err := binary.Write(packet, binary.NativeEndian, keys); err != nil {
		return err
	}
	p, err := d.rarely(rareProgSweep)
	if err != nil {
		return err
	}
	_, err = p.Run(&ebpf.RunOptions{Data: packet.Bytes()})
	return err
}

// sweepUsages forgets the counts of interfaces that are gone.
func (d *Datapath) sweepUsages() error {
	var gone []bpfUsageKey
	err := readMap(d.objs.Usages, func(k bpfUsageKey, u bpfUsage) {
		var i bpfInterface
		if u.Flows == 0 && errors.Is(d.objs.Interfaces.Lookup(bpfInterfaceKey{Id: k.Owner}, &i), ebpf.ErrKeyNotExist) {
			gone = append(gone, k)
		}
	})
	if err != nil {
		return err
	}
	for _, k := range gone {
		if err := d.objs.Usages.Delete(k); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("forget usage: %w", err)
		}
	}
	return nil
}
