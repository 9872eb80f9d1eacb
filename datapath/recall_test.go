// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// The set of rules that let the first connection in is taken away behind the
// program's back: what still goes through was not judged by it.
func TestWhatWasJudgedIsRecalledForTheSameAlone(t *testing.T) {
	b := newWorld(t)
	var cpus, one unix.CPUSet
	b.must(unix.SchedGetaffinity(0, &cpus))
	for i := range 1024 {
		if cpus.IsSet(i) {
			one.Set(i)
			break
		}
	}
	packet := func(change func(*frame)) []byte {
		f := to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80)
		f.sport, f.flags = 1000, syn
		change(&f)
		return f.bytes()
	}
	b.do(func() {
		b.must(unix.SchedSetaffinity(0, &one)) // each processor has a memory of its own
		defer func() { b.must(unix.SchedSetaffinity(0, &cpus)) }()
		if got := b.fate("eni-1", packet(func(*frame) {})); got != "to eni-2" {
			t.Fatalf("the first: %q", got)
		}
		var set bpfGroupset
		key := bpfGroupsetKey{Id: handle("set-2")}
		b.must(b.objs.Groupsets.Lookup(key, &set))
		b.must(b.objs.Groupsets.Delete(key))
		for _, c := range []struct {
			name   string
			port   string
			change func(*frame)
			want   string
		}{
			{"another port of its own", "eni-1", func(f *frame) { f.sport++ }, ""},
			{"another port of the target", "eni-1", func(f *frame) { f.dport++ }, "security group"},
			{"another protocol", "eni-1", func(f *frame) { f.protocol = 17 }, "security group"},
			{"another address of its own", "eni-1", func(f *frame) { f.src = netip.MustParseAddr("10.0.1.11") }, "security group"},
			{"another sender's hardware address", "eni-1", func(f *frame) { f.sport, f.mac = 1002, mac(2) }, "spoofed source"},
			{"another sender", "eni-2", func(f *frame) { f.sport, f.mac = 1003, mac(2) }, "spoofed source"},
			{"no SYN", "eni-1", func(f *frame) { f.sport, f.flags = 1004, ack }, "not a SYN"},
		} {
			b.run(c.port, packet(c.change))
			if got := b.dropped(); got != c.want {
				t.Errorf("%s: dropped for %q, want %q", c.name, got, c.want)
			}
		}
		b.apply(eni("eni-new", 99, "set-1", "10.0.1.99"))
		b.run("eni-1", packet(func(f *frame) { f.sport = 1006 }))
		if got := b.dropped(); got != "security group" {
			t.Errorf("after a change: dropped for %q, want by the group", got)
		}
	})
}
