// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"enishi.dev/enishi/hoststate"
)

// BenchmarkPacket reports the program's own time for a packet; ns/op is mostly the
// system call of a test run.
func BenchmarkPacket(b *testing.B) {
	for _, c := range []struct {
		name   string
		first  []step // comes before
		packet func(n int) (string, frame)
	}{
		{"existing flow", tcpPair("eni-1", "eni-2", "10.0.1.10", "10.0.1.20", 2000, 80).open("to eni-2", "to eni-1"), func(int) (string, frame) {
			return "eni-1", tcpPair("eni-1", "eni-2", "10.0.1.10", "10.0.1.20", 2000, 80).send(ack, "").in
		}},
		{"reply through a door", tcpPair("eni-1", "door-a", "10.0.1.10", "10.0.1.50", 2000, 443).open("to door-a", "to eni-1"), func(int) (string, frame) {
			return "door-a", tcpPair("eni-1", "door-a", "10.0.1.10", "10.0.1.50", 2000, 443).reply(ack, "").in
		}},
		{"new flow", nil, func(n int) (string, frame) {
			f := to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80)
			f.sport = uint16(n)
			return "eni-1", f
		}},
		{"new flow to an endpoint", nil, func(n int) (string, frame) {
			f := to(from("eni-1", "10.0.1.10"), "10.0.1.50", 443)
			f.sport = uint16(n)
			return "eni-1", f
		}},
		{"no route", nil, func(int) (string, frame) { return "eni-1", to(from("eni-1", "10.0.1.10"), "198.18.0.1", 443) }},
		{"refused by a group", nil, func(int) (string, frame) { return "eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.20", 82) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld(b)
			stats, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
			if err != nil {
				b.Fatal(err)
			}
			defer stats.Close()
			w.do(func() {
				w.steps(c.first...)
				before, err := w.objs.Pipeline.Stats()
				w.must(err)
				n := 0
				for b.Loop() {
					n++
					port, f := c.packet(n)
					w.run(port, f.bytes())
				}
				after, err := w.objs.Pipeline.Stats()
				w.must(err)
				runs := after.RunCount - before.RunCount
				b.ReportMetric(float64(after.Runtime-before.Runtime)/float64(runs), "ns/packet")
			})
		})
	}
}

// BenchmarkRuleChange is one rule more and one less in a group set, beside many
// interfaces: its cost is by change, not by world.
func BenchmarkRuleChange(b *testing.B) {
	for _, interfaces := range []int{0, 100_000} {
		b.Run(fmt.Sprint(interfaces, " interfaces"), func(b *testing.B) {
			w := newWorld(b)
			w.apply(crowd(interfaces)...)
			set, less := unit[*hoststate.GroupSet]("set-2"), *unit[*hoststate.GroupSet]("set-2")
			less.Ingress = less.Ingress[1:]
			for b.Loop() {
				w.apply(&less)
				w.apply(set)
			}
		})
	}
}

// BenchmarkApplyFull is the start of an agent on a host that holds it all already.
func BenchmarkApplyFull(b *testing.B) {
	w := newWorld(b)
	all := append(world(), crowd(100_000)...)
	if _, err := w.ApplyFull(all); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if n, err := w.ApplyFull(all); n != 0 || err != nil {
			b.Fatalf("%d writes, %v", n, err)
		}
	}
}

// crowd is n interfaces of 100 networks.
func crowd(n int) []hoststate.Unit {
	var units []hoststate.Unit
	for i := range n {
		vni := uint32(1000 + i%100)
		if i < 100 {
			units = append(units, &hoststate.Network{ID: fmt.Sprint("vpc-", vni), VNI: vni})
		}
		units = append(units, &hoststate.Interface{
			ID: fmt.Sprint("eni-", i), VNI: vni, GroupSet: "set-open", RouteTable: "rtb-a",
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 1 + byte(i>>16), byte(i >> 8), byte(i)})},
		})
	}
	return units
}
