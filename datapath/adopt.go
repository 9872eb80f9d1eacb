// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
)

// adoptHalves is how many halves the program takes over in one call (ADOPT_HALVES).
const adoptHalves = 24

// flowHalf is one half of a flow, as the program is handed it.
type flowHalf struct {
	Key  bpfFlowKey
	Flow bpfFlow
}

// move lets what other layouts carry run by this program: first their flows come
// here, then one write replaces the program under all ports of a layout, then what
// changed in between comes too. The links follow, and nothing hangs on when.
func (d *Datapath) move() error {
	if len(d.others) == 0 {
		return nil
	}
	d.adoptFlows()
	d.replacePrograms()
	d.adoptFlows()
	var errs []error
	for name, p := range d.ports {
		errs = append(errs, d.moveLink(portPin+name, d.root(p.Kind)))
	}
	return errors.Join(append(errs, d.leave())...)
}

// leave removes the layouts that nothing runs by any more.
func (d *Datapath) leave() error {
	if len(d.moves) > 0 || !d.whole || len(d.others) == 0 {
		return nil
	}
	d.adoptFlows()
	var errs []error
	for _, o := range d.others {
		errs = append(errs, os.RemoveAll(o.dir))
	}
	d.others = nil
	return errors.Join(append(errs, d.await(false))...)
}

// await says whether flows are still to come: a packet of a connection that is not known
// yet is dropped then, and comes again, where its sender would be told that there is none.
func (d *Datapath) await(flows bool) error {
	var v uint32
	if flows {
		v = 1
	}
	return d.set(d.objs.Awaited, uint32(0), v)
}

// replacePrograms lets the ports of other layouts run this program at once. Where
// one of them is not known yet, each follows by its link when it is attached.
func (d *Datapath) replacePrograms() {
	for pin := range d.moves {
		name, isPort := strings.CutPrefix(pin, portPin)
		if _, known := d.ports[name]; isPort && !known {
			return
		}
	}
	for _, o := range d.others {
		if err := d.replaceProgram(o); err != nil {
			d.options.Log.Warn("ports of another layout are switched one by one", "dir", o.dir, "err", err)
		}
	}
}

func (d *Datapath) replaceProgram(o *otherLayout) error {
	m, err := pinned(o.dir, bpfMapPrograms)
	if m == nil || err != nil {
		return err
	}
	defer m.Close()
	return d.install(m)
}

// adoptFlows brings here what changed in the flows of other layouts since it did so
// before. Connections that cannot come end: that must not keep new ones waiting.
func (d *Datapath) adoptFlows() {
	for _, o := range d.others {
		if err := d.adoptFlowsOf(o); err != nil {
			d.options.Log.Error("take over flows of another layout", "dir", o.dir, "err", err)
		}
	}
}

func (d *Datapath) adoptFlowsOf(o *otherLayout) error {
	there := map[bpfFlowKey]bpfFlow{}
	if err := d.earlierFlows(o, func(k bpfFlowKey, f bpfFlow) { there[k] = f }); err != nil {
		return err
	}
	var changed []flowHalf
	for k, f := range there {
		if before, ok := o.carried[k]; !ok || before != f {
			changed = append(changed, flowHalf{k, f})
		}
	}
	for k, f := range o.carried {
		if _, ok := there[k]; !ok { // it ended there
			f.State |= uint32(bpfFlowStateFLOW_RESET)
			changed = append(changed, flowHalf{k, f})
		}
	}
	o.carried = there
	refused := 0
	for part := range slices.Chunk(changed, adoptHalves) {
		n, err := d.adopt(part)
		if err != nil {
			return fmt.Errorf("adopt: %w", err)
		}
		refused += n
	}
	if refused > 0 {
		return fmt.Errorf("no room for %d of %d halves", refused, len(changed))
	}
	return nil
}

// adopt hands halves to the program, which returns for how many it had no room.
func (d *Datapath) adopt(halves []flowHalf) (int, error) {
	packet := bytes.NewBuffer(make([]byte, 16))
	if err := binary.Write(packet, binary.NativeEndian, halves); err != nil {
		return 0, err
	}
	p, err := d.rarely(rareProgAdopt)
	if err != nil {
		return 0, err
	}
	n, err := p.Run(&ebpf.RunOptions{Data: packet.Bytes()})
	return int(n), err
}
