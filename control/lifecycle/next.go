// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"slices"
	"time"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// write is a change of one row, to be made in a decision.
type write func(tx *store.Tx)

// endpointTombstone is how long a deleted endpoint is still described to those
// who ask for that state.
const endpointTombstone = time.Minute

// next is the change that a row needs now, or whether it is done until somebody
// wants something else of it. Neither: it waits for a host or for time to pass.
func (l *Lifecycle) next(v *store.View, o Observed, now time.Time, r store.Ref) (w write, done bool) {
	switch r.Kind {
	case store.KindEndpoint:
		if e, ok := v.Endpoints.Get(r.ID); ok {
			return l.endpoint(v, o, now, e)
		}
		l.forget(r.ID)
	case store.KindInstance:
		if i, ok := v.Instances.Get(r.ID); ok {
			return l.instance(v, o, now, i)
		}
		l.forget(r.ID)
	case store.KindENI:
		if e, ok := v.ENIs.Get(r.ID); ok && e.Withdrawn {
			return l.eni(v, o, e)
		}
	}
	return nil, true
}

func (l *Lifecycle) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen.forget(id)
}

// endpoint: pending until it was reached, then available; deleting until its
// connections are reset and its interfaces gone.
func (l *Lifecycle) endpoint(v *store.View, o Observed, now time.Time, e vpc.Endpoint) (write, bool) {
	put := func(e vpc.Endpoint) write { return func(tx *store.Tx) { tx.Endpoints.PutStatus(e) } }
	switch {
	case !e.Status.Gone.IsZero():
		if now.Sub(e.Status.Gone) > endpointTombstone {
			return func(tx *store.Tx) { tx.Endpoints.Delete(string(e.ID)) }, false
		}
		return nil, false
	case !e.DeleteRequested:
		if e.Status.Ready >= e.Generation {
			return nil, true
		}
		if !reached(v, o, e) {
			return nil, false
		}
		e.Status.Ready, e.Status.Private = e.Generation, e.PrivateDNS
		return put(e), false
	case !e.Status.Closed:
		if !closed(v, o, e) {
			return nil, false
		}
		e.Status.Closed = true
		return func(tx *store.Tx) {
			tx.Endpoints.PutStatus(e)
			withdraw(tx, tx.ENIs.By("endpoint", string(e.ID)))
		}, false
	}
	for range v.ENIs.By("endpoint", string(e.ID)) {
		return nil, false // not let go of everywhere
	}
	e.Status.Gone = now
	return put(e), false
}

// withdraw has hosts let go of interfaces whose owner is gone.
func withdraw(tx *store.Tx, enis func(yield func(vpc.ENI) bool)) {
	for _, e := range slices.Collect(enis) {
		if !e.Withdrawn {
			tx.ENIs.Put(e.Release())
		}
	}
}

// hostsOf are the live hosts that have to know a VPC: those with instances in
// it, else the first one.
func hostsOf(v *store.View, o Observed, id vpc.VPCID) []string {
	has, anywhere := map[string]bool{}, false
	for i := range v.Instances.By("vpc", string(id)) {
		if !i.Status.Gone.IsZero() {
			continue
		}
		if anywhere = true; slices.Contains(o.Live, i.Host) {
			if has[i.Host] = true; len(has) == len(o.Live) {
				break // all of them: a large VPC need not be walked through
			}
		}
	}
	if !anywhere {
		return o.Live[:min(1, len(o.Live))]
	}
	return slices.DeleteFunc(slices.Clone(o.Live), func(h string) bool { return !has[h] })
}

// reached says that every host that needs the endpoint has reached it as it is
// wanted now. Without any host nobody has.
func reached(v *store.View, o Observed, e vpc.Endpoint) bool {
	if len(e.ENIs) == 0 {
		return true
	}
	hosts := hostsOf(v, o, e.VPC)
	for _, h := range hosts {
		if o.Ready[h][string(e.ID)] < e.Generation {
			return false
		}
	}
	return len(hosts) > 0
}

// closed says that no gateway has a connection through the endpoint any more.
func closed(v *store.View, o Observed, e vpc.Endpoint) bool {
	if len(e.ENIs) == 0 {
		return true
	}
	for _, h := range hostsOf(v, o, e.VPC) {
		if !o.Closed[h][string(e.ID)] {
			return false
		}
	}
	return !o.Early
}

// eni: its addresses and its number are free when every live host has let go.
func (l *Lifecycle) eni(v *store.View, o Observed, e vpc.ENI) (write, bool) {
	if l.withdrawn[string(e.ID)] == 0 || !o.confirmed(v.Incarnation(), l.withdrawn[string(e.ID)]) {
		return nil, false
	}
	return func(tx *store.Tx) { tx.ENIs.Delete(string(e.ID)) }, false
}

// instance: running, or stopped, when its host says so; when it is to go, its host ends its
// processes first, then its interfaces are withdrawn.
func (l *Lifecycle) instance(v *store.View, o Observed, now time.Time, i vpc.Instance) (write, bool) {
	put := func(i vpc.Instance) write { return func(tx *store.Tx) { tx.Instances.PutStatus(i) } }
	seen, reported := o.Instances[i.Host][string(i.ID)]
	if seen.Boots != i.Boots { // of an earlier boot: of this one nothing is known
		seen, reported = hoststate.InstanceReport{}, false
	}
	running := reported && seen.State == hoststate.InstanceRunning
	switch {
	case !i.Status.Gone.IsZero():
		if i.Forgotten(now) {
			return func(tx *store.Tx) { tx.Instances.Delete(string(i.ID)) }, false
		}
		return nil, false
	case i.PowerWanted == vpc.PowerOn:
		if !reported || running == i.Status.Running && seen.Reason == i.Status.Reason && !i.Status.Stopped {
			return nil, true // until its host reports it again
		}
		i.Status.Running, i.Status.Reason, i.Status.Stopped = running, seen.Reason, false
		i.Status.Ran = i.Status.Ran || running
		return put(i), false
	case i.PowerWanted == vpc.PowerOff:
		if !reported || seen.State != hoststate.InstanceStopped || i.Off() {
			return nil, true // until its host reports it again
		}
		i.Status.Running, i.Status.Reason, i.Status.Stopped, i.Status.Boots = false, "", true, i.Boots
		return put(i), false
	case (o.Early || slices.Contains(o.Live, i.Host)) && seen.State != hoststate.InstanceStopped:
		return nil, false
	}
	left := false
	for e := range v.ENIs.By("instance", string(i.ID)) {
		left = true
		if !e.Withdrawn {
			return func(tx *store.Tx) { withdraw(tx, tx.ENIs.By("instance", string(i.ID))) }, false
		}
	}
	if left {
		return nil, false
	}
	i.Status.Running, i.Status.Stopped, i.Status.Gone = false, false, now
	return put(i), false
}
