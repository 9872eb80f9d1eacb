// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi.dev/enishi/datapath"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/netns"
)

// prober proves endpoints: it completes TLS for every name of an endpoint at
// every address, through the data plane, from a namespace of its own that security
// groups do not apply to, and reports the endpoint ready.
type prober struct {
	a  *Agent
	ns *netns.Namespace

	mu      sync.Mutex
	ctx     context.Context // of run; nil before
	running map[string]probe
	waiting []*hoststate.Endpoint // wanted before run
	tasks   sync.WaitGroup
	slots   chan struct{} // bounds the connections under way
}

// probe is the one under way, or done, for an endpoint.
type probe struct {
	unit   *hoststate.Endpoint
	cancel context.CancelFunc
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
	p := &prober{a: a, ns: ns, running: map[string]probe{}, slots: make(chan struct{}, probesAtOnce)}
	if err := p.open(); err != nil {
		ns.Close()
		return nil, fmt.Errorf("make probe: %w", err)
	}
	return p, nil
}

func (p *prober) open() error {
	index, err := netns.MakeVeth(p.a.fabric, p.ns, netns.Veth{Outer: probePort, Inner: probeInner})
	if err != nil {
		return err
	}
	err = p.a.inFabric(func() error {
		return p.a.dp.Attach(datapath.Port{Ifindex: index, Kind: datapath.PortProbe, Name: probePort})
	})
	if err != nil {
		return err
	}
	for link, ns := range map[string]*netns.Namespace{probePort: p.a.fabric, probeInner: p.ns, "lo": p.ns} {
		if err := ns.SetUp(link); err != nil {
			return err
		}
	}
	inner, err := p.ns.LinkIndex(probeInner)
	if err != nil {
		return err
	}
	return p.ns.Do(func() error {
		for _, addr := range probeAddresses {
			if err := netns.AddAddress(probeInner, addr); err != nil {
				return err
			}
		}
		return netns.DefaultThrough(inner)
	})
}

func (p *prober) close() { p.ns.Close() }

// run lets probes run until ctx ends, and returns when all have ended.
func (p *prober) run(ctx context.Context) error {
	p.mu.Lock()
	p.ctx = ctx
	for _, e := range p.waiting {
		p.start(e)
	}
	p.waiting = nil
	p.mu.Unlock()
	<-ctx.Done()
	p.mu.Lock()
	p.ctx = nil // no more
	p.mu.Unlock()
	p.tasks.Wait()
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
		p.stop(e.ID)
		switch {
		case e.Closing:
		case p.ctx == nil:
			p.waiting = append(p.waiting, e)
		default:
			p.start(e)
		}
	}
}

func (p *prober) stop(id string) {
	if r, ok := p.running[id]; ok {
		r.cancel()
		delete(p.running, id)
	}
}

func (p *prober) start(e *hoststate.Endpoint) {
	ctx, cancel := context.WithCancel(p.ctx)
	p.running[e.ID] = probe{e, cancel}
	p.tasks.Add(1)
	go func() {
		defer p.tasks.Done()
		defer cancel()
		p.prove(ctx, e)
	}()
}

// prove tries until every name answers at every address, and reports that.
func (p *prober) prove(ctx context.Context, e *hoststate.Endpoint) {
	var told error
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		err := p.reach(ctx, e)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			p.a.feed.Ready(e.ID, e.Generation)
			return
		}
		if wait == lastWait && (told == nil || told.Error() != err.Error()) {
			p.a.Log.Warn("endpoint is not ready", "vpce", e.ID, "err", err)
			told = err
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// reach connects once to each address for each name.
func (p *prober) reach(ctx context.Context, e *hoststate.Endpoint) error {
	roots, err := p.a.roots()
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, addr := range e.Addresses {
		for _, port := range e.Ports {
			for _, name := range e.Names {
				g.Go(func() error {
					select {
					case <-ctx.Done():
						return ctx.Err()
					case p.slots <- struct{}{}:
					}
					defer func() { <-p.slots }()
					if err := p.handshake(ctx, e.VNI, addr, port, name, roots); err != nil {
						return fmt.Errorf("%s at %s port %d: %w", name, addr, port, err)
					}
					return nil
				})
			}
		}
	}
	return g.Wait()
}
