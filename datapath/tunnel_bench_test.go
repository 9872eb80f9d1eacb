// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"enishi.dev/enishi/hoststate"
)

const tunnelPort = "tunnel"

// outer is what the outer header of a packet from another host says.
type outer struct {
	vni  uint32
	host string
}

// tunnelContext is struct __sk_buff with what decap reads.
type tunnelContext struct {
	_       [10]uint32
	Ifindex uint32
	_       uint32
	Cb      [5]uint32
	_       [31]uint32
}

// newDecap gives a packet the metadata that a VXLAN link would, network and host
// from cb, and lets the program have it.
func (b *bench) newDecap() {
	const key = -48 // of struct bpf_tunnel_key, on the stack
	ins := asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1), asm.Mov.Imm(asm.R2, 0)}
	for at := int16(key); at < 0; at += 8 {
		ins = append(ins, asm.StoreMem(asm.R10, at, asm.R2, asm.DWord))
	}
	ins = append(ins,
		asm.LoadMem(asm.R2, asm.R6, 48, asm.Word), asm.StoreMem(asm.R10, key, asm.R2, asm.Word),
		asm.LoadMem(asm.R2, asm.R6, 52, asm.Word), asm.StoreMem(asm.R10, key+28, asm.R2, asm.Word), // local_ipv4: what a receiver reads as remote
		asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Reg(asm.R2, asm.R10), asm.Add.Imm(asm.R2, key),
		asm.Mov.Imm(asm.R3, 44), asm.Mov.Imm(asm.R4, 0), asm.FnSkbSetTunnelKey.Call(),
		asm.Mov.Reg(asm.R1, asm.R6), asm.LoadMapPtr(asm.R2, b.objs.Programs.FD()), asm.Mov.Imm(asm.R3, int32(bpfProgramPROGRAM_FAR)), asm.FnTailCall.Call(),
		asm.Mov.Imm(asm.R0, 99), asm.Return(),
	)
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "Apache-2.0", Instructions: ins})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { p.Close() })
	b.decap = p
}

func (b *bench) runTunnel(frame []byte) (int, []byte) {
	out := make([]byte, len(frame)+256)
	from := b.from(tunnelPort)
	o := ebpf.RunOptions{Data: frame, DataOut: out, Context: tunnelContext{Ifindex: from[0], Cb: [5]uint32{from[1], from[2]}}}
	verdict, err := b.decap.Run(&o)
	if err != nil {
		b.t.Errorf("run: %v", err)
	}
	return int(verdict), o.DataOut
}

// from is where a packet comes from, as explain wants to know it.
func (b *bench) from(port string) []uint32 {
	if port != tunnelPort {
		return []uint32{uint32(b.index[port])}
	}
	return []uint32{uint32(b.index[port]), b.outer.vni, hostAddress(netip.MustParseAddr(b.outer.host))}
}

// far says where a packet goes that leaves for another host, and checks that it
// carries the number of its sender.
func (b *bench) far(in, out []byte, t bpfTrail) string {
	for _, u := range b.units {
		if i, ok := u.(*hoststate.Interface); ok && bytes.Equal(in[6:12], i.MAC[:]) && !bytes.Equal(out[6:12], numberMAC(i.Number)) {
			b.t.Errorf("a packet of number %d has the source %x", i.Number, out[6:12])
		}
	}
	return "to " + b.receiver(out) + " at " + b.translate(t).Tunnel.String()
}

func numberMAC(n uint32) []byte {
	return []byte{2, 2, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}

// numbered is a packet as it comes from another host.
func numbered(n uint32, src string) frame {
	return frame{mac: hoststate.MAC(numberMAC(n)), src: netip.MustParseAddr(src)}
}

// farWorld is the world as one of three hosts has it: eni-far and the router
// eni-rfar are on 192.0.2.2, eni-far2, of group 2, is on 192.0.2.3. In vpc-b,
// eni-bfar on 192.0.2.2 has eni-far's address.
func farWorld() []hoststate.Unit {
	at := func(i *hoststate.Interface, host string) *hoststate.Interface {
		i.Tunnel = netip.MustParseAddr(host)
		return i
	}
	router := at(eni("eni-rfar", 21, "set-open", "10.0.1.60"), "192.0.2.2")
	router.AnySource = true
	b := at(eni("eni-bfar", 22, "set-open", "10.0.1.40"), "192.0.2.2")
	b.Network, b.VNI, b.RouteTable = "vpc-b", vniB, "rtb-b"
	units := []hoststate.Unit{
		at(eni("eni-far", 4, "set-open", "10.0.1.40", "fd00:a::40"), "192.0.2.2"), router, b,
		at(eni("eni-far2", 20, "set-2", "10.0.1.41"), "192.0.2.3"),
	}
	for _, u := range world() {
		switch u := u.(type) {
		case *hoststate.Interface:
			if u.ID == "eni-far" {
				continue
			}
		case *hoststate.RouteTable:
			u.Routes = append(u.Routes, hoststate.Route{
				Prefix: netip.MustParsePrefix("172.16.0.0/12"), Target: hoststate.RouteInterface, Interface: "eni-rfar",
			})
		}
		units = append(units, u)
	}
	return units
}

// newFarWorld is a bench with that world, and a link that stands for the tunnel.
func newFarWorld(t testing.TB) *bench {
	t.Helper()
	ports := append(worldPorts(), Port{Name: tunnelPort, Kind: PortTunnel})
	var names []string
	for _, p := range ports {
		names = append(names, p.Name)
	}
	b := newBench(t, names...)
	b.newDecap()
	b.attach(ports...)
	if _, err := b.ApplyFull(farWorld()); err != nil {
		t.Fatalf("apply: %v", err)
	}
	b.outer = outer{vniA, "192.0.2.2"}
	return b
}

// forgetAll loses every flow, as a host that starts anew does.
func (b *bench) forgetAll() {
	var keys []bpfFlowKey
	b.must(readMap(b.objs.Flows, func(k bpfFlowKey, _ bpfFlow) { keys = append(keys, k) }))
	for _, k := range keys {
		b.must(b.objs.Flows.Delete(k))
	}
	var owners []bpfUsageKey
	b.must(readMap(b.objs.Usages, func(k bpfUsageKey, _ bpfUsage) { owners = append(owners, k) }))
	for _, k := range owners {
		b.must(b.objs.Usages.Delete(k))
	}
	b.must(b.objs.Tracked.Put(uint32(0), make([]int64, ebpf.MustPossibleCPU())))
}

// by changes a unit of farWorld.
func by[U hoststate.Unit](id string, change func(U)) hoststate.Unit {
	units := farWorld()
	i := slices.IndexFunc(units, func(u hoststate.Unit) bool { _, ok := u.(U); return ok && u.Key().ID == id })
	change(units[i].(U))
	return units[i]
}
