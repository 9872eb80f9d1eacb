// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"enishi.dev/enishi/datapath"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/netns"
)

// prober proves endpoints: it completes TLS for every name of an endpoint at
// every address, through the data plane, from a namespace of its own that security
// groups do not apply to, and reports the endpoint ready.
type prober struct {
	a     *Agent
	ns    *netns.Namespace
	slots chan struct{} // bounds the connections under way

	mu      sync.Mutex
	ctx     context.Context // of run; nil before and after
	probes  map[string]*probe
	ongoing sync.WaitGroup
}

// probe is the one under way, or done, for an endpoint.
type probe struct {
	unit   *hoststate.Endpoint
	cancel context.CancelFunc // nil until it is under way
}

const (
	probePort     = "probe"  // the port's name
	probeInner    = "probe0" // the inner end
	probesAtOnce  = 16
	firstWait     = time.Millisecond
	lastWait      = time.Second
	probeDeadline = 2 * time.Second
)

// openProber makes the probe's namespace and port.
func (a *Agent) openProber() (*prober, error) {
	ns, _, err := netns.Make(a.layout.namespace(probePort))
	if err != nil {
		return nil, err
	}
	p := &prober{a: a, ns: ns, probes: map[string]*probe{}, slots: make(chan struct{}, probesAtOnce)}
	if err := p.open(); err != nil {
		ns.Close()
		return nil, fmt.Errorf("make probe: %w", err)
	}
	return p, nil
}

func (p *prober) open() error {
	inner, err := p.ns.Links()
	if err != nil {
		return err
	}
	defer inner.Close()
	v := netns.Veth{Outer: probePort, Inner: probeInner, MTU: datapath.EndpointMTU}
	pair, err := netns.MakeVeth(p.a.wires, inner, v)
	if err != nil {
		return err
	}
	if err := p.a.plug(inner, v, pair, datapath.Port{Kind: datapath.PortProbe}); err != nil {
		return err
	}
	for _, addr := range probeAddresses { // on the loopback, the kernel announces them to nobody
		if err := inner.AddAddress(netns.Loopback, addr); err != nil {
			return err
		}
	}
	return inner.DefaultThrough(pair.Inner)
}

func (p *prober) close() { p.ns.Close() }

// run lets probes run until ctx ends, and returns when all have ended.
func (p *prober) run(ctx context.Context) error {
	p.mu.Lock()
	p.ctx = ctx
	for _, r := range p.probes {
		p.start(r)
	}
	p.mu.Unlock()
	<-ctx.Done()
	p.mu.Lock()
	p.ctx = nil // no more
	p.mu.Unlock()
	p.ongoing.Wait()
	return ctx.Err()
}

// want starts a probe for each endpoint that has come or changed, and calls off
// those that nobody needs any more.
func (p *prober) want(set []hoststate.Unit, gone []hoststate.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range gone {
		if k.Kind == hoststate.KindEndpoint {
			p.stop(k.ID)
		}
	}
	for _, u := range set {
		e, ok := u.(*hoststate.Endpoint)
		if !ok {
			continue
		}
		if r := p.probes[e.ID]; r != nil && reflect.DeepEqual(r.unit, e) {
			continue // sent again
		}
		p.stop(e.ID)
		if e.Closing || e.Network == "" { // nothing waits for a public service to be ready
			continue
		}
		p.probes[e.ID] = &probe{unit: e}
		if p.ctx != nil {
			p.start(p.probes[e.ID])
		}
	}
}

func (p *prober) stop(id string) {
	if r := p.probes[id]; r != nil && r.cancel != nil {
		r.cancel()
	}
	delete(p.probes, id)
}

func (p *prober) start(r *probe) {
	ctx, cancel := context.WithCancel(p.ctx)
	r.cancel = cancel
	p.ongoing.Go(func() {
		defer cancel()
		p.prove(ctx, r.unit)
	})
}

// prove tries until every name has answered at every address, and reports that.
func (p *prober) prove(ctx context.Context, e *hoststate.Endpoint) {
	left := targets(e)
	var told string
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		var err error
		left, err = p.reach(ctx, left)
		if ctx.Err() != nil {
			return
		}
		if len(left) == 0 {
			p.a.feed.Ready(e.ID, e.Generation)
			p.a.Log.Debug("endpoint is ready", "vpce", e.ID)
			return
		}
		if wait == lastWait && told != err.Error() {
			told = err.Error()
			p.a.Log.Warn("endpoint is not ready", "vpce", e.ID, "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// reach connects once to each target, and returns those that did not answer, with
// what was the matter with one of them.
func (p *prober) reach(ctx context.Context, all []target) (left []target, err error) {
	roots, err := p.a.roots()
	if err != nil {
		return all, err
	}
	var mu sync.Mutex
	var tries sync.WaitGroup
	for _, t := range all {
		select {
		case <-ctx.Done():
			continue // nobody asks any more
		case p.slots <- struct{}{}:
		}
		tries.Go(func() {
			defer func() { <-p.slots }()
			if e := p.handshake(ctx, t, roots); e != nil {
				mu.Lock()
				defer mu.Unlock()
				left, err = append(left, t), fmt.Errorf("%s at %s: %w", t.name, t.to, e)
			}
		})
	}
	tries.Wait()
	return left, err
}
