// SPDX-License-Identifier: Apache-2.0

// Package datapath makes the kernel match the units: it loads the eBPF program,
// attaches it, keeps its maps equal to what is wanted, and reads counters, flows
// and verdicts back. It knows packets, addresses and rules; it does not know what
// an endpoint service is, who owns anything, or how links and namespaces are made.
package datapath

import (
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/cilium/ebpf/link"

	"enishi.dev/enishi/hoststate"
)

// Options says where a datapath lives and how large it is. Zero sizes mean the
// defaults.
type Options struct {
	Pins  string // a directory on a bpffs: maps, programs and links are pinned there
	Log   *slog.Logger
	Flows int // halves of flows: each flow has two. Room for 524288 by default, once they need it (see MakeRoom)
	Quota int // flows that one interface opened, an eighth of Flows by default
	MTU   int // the largest IP packet between interfaces, 9001 by default
	// LinkLocal is how many packets a second an interface may send to the resolver and
	// to metadata together: 1,024 by default, as in AWS.
	LinkLocal int
	// TunnelMTU is the largest IP packet to an interface of another host: what the
	// network between them carries, less 50. It is 8951 by default.
	TunnelMTU int

	most bool // maps have the room that they have at most
}

// The probe's own addresses: a probe binds to them, so that its connections come
// in by the probe's port and their answers find the way back.
var (
	ProbeAddr4 = netip.MustParseAddr("169.254.255.253")
	ProbeAddr6 = netip.MustParseAddr("fd00:ec2::ffff")
)

// EndpointMTU is the largest IP packet through an endpoint, as in AWS.
const EndpointMTU = 8500

// Datapath is the kernel's side of one host. Its methods may be called from any
// goroutine, but for Attach, which must run on a thread in the port's namespace.
type Datapath struct {
	swap    sync.RWMutex // held, after mu if both are, while loaded is changed; or without mu while it is used
	mu      sync.Mutex   // guards everything below
	loaded               // what runs
	making  bool         // larger maps are being made
	dirty   bool         // the kernel may hold something else than units and ports say
	whole   bool         // units are all there is; before, what others are in the kernel stays
	units   map[hoststate.Key]hoststate.Unit
	ports   map[string]Port        // by name
	wiring  wiring                 // the same, by what they belong to
	holders map[any]hoststate.Key  // whose an address, an interface or a network is
	users   map[any]map[uint32]int // networks of the interfaces that use a group set or route table
	others  []*otherLayout
	moves   map[string]link.Link // links of other layouts, which run the program once the maps are filled
	links   map[string]link.Link // by the name of their pin

	generations map[uint32]uint64 // by VNI, as the kernel has them
	generation  uint64            // the newest
	writes      int
}

// UnitError is a unit that was not made true, and why. Errors of Apply hold one
// for each such unit; the others hold.
type UnitError struct {
	Key hoststate.Key
	Err error
}

func (e *UnitError) Error() string { return e.Key.String() + ": " + e.Err.Error() }
func (e *UnitError) Unwrap() error { return e.Err }

// Close lets go of the kernel's objects; what is pinned stays and goes on working.
func (d *Datapath) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	errs := []error{d.close()}
	for _, links := range []map[string]link.Link{d.links, d.moves} {
		for _, l := range links {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

// nextGeneration is never used twice, also not by the agent after this one.
func (d *Datapath) nextGeneration() uint64 {
	d.generation = max(d.generation+1, uint64(time.Now().UnixNano()))
	return d.generation
}

// Apply makes the kernel hold set and no longer gone, and returns how many writes
// that took. Other units stay. It is idempotent; after an error, calling it again
// is the whole recovery. A unit that cannot be is left out and named by a UnitError.
func (d *Datapath) Apply(set []hoststate.Unit, gone []hoststate.Key) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.apply(set, gone)
}

// ApplyFull makes the kernel hold all and nothing else.
func (d *Datapath) ApplyFull(all []hoststate.Unit) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	keep := map[hoststate.Key]bool{}
	for _, u := range all {
		keep[u.Key()] = true
	}
	var gone []hoststate.Key
	for k := range d.units {
		if !keep[k] {
			gone = append(gone, k)
		}
	}
	d.whole = true
	d.dirty = true // also a slow audit: what the maps hold is read again
	n, err := d.apply(all, gone)
	return n, errors.Join(err, d.move())
}

func (d *Datapath) apply(set []hoststate.Unit, gone []hoststate.Key) (int, error) {
	var errs []error
	touched := map[hoststate.Key]hoststate.Unit{}
	for _, k := range gone {
		touched[k] = nil
	}
	for _, u := range set {
		if err := check(u); err != nil {
			errs = append(errs, &UnitError{u.Key(), err}) // the one before stays
			continue
		}
		touched[u.Key()] = u
	}
	n, err := d.change(touched, nil, nil)
	return n, errors.Join(append(errs, err)...)
}

// change replaces units (nil: gone) and ports, in one step, and writes what that
// means for the kernel. The units of the ports must be among the touched.
func (d *Datapath) change(touched map[hoststate.Key]hoststate.Unit, out, in *Port) (int, error) {
	have, want := image{}, image{}
	affected := map[uint32]bool{}
	d.gather(touched, out, have, affected)
	idleBefore := d.idleLists(touched)
	d.release(touched)
	d.wiring.cut(out)
	d.wiring.join(in)
	errs := d.hold(touched)
	d.gather(touched, in, want, affected)
	idle := func(key any) bool {
		if have[key] == nil {
			return idleBefore[key]
		}
		return len(d.users[key]) == 0
	}
	if d.dirty {
		idle = func(any) bool { return false }
		if err := d.compare(&have, &want, affected); err != nil {
			return 0, errors.Join(append(errs, err)...)
		}
	}
	n, err := d.write(plan(have, want, idle), affected)
	if isFull(err) && d.mayGrow() {
		err = d.grow()
	}
	return n, errors.Join(append(errs, err)...)
}

// gather adds what the touched units and the port mean at this moment.
func (d *Datapath) gather(touched map[hoststate.Key]hoststate.Unit, p *Port, im image, affected map[uint32]bool) {
	for k := range touched {
		if u := d.units[k]; u != nil {
			facts(u, d.wiring, im)
			d.networksOf(u, affected)
		}
	}
	portFacts(p, im)
}

// write carries out a plan, then lets the flows of the networks it concerns be
// decided again.
func (d *Datapath) write(p []write, affected map[uint32]bool) (int, error) {
	d.writes = 0
	if len(p) == 0 {
		d.dirty = !d.whole
		return 0, nil
	}
	var errs []error
	shrunk := true
	for _, w := range p {
		if w.grow && !shrunk {
			break // what should be gone is still there: nothing new may meet it
		}
		if err := d.carry(w); err != nil { // drops packets, never misleads them: go on
			errs = append(errs, err)
			shrunk = shrunk && w.grow
			if isFull(err) && d.mayGrow() {
				break // all of it is written anew
			}
		}
	}
	for vni := range affected {
		if err := d.bump(vni); err != nil {
			errs = append(errs, err)
		}
	}
	if err := d.newEpoch(); err != nil {
		errs = append(errs, err)
	}
	d.dirty = len(errs) > 0 || !d.whole
	return d.writes, errors.Join(errs...)
}

// compare replaces have by what the kernel holds, and want by everything wanted.
func (d *Datapath) compare(have, want *image, affected map[uint32]bool) error {
	kernel, err := d.read()
	if err != nil {
		return err
	}
	for _, u := range d.units {
		facts(u, d.wiring, *want)
		d.networksOf(u, affected)
	}
	for _, p := range d.ports {
		portFacts(&p, *want)
	}
	if !d.whole {
		for k := range kernel {
			if _, ok := (*want)[k]; !ok && (*have)[k] == nil {
				delete(kernel, k)
			}
		}
	}
	*have = kernel
	return nil
}
