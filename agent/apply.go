// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"

	"enishi.dev/enishi/datapath"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/feed"
)

// outcome says of the units that were tried whether they hold.
type outcome map[hoststate.Key]error

func (o outcome) add(k hoststate.Key, err error) { o[k] = errors.Join(o[k], err) }

// apply makes one batch true. A unit that fails alone is refused and tried again;
// the others hold.
func (a *Agent) apply(ctx context.Context, b feed.Batch) error {
	a.work.Lock()
	defer a.work.Unlock()
	gone := b.Gone
	if b.Full {
		gone = a.missing(b.Set)
	}
	o, err := a.hold(ctx, b.Set, gone, b.Full)
	a.settle(o)
	if err != nil {
		return err
	}
	a.board.reached(b.Position, len(a.networks))
	return nil
}

// retry tries again what was refused.
func (a *Agent) retry(ctx context.Context) {
	a.work.Lock()
	defer a.work.Unlock()
	if len(a.refused) == 0 {
		return
	}
	var set []hoststate.Unit
	var gone []hoststate.Key
	for k := range a.refused {
		if u := a.units[k]; u != nil {
			set = append(set, u)
		} else {
			gone = append(gone, k)
		}
	}
	o, err := a.hold(ctx, set, gone, false)
	a.settle(o)
	if err != nil {
		a.Log.Error("try again", "err", err)
	}
}

// hold makes the units of set true, and those of gone no more. The data plane
// comes first, so that nothing is sent to what goes, and nothing makes way for
// what comes before its rules are there: a port without a unit drops, a unit
// without a port too.
func (a *Agent) hold(ctx context.Context, set []hoststate.Unit, gone []hoststate.Key, full bool) (outcome, error) {
	o := outcome{}
	touched := a.touched(set, gone) // by what they were, and what they are to be
	for _, u := range set {
		a.units[u.Key()] = u
		o.add(u.Key(), nil)
	}
	for _, k := range gone {
		delete(a.units, k)
		o.add(k, nil)
	}
	err := a.program(o, set, gone, full)
	if full {
		a.removeLeftovers(o)
	}
	for _, k := range gone {
		if k.Kind == hoststate.KindNetwork {
			o.add(k, a.removeNetwork(k.ID))
		}
	}
	a.powerOff(o, touched)
	for _, u := range set {
		if n, ok := u.(*hoststate.Network); ok {
			o.add(n.Key(), a.makeNetwork(n))
		}
	}
	a.powerOn(ctx, o, touched)
	a.probes.want(set, gone)
	return o, err
}

// program brings the data plane to the units. It tells of units that cannot be in
// o; the error is of the whole.
func (a *Agent) program(o outcome, set []hoststate.Unit, gone []hoststate.Key, full bool) (err error) {
	if full {
		_, err = a.dp.ApplyFull(set)
	} else {
		_, err = a.dp.Apply(set, gone)
	}
	if err := o.take(err); err != nil {
		return fmt.Errorf("apply to data plane: %w", err)
	}
	return nil
}

// take sorts what is the matter with single units out of err, and returns the rest.
func (o outcome) take(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var rest []error
		for _, e := range many.Unwrap() {
			rest = append(rest, o.take(e))
		}
		return errors.Join(rest...)
	}
	if unit, ok := errors.AsType[*datapath.UnitError](err); ok {
		o.add(unit.Key, unit.Err)
		return nil
	}
	return err
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

// settle notes and reports which of the units that were tried hold.
func (a *Agent) settle(o outcome) {
	for k, err := range o {
		switch {
		case err == nil && a.refused[k] != "":
			delete(a.refused, k)
			a.feed.Refused(k, "")
			a.Log.Info("unit holds now", "unit", k)
		case err != nil:
			a.feed.Refused(k, err.Error()) // also again: when a unit is sent again, the feed takes it back
			if a.refused[k] != err.Error() {
				a.Log.Error("unit does not hold; it is tried again", "unit", k, "err", err)
			}
			a.refused[k] = err.Error()
		}
	}
}
