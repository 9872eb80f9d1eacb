// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/netip"
	"testing"

	"enishi.dev/enishi/hoststate"
)

func TestPlaces(t *testing.T) {
	a := source{"vpc-a", netip.MustParseAddr("10.0.0.1")}
	sameElsewhere := source{"vpc-b", a.addr}
	fill := func(p *places, s source) (n int) {
		for p.take(s) {
			n++
		}
		return n
	}
	p := places{most: maxConns}
	if got := fill(&p, a); got != maxConnsPerSource {
		t.Errorf("a source has %d connections, want %d", got, maxConnsPerSource)
	}
	if got := fill(&p, sameElsewhere); got != maxConnsPerSource {
		t.Errorf("the same address of another network has %d, want %d", got, maxConnsPerSource)
	}
	p.free(a)
	if got := fill(&p, a); got != 1 {
		t.Errorf("after one has ended there is room for %d, want 1", got)
	}
	for i := 0; p.total < maxConns; i++ {
		p.take(source{"vpc-c", netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})})
	}
	if p.take(source{"vpc-d", a.addr}) {
		t.Error("there is room beyond the limit of all")
	}
	for s, n := range p.sources {
		for range n {
			p.free(s)
		}
	}
	if p.total != 0 || len(p.sources) != 0 {
		t.Errorf("at the end %d connections of %d sources are left", p.total, len(p.sources))
	}
}

func TestAnEndpointIsFull(t *testing.T) {
	e := newEndpoint(&hoststate.Endpoint{ID: "vpce-1", Addresses: []netip.Addr{netip.MustParseAddr("10.0.1.50")}, Ports: []uint16{443}})
	var first *conn
	for range maxConnsPerEndpoint {
		c := &conn{local: netip.MustParseAddrPort("10.0.1.50:443")}
		if !e.take(c) {
			t.Fatal("it is full too early")
		}
		first = c
	}
	c := &conn{local: netip.MustParseAddrPort("10.0.1.50:443")}
	if e.take(c) {
		t.Error("it takes more than its limit")
	}
	e.leave(first)
	if !e.take(c) {
		t.Error("it takes none after one has left")
	}
	c.network = "vpc-b"
	if !e.take(c) {
		t.Error("what one network has is taken from another")
	}
}

func TestAnEndpointTakesNoConnectionToAnAddressThatItHasLost(t *testing.T) {
	unit := hoststate.Endpoint{ID: "vpce-1", Addresses: []netip.Addr{netip.MustParseAddr("10.0.1.50")}, Ports: []uint16{443}}
	e := newEndpoint(&unit)
	c := &conn{local: netip.MustParseAddrPort("10.0.1.50:443")} // the endpoint was found at it
	other := unit
	other.Addresses = []netip.Addr{netip.MustParseAddr("10.0.1.51")}
	e.become(&other)
	if e.take(c) {
		t.Error("it is taken after those that were open have been reset")
	}
	e.become(&unit)
	if !e.take(c) {
		t.Error("it is not taken with the address back")
	}
}
