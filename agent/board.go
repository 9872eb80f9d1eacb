// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/instance"
)

// board is what others may look at while units are being made true: nobody who
// asks waits for an instance that is just starting.
type board struct {
	closing  chan struct{}
	watchers sync.WaitGroup

	mu        sync.Mutex
	position  hoststate.Position
	networks  int
	instances map[string]shown
}

// shown is an instance as others see it.
type shown struct {
	state     hoststate.InstanceState
	addresses []netip.Addr
	process   *instance.Instance // nil unless it runs
}

func newBoard() *board {
	return &board{closing: make(chan struct{}), instances: map[string]shown{}}
}

func (b *board) reached(p hoststate.Position, networks int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.position, b.networks = p, networks
}

// runs shows a running instance, and calls failed should it end while it is shown.
func (b *board) runs(id string, addresses []netip.Addr, p *instance.Instance, failed func()) {
	b.mu.Lock()
	b.instances[id] = shown{hoststate.InstanceRunning, addresses, p}
	b.mu.Unlock()
	b.watchers.Go(func() {
		select {
		case <-b.closing:
		case <-p.Ended():
			b.fails(id, p, failed)
		}
	})
}

// has shows the instance with other addresses, if it is shown.
func (b *board) has(id string, addresses []netip.Addr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := b.instances[id]; ok {
		s.addresses = addresses
		b.instances[id] = s
	}
}

// fails shows the instance as failed and calls failed, if it is still shown with p. What
// is said of it once it is shown no more comes after that, and is not taken back by it.
func (b *board) fails(id string, p *instance.Instance, failed func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.instances[id]
	if !ok || s.process != p {
		return
	}
	s.state, s.process = hoststate.InstanceFailed, nil
	b.instances[id] = s
	failed()
}

// remove shows the instance no more.
func (b *board) remove(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.instances, id)
}

// process is the instance to enter, and whether it is known at all.
func (b *board) process(id string) (p *instance.Instance, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.instances[id]
	return s.process, ok
}

// status fills in what the board knows.
func (b *board) status(s *hoststate.AgentStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.Position, s.Networks = b.position, b.networks
	s.Instances = []hoststate.InstanceStatus{}
	for id, i := range b.instances {
		s.Instances = append(s.Instances, hoststate.InstanceStatus{ID: id, State: i.state, Addresses: i.addresses})
	}
	slices.SortFunc(s.Instances, func(x, y hoststate.InstanceStatus) int { return cmp.Compare(x.ID, y.ID) })
}

// close waits for those who watch instances.
func (b *board) close() {
	close(b.closing)
	b.watchers.Wait()
}
