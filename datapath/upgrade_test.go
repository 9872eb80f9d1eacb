// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"enishi.dev/enishi/hoststate"
)

// stream is a connection over which numbers go there and come back all the time,
// each of them checked.
type stream struct {
	name  string
	n     atomic.Uint64 // blocks of numbers that came back in order
	ended chan error
}

const blockSize = 32 << 10

// numbers fills a block with those that follow from.
func numbers(block []byte, from uint64) {
	for at := 0; at < len(block); at += 8 {
		binary.BigEndian.PutUint64(block[at:], from+uint64(at))
	}
}

// startStream lets numbers go over c, whose other end is echoed.
func startStream(t *testing.T, name string, c, other net.Conn) *stream {
	s := &stream{name: name, ended: make(chan error, 3)}
	for _, end := range []net.Conn{c, other} { // else megabytes stand for a while in what nothing moves
		tcp := end.(*net.TCPConn)
		if err := errors.Join(tcp.SetReadBuffer(1<<16), tcp.SetWriteBuffer(1<<16)); err != nil {
			t.Fatal(err)
		}
	}
	go func() {
		_, err := io.Copy(struct{ io.Writer }{other}, other)
		s.ended <- fmt.Errorf("echo: %w", err)
	}()
	go func() {
		block := make([]byte, blockSize)
		for i := uint64(0); ; i += blockSize {
			numbers(block, i)
			if _, err := c.Write(block); err != nil {
				s.ended <- fmt.Errorf("send: %w", err)
				return
			}
		}
	}()
	go func() {
		got, want := make([]byte, blockSize), make([]byte, blockSize)
		for i := uint64(0); ; i += blockSize {
			numbers(want, i)
			if _, err := io.ReadFull(c, got); err != nil {
				s.ended <- fmt.Errorf("receive: %w", err)
				return
			}
			if !bytes.Equal(got, want) {
				s.ended <- errors.New("other numbers came back")
				return
			}
			s.n.Add(1)
		}
	}()
	t.Cleanup(func() { c.Close(); other.Close() })
	return s
}

// goesOn waits until numbers sent from now on have come back.
func (s *stream) goesOn(t *testing.T, when string) {
	t.Helper()
	const more = 128 // 4 MiB: more than all its sockets can hold
	deadline := time.After(20 * time.Second)
	for from := s.n.Load(); s.n.Load() < from+more; {
		select {
		case err := <-s.ended:
			t.Fatalf("%s, %s: %v", s.name, when, err)
		case <-deadline:
			t.Fatalf("%s, %s: it stands still after %d blocks more", s.name, when, s.n.Load()-from)
		case <-time.After(time.Millisecond):
		}
	}
}

// everyWay starts streams from i1: to i2 by both families, and through the endpoint that
// tcp listens for. It returns what waits until all have gone on.
func everyWay(t *testing.T, i1, i2 *namespace, tcp net.Listener) (allGoOn func(when string)) {
	var streams []*stream
	for name, to := range map[string]struct {
		addr string
		port uint16
		l    net.Listener
	}{
		"between instances":           {"10.0.1.20", 80, i2.listen(t, "10.0.1.20", 80)},
		"between instances over IPv6": {"fd00:a::20", 80, i2.listen(t, "fd00:a::20", 80)},
		"through an endpoint":         {"10.0.1.50", 443, tcp},
	} {
		c, other := i1.standing(t, to.l, to.addr, to.port)
		streams = append(streams, startStream(t, name, c, other))
	}
	return func(when string) {
		t.Helper()
		for _, s := range streams {
			s.goesOn(t, when)
		}
	}
}

// closed is the world, but nobody may connect to the ports that streams use.
func closed() []hoststate.Unit {
	units := world()
	for i, u := range units {
		if s, ok := u.(*hoststate.GroupSet); ok && (s.ID == "set-2" || s.ID == "set-e") {
			none := *s
			none.Ingress = nil
			units[i] = &none
		}
	}
	return units
}

// An earlier program has the data plane in another layout, and flows of another
// format. This one takes it over while connections carry data, and while the rules
// that let them in are withdrawn: only what the flows themselves say keeps them.
func TestConnectionsOutliveAnUpgrade(t *testing.T) {
	b := newBench(t)
	i1 := b.instance(1, "eni-1", mac(1), "10.0.1.10", "fd00:a::10")
	i2 := b.instance(2, "eni-2", mac(2), "10.0.1.20", "fd00:a::20")
	service, tcp, sockets := b.service(vniA)
	e := b.runEarlier(service, sockets)

	allGoOn := everyWay(t, i1, i2, tcp)
	allGoOn("by the earlier program")

	b.open(Options{})
	e.end()
	allGoOn("before it has units")
	if _, err := b.ApplyFull(closed()); err != nil {
		t.Fatal(err)
	}
	allGoOn("by this program")
	served := map[string]uint16{"10.0.1.20": 80, "10.0.1.50": 443}
	for addr, port := range served {
		if err := i1.dial(addr, port); !os.IsTimeout(err) {
			t.Errorf("a new connection to %s, which nothing allows any more: got %v, want a time-out", addr, err)
		}
	}

	if len(b.moves) != 1 {
		t.Errorf("links by the earlier program: got %v, want the steering alone", b.moves)
	}
	if err := b.SteerNamespace(service.fd, vniA, "svc", sockets[0], sockets[1]); err != nil {
		t.Fatal(err)
	}
	if n := b.layouts(); n != 1 {
		t.Errorf("%d layouts are pinned, want one", n)
	}
	allGoOn("when nothing is left of the earlier program")
	if _, err := b.ApplyFull(world()); err != nil {
		t.Fatal(err)
	}
	for addr, port := range served {
		if err := i1.dial(addr, port); err != nil {
			t.Errorf("a new connection to %s: %v", addr, err)
		}
	}
	allGoOn("with the rules as they were")
}

// datagrams is a UDP socket in n.
func (n *namespace) datagrams(t *testing.T, addr string, port int) (c *net.UDPConn) {
	t.Helper()
	var err error
	n.do(func() { c, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(addr), Port: port}) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Between the reading of an earlier program's flows and the switch to this one it
// goes on: what it does then comes too.
func TestFlowsOfTheLastMomentComeToo(t *testing.T) {
	b := newBench(t)
	i1 := b.instance(1, "eni-1", mac(1), "10.0.1.10")
	i2 := b.instance(2, "eni-2", mac(2), "10.0.1.20")
	service, _, sockets := b.service(vniA)
	b.runEarlier(service, sockets)
	listener := i2.listen(t, "10.0.1.20", 80)
	ends, otherEnds := i1.standing(t, listener, "10.0.1.20", 80)

	ask, answer := i1.datagrams(t, "10.0.1.10", 5000), i2.datagrams(t, "10.0.1.20", 53)
	_, err := ask.WriteTo([]byte("question"), answer.LocalAddr())
	b.must(err)
	_, from, err := answer.ReadFrom(make([]byte, 8))
	b.must(err)

	b.open(Options{})
	b.adoptFlows()
	c, other := i1.standing(t, listener, "10.0.1.20", 80)
	late := startStream(t, "opened late", c, other)
	late.goesOn(t, "by the earlier program")
	ends.Close()
	otherEnds.Close()
	b.waitFor(t, "the earlier program has one connection and a question", func() bool { return len(b.halvesThere(t)) == 4 })
	if _, err := b.ApplyFull(world()); err != nil {
		t.Fatal(err)
	}
	late.goesOn(t, "by this program")
	if _, err := answer.WriteTo([]byte("answered"), from); err != nil {
		t.Error(err)
	}
	ask.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, _, err := ask.ReadFrom(make([]byte, 8)); err != nil {
		t.Errorf("the answer to a question from before: %v", err)
	}

	reset, opened := 0, 0
	b.must(readMap(b.objs.Flows, func(_ bpfFlowKey, f bpfFlow) {
		if f.State&uint32(bpfFlowStateFLOW_RESET) != 0 {
			reset++
		}
		if f.State&uint32(bpfFlowStateFLOW_INITIATOR) != 0 {
			opened++
		}
	}))
	if reset != 2 {
		t.Errorf("%d halves end soon, want the two of the connection that ended", reset)
	}
	var u bpfUsage
	if err := b.objs.Usages.Lookup(bpfUsageKey{Owner: handle("eni-1")}, &u); err != nil || int(u.Flows) != opened {
		t.Errorf("%d connections count towards the quota, %v, want %d", u.Flows, err, opened)
	}
}

func (b *bench) halvesThere(t *testing.T) map[bpfFlowKey]bpfFlow {
	t.Helper()
	halves := map[bpfFlowKey]bpfFlow{}
	if err := b.earlierFlows(b.others[0], func(k bpfFlowKey, f bpfFlow) { halves[k] = f }); err != nil {
		t.Fatal(err)
	}
	return halves
}

func (b *bench) waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 500 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it does not come to pass that %s", what)
}
