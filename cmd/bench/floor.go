// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"enishi.dev/enishi/netns"
)

// floor is two namespaces wired as instances are, with a program at the wires that
// redirects every packet and looks at none: what no data plane of this kind can beat.
func (b *bench) floor() (p pair, clean func(), err error) {
	ns, remove, err := b.namespaces("floor0", "floor1", "fabric")
	var open []func() error
	clean = func() {
		p.end()
		for _, f := range open {
			_ = f()
		}
		remove()
	}
	if err != nil {
		return p, clean, err
	}
	fabric := ns[2]
	var index [2]int
	for i, name := range []string{"a", "b"} {
		pair, err := veths(fabric, ns[i], netns.Veth{Outer: name, Inner: "eth0", MTU: 9001, Burst: netns.MostBurst})
		if err != nil {
			return p, clean, err
		}
		index[i] = pair.Outer
	}
	for i := range index {
		prog, err := redirect(index[1-i])
		if err != nil {
			return p, clean, err
		}
		open = append(open, prog.Close)
		err = fabric.Do(func() error {
			l, err := link.AttachTCX(link.TCXOptions{Interface: index[i], Program: prog, Attach: ebpf.AttachTCXIngress})
			if err == nil {
				open = append(open, l.Close)
			}
			return err
		})
		if err != nil {
			return p, clean, err
		}
	}
	p, err = b.serveBetween("a program that only redirects", ns[0], ns[1])
	return p, clean, err
}

// redirect is a program that sends every packet to the other end of the link with
// the index, as if it had come in there.
func redirect(index int) (*ebpf.Program, error) {
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.SchedCLS,
		Instructions: asm.Instructions{
			asm.Mov.Imm(asm.R2, 0), // PACKET_HOST: it is not the fabric's own, which hides that
			asm.FnSkbChangeType.Call(),
			asm.Mov.Imm(asm.R1, int32(index)),
			asm.Mov.Imm(asm.R2, 0),
			asm.FnRedirectPeer.Call(),
			asm.Return(),
		},
	})
	if err != nil {
		return nil, errors.Join(errors.New("load the program that only redirects"), err)
	}
	return prog, nil
}
