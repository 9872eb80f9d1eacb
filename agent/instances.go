// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"

	"golang.org/x/sync/errgroup"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/instance"
	"enishi.dev/enishi/netns"
)

// running is an instance on this host: its namespace with its interfaces, and
// its processes once started.
type running struct {
	ns      *netns.Namespace
	ports   map[string]port // by their names in the fabric
	process *instance.Instance
}

const (
	instancePrefix = "i-"
	startsAtOnce   = 4
)

// touched lists the instances that a change is about.
func (a *Agent) touched(set []hoststate.Unit, gone []hoststate.Key) map[string]bool {
	ids := map[string]bool{}
	add := func(u hoststate.Unit) {
		switch u := u.(type) {
		case *hoststate.Instance:
			ids[u.ID] = true
		case *hoststate.Interface:
			if u.Instance != "" {
				ids[u.Instance] = true
			}
		}
	}
	for _, u := range set {
		add(u)
		add(a.units[u.Key()])
	}
	for _, k := range gone {
		add(a.units[k])
		if k.Kind == hoststate.KindInstance {
			ids[k.ID] = true
		}
	}
	return ids
}

func instanceKey(id string) hoststate.Key {
	return hoststate.Key{Kind: hoststate.KindInstance, ID: id}
}

// wanted returns the instance's unit, if it is to run here, and its interfaces;
// fewer than the unit names if not all are known yet.
func (a *Agent) wanted(id string) (*hoststate.Instance, []*hoststate.Interface) {
	u := a.here(id)
	if u == nil || !u.Running {
		return nil, nil
	}
	var interfaces []*hoststate.Interface
	for _, eni := range u.Interfaces {
		if i, ok := a.units[hoststate.Key{Kind: hoststate.KindInterface, ID: eni}].(*hoststate.Interface); ok {
			interfaces = append(interfaces, i)
		}
	}
	return u, interfaces
}

// powerOff ends those of the instances that are not to run here. Of one that is said to
// be stopped nothing is left, of an earlier agent's neither.
func (a *Agent) powerOff(o outcome, ids map[string]bool) {
	for id := range ids {
		if u, _ := a.wanted(id); u != nil {
			continue
		}
		if a.instances[id] != nil || a.refused[instanceKey(id)] != "" || a.isLeft(id) {
			if err := a.removeInstance(id); err != nil {
				o.add(instanceKey(id), err)
				continue
			}
		}
		if u := a.here(id); u != nil {
			a.feed.Instance(id, hoststate.InstanceReport{State: hoststate.InstanceStopped, Boots: u.Boots})
		}
	}
}

// dropAll takes away the ports that those of the instances have no more.
func (a *Agent) dropAll(o outcome, ids map[string]bool) {
	for id := range ids {
		if u, interfaces := a.wanted(id); u != nil && a.instances[id] != nil {
			o.add(u.Key(), a.dropPorts(a.instances[id], interfaces))
		}
	}
}

// powerOn makes the ports of those of the instances that are to run here, and
// starts them, several at a time.
func (a *Agent) powerOn(ctx context.Context, o outcome, ids map[string]bool) {
	type attempt struct {
		unit    *hoststate.Instance
		r       *running
		process *instance.Instance // that was started, or taken over; nil where the one that runs is right
		err     error
	}
	var attempts []*attempt
	a.dropAll(o, ids)
	var g errgroup.Group
	g.SetLimit(startsAtOnce)
	for id := range ids {
		u, interfaces := a.wanted(id)
		if u == nil || len(interfaces) < len(u.Interfaces) {
			continue // the rest comes with another batch
		}
		s := &attempt{unit: u, r: a.instances[id]}
		attempts = append(attempts, s)
		g.Go(func() error {
			if s.r, s.err = a.makePorts(s.r, u, interfaces); s.err == nil && (s.r.process == nil || s.r.process.Boots() != u.Boots) {
				s.process, s.err = a.startProcess(ctx, u, s.r)
			}
			return nil
		})
	}
	_ = g.Wait()
	for _, s := range attempts {
		o.add(s.unit.Key(), s.err)
		if s.r != nil {
			a.instances[s.unit.ID] = s.r
		}
		switch {
		case s.process != nil:
			s.r.process = s.process
			a.show(s.unit, s.process)
		case s.err == nil:
			_, interfaces := a.wanted(s.unit.ID)
			a.board.has(s.unit.ID, addressesOf(interfaces))
		}
	}
}

// startProcess starts the instance's first process, or takes over the one that
// an earlier agent started. One of an earlier boot makes way first.
func (a *Agent) startProcess(ctx context.Context, u *hoststate.Instance, r *running) (*instance.Instance, error) {
	p := r.process
	if p == nil {
		var err error
		if p, err = instance.Adopt(a.layout.instance(u.ID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if p != nil && p.Boots() == u.Boots {
		return p, nil
	}
	if p != nil {
		a.board.remove(u.ID)
		if err := p.Kill(); err != nil {
			return nil, fmt.Errorf("end processes: %w", err)
		}
	}
	ca, err := os.ReadFile(a.layout.ca())
	if err != nil {
		return nil, err
	}
	return instance.Start(ctx, instance.Spec{
		ID: u.ID, Hostname: u.Hostname, Domain: u.Domain, Resolver: u.Resolver, Region: u.Region, Boots: u.Boots, Script: u.Script,
		CA: ca, Hide: []string{a.RunDir}, Detach: []string{a.layout.state()},
	}, a.layout.instance(u.ID), r.ns, func(pid int) {
		if err := a.groups.Add(u.ID, pid); err != nil {
			a.Log.Warn("an instance that keeps processors busy will not give way to others", "instance", u.ID, "err", err)
		}
	})
}

func addressesOf(interfaces []*hoststate.Interface) (addresses []netip.Addr) {
	for _, i := range interfaces {
		addresses = append(addresses, i.Addresses...)
	}
	return addresses
}

// show reports that the instance runs, and that it has failed should it end by
// itself. It is not started again then: as a machine that lost its power.
func (a *Agent) show(u *hoststate.Instance, p *instance.Instance) {
	_, interfaces := a.wanted(u.ID)
	a.feed.Instance(u.ID, hoststate.InstanceReport{State: hoststate.InstanceRunning, Boots: u.Boots})
	a.watchConsole(u.ID, p)
	a.board.runs(u.ID, addressesOf(interfaces), p, func() {
		a.Log.Warn("instance ended by itself", "instance", u.ID)
		a.feed.Instance(u.ID, hoststate.InstanceReport{State: hoststate.InstanceFailed, Reason: "its first process ended", Boots: u.Boots})
	})
}

// removeInstance ends an instance's processes and removes its ports and
// namespace, also of one that only an earlier agent knew. One that is not there
// is no error.
func (a *Agent) removeInstance(id string) error {
	a.board.remove(id)
	r := a.instances[id]
	if r == nil {
		r = &running{}
	}
	p := r.process
	if p == nil {
		var err error
		if p, err = instance.Adopt(a.layout.instance(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("find processes: %w", err)
		}
	}
	if p != nil {
		if err := p.Kill(); err != nil {
			return fmt.Errorf("end processes: %w", err)
		}
	}
	if err := a.groups.Remove(id); err != nil { // somebody may have put a process of his there
		a.Log.Warn("a control group stays", "instance", id, "err", err)
	}
	for port := range r.ports {
		if err := a.dp.Detach(port); err != nil {
			return fmt.Errorf("detach %s: %w", port, err)
		}
	}
	if r.ns == nil { // which ports an earlier agent made for it is not written down
		if err := a.removePorts(); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(a.layout.instance(id)); err != nil {
		return err
	}
	// The links go with the namespace, once the kernel comes to it. It is the last to go:
	// by it the next agent finds what this one may have left.
	if err := netns.Remove(a.layout.namespace(id)); err != nil {
		return err
	}
	if r.ns != nil {
		r.ns.Close()
	}
	delete(a.instances, id)
	return nil
}
