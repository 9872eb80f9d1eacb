// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// inSmallMaps is a bench with connections that carry data, before its maps grow.
type inSmallMaps struct {
	*bench
	i1, service *namespace
	tcp         net.Listener
	sockets     [2]int
	goOn        func(when string)
}

func newInSmallMaps(t *testing.T) inSmallMaps {
	b := inSmallMaps{bench: newBench(t)}
	b.i1 = b.instance(1, "eni-1", mac(1), "10.0.1.10", "fd00:a::10")
	i2 := b.instance(2, "eni-2", mac(2), "10.0.1.20", "fd00:a::20")
	b.service, b.tcp, b.sockets = b.bench.service(vniA)
	b.steer()
	if _, err := b.ApplyFull(world()); err != nil {
		t.Fatal(err)
	}
	b.goOn = everyWay(t, b.i1, i2, b.tcp)
	return b
}

func (b inSmallMaps) steer() {
	b.t.Helper()
	b.must(b.SteerNamespace(b.service.fd, vniA, "svc", b.sockets[0], b.sockets[1]))
}

// What does not fit into small maps fits into larger ones, and no connection notices:
// neither by a rule that goes at the same moment, nor by what counts it.
func TestMapsGrowUnderConnections(t *testing.T) {
	b := newInSmallMaps(t)
	b.goOn("in small maps")
	b.i1.dial("10.0.1.20", 81) // refused, and counted
	drops := total(b.bench)
	b.must(b.AddProbe(4000, vniA))
	if _, err := b.Apply(append(crowd(few+10), closed()...), nil); err != nil {
		t.Fatal(err)
	}
	b.goOn("in larger ones")
	if n := b.layouts(); n != 1 || !b.options.most {
		t.Errorf("%d layouts are pinned, want the larger one", n)
	}
	n := 0
	b.must(readMap(b.objs.Interfaces, func(bpfInterfaceKey, bpfInterface) { n++ }))
	if n < few+10 {
		t.Errorf("%d interfaces are in the maps", n)
	}
	for addr, port := range map[string]uint16{"10.0.1.20": 80, "10.0.1.50": 443} {
		if err := b.i1.dial(addr, port); !os.IsTimeout(err) {
			t.Errorf("a new connection to %s, which nothing allows any more: got %v, want a time-out", addr, err)
		}
	}
	if got := total(b.bench); drops == 0 || got <= drops {
		t.Errorf("%d packets were refused before, %d with those after it", drops, got)
	}
	if err := b.objs.Probes.Lookup(bpfProbeKey{Port: 4000}, new(bpfProbe)); err != nil {
		t.Errorf("a probe that goes on: %v", err)
	}
	flows, opened := 0, 0
	b.must(readMap(b.objs.Flows, func(_ bpfFlowKey, f bpfFlow) {
		if f.State&uint32(bpfFlowStateFLOW_INITIATOR) != 0 {
			opened++
		}
	}))
	var u bpfUsage
	if err := b.objs.Usages.Lookup(bpfUsageKey{Owner: handle("eni-1")}, &u); err != nil || int(u.Flows) != opened {
		t.Errorf("%d connections count towards the quota, %v, want %d", u.Flows, err, opened)
	}
	if flows, _ = b.Flows(); flows != opened {
		t.Errorf("%d connections are tracked, want %d", flows, opened)
	}
	b.open(Options{})
	if !b.options.most {
		t.Error("an agent that begins makes the maps small again")
	}
	b.goOn("by the next agent")
}

func total(b *bench) (n uint64) {
	drops, err := b.Drops()
	b.must(err)
	for _, d := range drops {
		n += d.Packets
	}
	return n
}

// Long before an interface has used up what small maps allow, there is more.
func TestMapsGrowWhenConnectionsBecomeMany(t *testing.T) {
	b := newInSmallMaps(t)
	if most, err := b.MakeRoom(); most || err != nil {
		t.Fatalf("got %v, %v with three connections", most, err)
	}
	to := &net.UDPAddr{IP: net.ParseIP("10.0.1.20"), Port: 53}
	for port := range fewFlows/8/8 + 1 {
		c := b.i1.datagrams(t, "10.0.1.10", 20000+port)
		if _, err := c.WriteTo([]byte("?"), to); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	most, err := b.MakeRoom()
	if !most || err != nil {
		t.Fatalf("got %v, %v", most, err)
	}
	b.goOn("in larger maps")
	if flows, err := b.Flows(); err != nil || flows < fewFlows/8/8 {
		t.Errorf("%d connections are tracked, %v", flows, err)
	}
	if n := b.layouts(); n != 1 {
		t.Errorf("%d layouts are pinned", n)
	}
}

// An agent that is killed while maps grow is followed by one that goes on with it.
func TestGrowingIsGoneOnWithAfterAKill(t *testing.T) {
	for name, until := range map[string]func(b *bench) error{
		"before anything is in them": func(*bench) error { return nil },
		"when they are filled": func(b *bench) error {
			b.dirty = true
			_, err := b.change(nil, nil, nil)
			return err
		},
		"when flows have come": func(b *bench) error {
			b.dirty = true
			_, err := b.change(nil, nil, nil)
			b.others = []*otherLayout{{dir: b.pins, format: flowFormat, carried: map[bpfFlowKey]bpfFlow{}}}
			b.adoptFlows()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newInSmallMaps(t)
			before := b.loaded
			next, err := before.withMost()
			b.must(err)
			b.loaded = next
			b.must(until(b.bench))
			b.must(before.close())
			b.open(Options{})
			b.goOn("before the next agent has units")
			if _, err := b.ApplyFull(world()); err != nil {
				t.Fatal(err)
			}
			b.steer()
			b.goOn("by the next agent")
			if n := b.layouts(); n != 1 || !b.options.most {
				t.Errorf("%d layouts are pinned, want the larger one", n)
			}
		})
	}
}

// While flows go from one layout to the other, packets of those that are not here yet
// wait: an endpoint breaks off what it does not know, and must not then.
func TestNoConnectionThatBeginsMeanwhileIsBrokenOff(t *testing.T) {
	b := newInSmallMaps(t)
	go func() {
		for {
			c, err := b.tcp.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(struct{ io.Writer }{c}, c)
			}()
		}
	}()
	var failed, made atomic.Int64
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c, err := b.i1.connect("10.0.1.50", 443)
				if os.IsTimeout(err) {
					continue // a packet was lost, and the next one comes in a second
				}
				if err == nil {
					c.SetDeadline(time.Now().Add(10 * time.Second)) // so that halt ends
					_, err = c.Write([]byte("?"))
				}
				if err == nil {
					_, err = io.ReadFull(c, make([]byte, 1))
				}
				made.Add(1)
				if err != nil && failed.Add(1) == 1 {
					t.Errorf("connection %d: %v", made.Load(), err)
				}
				if c != nil {
					c.Close()
				}
			}
		})
	}
	halt := sync.OnceFunc(func() { close(stop); callers.Wait() })
	defer halt()
	makeMany := func(when string) {
		made.Store(0)
		for n := int64(200); n <= 1000; n += 200 { // however slow the machine is, it goes on
			b.waitFor(t, fmt.Sprintf("%d connections are made %s it", n, when), func() bool { return made.Load() > n })
		}
	}
	makeMany("before")
	b.mu.Lock()
	err := b.grow()
	b.mu.Unlock()
	b.must(err)
	makeMany("after")
	halt()
	b.goOn("after it")
}
