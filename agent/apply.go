// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/feed"
)

// apply makes one batch true. What a packet needs to arrive is there before the
// data plane sends any, and goes only after it sends none. A unit that fails
// alone is refused and tried again; the others go on.
func (a *Agent) apply(ctx context.Context, b feed.Batch) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	gone := b.Gone
	if b.Full {
		gone = a.missing(b.Set)
	}
	for _, u := range b.Set {
		a.units[u.Key()] = u
	}
	removed := map[hoststate.Key]hoststate.Unit{}
	for _, k := range gone {
		if u := a.units[k]; u != nil {
			removed[k] = u
		}
		delete(a.units, k)
		delete(a.refused, k)
	}
	if b.Full {
		a.takeOver()
	}
	for _, u := range b.Set {
		if n, ok := u.(*hoststate.Network); ok {
			a.settle(u.Key(), a.makeNetwork(n))
		}
	}
	instances := a.touched(b.Set, removed)
	for id := range instances {
		a.settle(hoststate.Key{Kind: hoststate.KindInstance, ID: id}, a.makePorts(id))
	}
	if err := a.program(b, gone); err != nil {
		return err
	}
	for id := range instances {
		a.settle(hoststate.Key{Kind: hoststate.KindInstance, ID: id}, a.power(ctx, id))
	}
	for k, u := range removed {
		a.settle(k, a.remove(k, u))
	}
	a.probes.want(b.Set, gone)
	a.position = b.Position
	return nil
}

// program brings the data plane to the units.
func (a *Agent) program(b feed.Batch, gone []hoststate.Key) (err error) {
	if b.Full {
		_, err = a.dp.ApplyFull(b.Set)
	} else {
		_, err = a.dp.Apply(b.Set, gone)
	}
	if err != nil {
		return fmt.Errorf("apply to data plane: %w", err)
	}
	return nil
}

// missing lists the units held that a full batch does not have.
func (a *Agent) missing(set []hoststate.Unit) []hoststate.Key {
	here := make(map[hoststate.Key]bool, len(set))
	for _, u := range set {
		here[u.Key()] = true
	}
	var gone []hoststate.Key
	for k := range a.units {
		if !here[k] {
			gone = append(gone, k)
		}
	}
	return gone
}

// touched lists the instances of this host that a batch is about.
func (a *Agent) touched(set []hoststate.Unit, removed map[hoststate.Key]hoststate.Unit) map[string]bool {
	ids := map[string]bool{}
	add := func(u hoststate.Unit) {
		switch u := u.(type) {
		case *hoststate.Instance:
			if u.Host == a.Host {
				ids[u.ID] = true
			}
		case *hoststate.Interface:
			if u.Host == a.Host && u.Instance != "" {
				ids[u.Instance] = true
			}
		}
	}
	for _, u := range set {
		add(u)
	}
	for _, u := range removed {
		add(u)
	}
	return ids
}

// settle notes whether a unit holds. The first reason is kept until it does.
func (a *Agent) settle(k hoststate.Key, err error) {
	switch {
	case err != nil:
		a.Log.Error("unit does not hold; it is tried again", "unit", k, "err", err)
		a.refused[k] = err.Error()
		a.feed.Refused(k, err.Error())
	case a.refused[k] != "":
		delete(a.refused, k)
		a.feed.Refused(k, "")
	}
}

// retry tries again what was refused.
func (a *Agent) retry(ctx context.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k := range a.refused {
		switch u := a.units[k].(type) {
		case *hoststate.Network:
			a.settle(k, a.makeNetwork(u))
		case *hoststate.Instance:
			err := a.makePorts(u.ID)
			if err == nil {
				err = a.power(ctx, u.ID)
			}
			a.settle(k, err)
		case nil:
			a.settle(k, a.remove(k, nil))
		}
	}
}

// remove takes away what was made for a unit that is gone.
func (a *Agent) remove(k hoststate.Key, _ hoststate.Unit) error {
	switch k.Kind {
	case hoststate.KindNetwork:
		return a.removeNetwork(k.ID)
	case hoststate.KindInstance:
		return a.removeInstance(k.ID)
	}
	return nil
}

// takeOver removes, at the first full batch, what an earlier agent made for
// units that are gone.
func (a *Agent) takeOver() {
	for _, k := range a.leftovers() {
		a.settle(k, a.remove(k, nil))
	}
}
