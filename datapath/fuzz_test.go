// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
)

// Whatever comes in is delivered, answered, or refused and counted once for a
// reason that the explanation foretells.
func FuzzPacket(f *testing.F) {
	b := newWorld(f)
	ports := worldPorts()
	ports = append(ports, Port{Name: "free"})
	tcp4, tcp6 := to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80), to(from("eni-1", "fd00:a::10"), "fd00:a::50", 443)
	udp, echo := tcp4, tcp6
	udp.protocol, udp.dport, echo.protocol, echo.dport = 17, 53, 58, 128<<8
	late := to(from("eni-1", "10.0.1.10"), "10.0.1.50", 443)
	late.flags = ack
	probe := to(frame{src: ProbeAddr4}, "10.0.1.50", 443)
	probe.sport = 50000
	for _, seed := range []frame{tcp4, tcp6, udp, echo, late} {
		f.Add(byte(0), seed.bytes())
	}
	f.Add(byte(0), arpRequest(mac(1), "10.0.1.10", "10.0.1.1"))
	f.Add(byte(0), solicitation(mac(1), "fd00:a::10", "fd00:a::1", true))
	f.Add(byte(6), probe.bytes())
	f.Add(byte(4), to(frame{src: tcp6.dst}, "fd00:a::10", 40000).bytes())
	f.Fuzz(func(t *testing.T, port byte, packet []byte) {
		defer func(t testing.TB) { b.t = t }(b.t)
		b.t = t
		p := ports[int(port)%len(ports)].Name
		b.do(func() {
			if !runs(b, packet) {
				return
			}
			if fate := b.fate(p, packet); fate == "to ?" {
				t.Errorf("it went to nobody: %x", packet)
			}
		})
	})
}

// runs reports whether the kernel takes the packet for a test run: not the shortest
// and longest ones.
func runs(b *bench, packet []byte) bool {
	_, err := b.objs.Root.Run(&ebpf.RunOptions{Data: packet, Context: ifindexContext{Ifindex: uint32(b.index["free"])}})
	b.dropped()
	return err == nil
}

// A few thousand packets that are almost right, on every run.
func TestMangledPackets(t *testing.T) {
	b := newWorld(t)
	random := rand.New(rand.NewPCG(7, 7))
	ports := worldPorts()
	good := [][]byte{
		to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80).bytes(),
		to(from("eni-1", "fd00:a::10"), "fd00:a::50", 443).bytes(),
		to(from("eni-2", "10.0.1.20"), "10.0.0.2", 53).bytes(),
		to(from("eni-1", "10.0.1.10"), "10.0.1.50", 444).bytes(),
		arpRequest(mac(1), "10.0.1.10", "10.0.1.1"),
		solicitation(mac(1), "fd00:a::10", "fd00:a::1", true),
	}
	fates := map[string]int{}
	b.do(func() {
		for range 5000 {
			p := slices.Clone(good[random.IntN(len(good))])
			for range random.IntN(4) {
				p[12+random.IntN(len(p)-12)] ^= 1 << random.IntN(8)
			}
			if random.IntN(8) == 0 {
				p = p[:34+random.IntN(len(p)-33)]
			}
			port := "eni-1"
			if random.IntN(8) == 0 {
				port = ports[random.IntN(len(ports))].Name
			}
			if runs(b, p) {
				fates[b.fate(port, p)]++
			}
		}
	})
	if fates["to ?"] > 0 || len(fates) < 12 {
		t.Errorf("got %v, want more sorts and nobody unknown", fates)
	}
}
