// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"maps"
	"sync"

	"enishi.dev/enishi/hoststate"
)

// Reporter gathers what a process has to say until it can be sent. What is said
// twice is sent once; what concerns a unit that is gone is forgotten.
type Reporter struct {
	mu       sync.Mutex
	wake     chan struct{}
	position hoststate.Position
	all      facts // all that holds now
	news     facts // what of it control has not heard
	full     bool  // control must hear all of it
	met      bool  // a control has let this process follow
}

// facts is what a report carries, but for its head.
type facts struct {
	refused   map[string]string
	ready     map[string]int64
	closed    map[string]bool
	instances map[string]hoststate.InstanceReport
}

// Ready says that every name of the endpoint was reached, with the Generation of
// the unit that was probed.
func (r *Reporter) Ready(endpoint string, generation int64) {
	r.say(func(f *facts) { set(&f.ready, endpoint, generation) })
}

// Closed says that every connection of an endpoint with Closing has been reset.
func (r *Reporter) Closed(endpoint string) {
	r.say(func(f *facts) { set(&f.closed, endpoint, true) })
}

// Instance says what became of an instance.
func (r *Reporter) Instance(id string, state hoststate.InstanceReport) {
	r.say(func(f *facts) { set(&f.instances, id, state) })
}

// Refused says that a unit could not be made true, and why; an empty reason
// takes that back. A new version of the unit takes it back by itself.
func (r *Reporter) Refused(k hoststate.Key, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse(k.String(), reason)
	r.signal()
}

func (r *Reporter) refuse(key, reason string) {
	if r.all.refused[key] == reason {
		return
	}
	set(&r.news.refused, key, reason)
	if reason == "" {
		delete(r.all.refused, key)
		return
	}
	set(&r.all.refused, key, reason)
}

// say writes a fact down twice: as holding, and as news.
func (r *Reporter) say(write func(*facts)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	write(&r.all)
	write(&r.news)
	r.signal()
}

func set[V any](m *map[string]V, k string, v V) {
	if *m == nil {
		*m = make(map[string]V)
	}
	(*m)[k] = v
}

// settle makes what holds agree with a batch that is about to be applied.
func (r *Reporter) settle(b Batch, refused map[hoststate.Key]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b.Full {
		r.keepOnly(b, refused)
	}
	for _, k := range b.Gone {
		r.forget(k)
	}
	for _, u := range b.Set {
		r.refuse(u.Key().String(), "")
	}
	for k, reason := range refused {
		r.refuse(k.String(), reason)
	}
}

// keepOnly forgets what concerns no unit of a full batch.
func (r *Reporter) keepOnly(b Batch, refused map[hoststate.Key]string) {
	here := make(map[string]bool, len(b.Set))
	for _, u := range b.Set {
		here[u.Key().String()] = true
	}
	for k := range refused {
		here[k.String()] = true
	}
	forget(here, hoststate.KindEndpoint, &r.all.ready, &r.news.ready)
	forget(here, hoststate.KindEndpoint, &r.all.closed, &r.news.closed)
	forget(here, hoststate.KindInstance, &r.all.instances, &r.news.instances)
	for key := range r.all.refused {
		if !here[key] {
			r.refuse(key, "")
		}
	}
}

func forget[V any](here map[string]bool, kind hoststate.Kind, facts ...*map[string]V) {
	for _, m := range facts {
		maps.DeleteFunc(*m, func(id string, _ V) bool {
			return !here[hoststate.Key{Kind: kind, ID: id}.String()]
		})
	}
}

// forget drops what concerns one unit that is gone.
func (r *Reporter) forget(k hoststate.Key) {
	for _, f := range []*facts{&r.all, &r.news} {
		switch k.Kind {
		case hoststate.KindEndpoint:
			delete(f.ready, k.ID)
			delete(f.closed, k.ID)
		case hoststate.KindInstance:
			delete(f.instances, k.ID)
		}
	}
	r.refuse(k.String(), "")
}
