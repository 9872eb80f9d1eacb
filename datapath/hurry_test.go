// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"reflect"
	"testing"

	"enishi.dev/enishi/hoststate"
)

// hurried says whether f touched none of what the long way works with.
func (b *bench) hurried(f func()) bool {
	b.t.Helper()
	var before, after [][]byte
	b.must(b.objs.Works.Lookup(uint32(0), &before)) // of live packets
	f()
	b.must(b.objs.Works.Lookup(uint32(0), &after))
	return reflect.DeepEqual(before, after)
}

func TestTheShortWayIsForConnectionsThatStand(t *testing.T) {
	b := newWorld(t)
	pairOf := func(port uint16) pair { return tcpPair("eni-1", "eni-2", "10.0.1.10", "10.0.1.20", port, 80) }
	p, other, begun := pairOf(1000), pairOf(1001), pairOf(1002)
	long := pairOf(1003).send(syn, "to eni-2") // what opens a connection goes the long way
	b.do(func() {
		b.steps(append(p.open("to eni-2", "to eni-1"), other.open("to eni-2", "to eni-1")...)...)
		b.steps(begun.send(syn, "to eni-2"))
	})
	odd := func(change func(*frame)) step {
		f := p.there
		f.flags = ack
		change(&f)
		return step{p.a, f, ""}
	}
	for _, c := range []struct {
		name  string
		step  step
		want  string
		short bool
	}{
		{"a segment", p.send(ack, ""), "to eni-2", true},
		{"a segment back", p.reply(ack, ""), "to eni-1", true},
		{"another sender's address", odd(func(f *frame) { f.mac = mac(2) }), "drop: spoofed source", false},
		{"a fragment", odd(func(f *frame) { f.fragment = 0x2000 }), "drop: fragment", false},
		{"a length beyond the frame", odd(func(f *frame) { f.spoil = func(b []byte) { b[17]++ } }), "drop: malformed", false},
		{"a header longer than its packet", odd(func(f *frame) { f.spoil = func(b []byte) { b[46] = 0xf0 } }), "drop: malformed", false},
		{"options of IP", odd(func(f *frame) { f.spoil = func(b []byte) { b[14] = 0x46 } }), "drop: malformed", false},
		{"no ACK", odd(func(f *frame) { f.flags = 0 }), "to eni-2", true},
		{"a SYN", begun.send(syn, ""), "to eni-2", false},
		{"its answer", begun.reply(syn|ack, ""), "to eni-1", true},
		{"what the opener says to that", begun.send(ack, ""), "to eni-2", true},
		{"its end", begun.send(fin|ack, ""), "to eni-2", true},
		{"the end of the other side", begun.reply(fin|ack, ""), "to eni-1", true},
		{"a reset", odd(func(f *frame) { f.flags = rst }), "to eni-2", true},
		{"a segment after it", p.send(ack, ""), "drop: not a SYN", false},
	} {
		b.sub(t, c.name, func(t *testing.T) {
			b.steps(long)
			short := b.hurried(func() {
				c.step.want = c.want
				b.steps(c.step)
			})
			if short != c.short {
				t.Errorf("short way %t, want %t", short, c.short)
			}
		})
	}
	b.sub(t, "nothing is in a hurry after a change", func(t *testing.T) {
		again := func() { b.steps(other.send(ack, "to eni-2")) }
		if b.steps(long); !b.hurried(again) {
			t.Error("the long way without one")
		}
		b.apply(eni("eni-new", 99, "set-1", "10.0.1.99"))
		if b.hurried(again) {
			t.Error("the short way")
		}
	})
}

func TestTheShortWayLeadsToOtherHostsToo(t *testing.T) {
	b := newFarWorld(t)
	near := tcpPair("eni-1", "eni-2", "10.0.1.10", "10.0.1.20", 1000, 80)
	b.do(func() { b.steps(near.open("to eni-2", "to eni-1")...) })
	in := pair{a: tunnelPort, z: "eni-2", there: to(numbered(4, "10.0.1.40"), "10.0.1.20", 80), other: to(from("eni-2", "10.0.1.20"), "10.0.1.40", 40000)}
	in.other.sport = 80
	b.outer = outer{vniA, "192.0.2.2"}
	b.do(func() { b.steps(in.open("to eni-2", "to eni-far at 192.0.2.2")...) })
	again := in
	again.there.mac = hoststate.MAC(numberMAC(5)) // another interface of that host
	for _, c := range []struct {
		name  string
		outer outer
		step  step
		short bool
	}{
		{"what comes from there", b.outer, in.send(ack, "to eni-2"), true},
		{"and goes there", b.outer, in.reply(ack, "to eni-far at 192.0.2.2"), true},
		{"from another host", outer{vniA, "192.0.2.3"}, in.send(ack, "drop: wrong host"), false},
		{"in another network", outer{vniB, "192.0.2.2"}, in.send(ack, "drop: wrong host"), false},
		{"of another sender", b.outer, again.send(ack, "drop: wrong host"), false},
	} {
		b.sub(t, c.name, func(t *testing.T) {
			b.steps(near.send(syn, "to eni-2")) // the long way
			b.outer = c.outer
			if short := b.hurried(func() { b.steps(c.step) }); short != c.short {
				t.Errorf("short way %t, want %t", short, c.short)
			}
			b.outer = outer{vniA, "192.0.2.2"}
		})
	}
}
