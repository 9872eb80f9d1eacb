// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Probe returns nil if the kernel has all that is needed, else an error that names
// what it lacks.
func Probe() error {
	needs := []struct {
		what string
		err  error
	}{
		{"bpffs", haveBPFFS()},
		{"sk_lookup programs (Linux 5.9)", features.HaveProgramType(ebpf.SkLookup)},
		{"redirect_peer (Linux 5.10)", features.HaveProgramHelper(ebpf.SchedCLS, asm.FnRedirectPeer)},
		{"bpf_loop (Linux 5.17)", features.HaveProgramHelper(ebpf.SchedCLS, asm.FnLoop)},
		{"TCX (Linux 6.6)", haveTCX()},
	}
	var missing []string
	for _, n := range needs {
		if errors.Is(n.err, ebpf.ErrNotSupported) {
			missing = append(missing, n.what)
		} else if n.err != nil {
			return fmt.Errorf("probe for %s: %w", n.what, n.err)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the kernel lacks %s", strings.Join(missing, ", "))
	}
	return nil
}

func haveBPFFS() error {
	list, err := os.ReadFile("/proc/filesystems")
	if err == nil && !strings.Contains(string(list), "\tbpf\n") {
		return ebpf.ErrNotSupported
	}
	return err
}

// haveTCX tries to attach where there is no interface: only a kernel with TCX
// looks for it.
func haveTCX() error {
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.SchedCLS,
		License:      "Apache-2.0",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		return err
	}
	defer prog.Close()
	l, err := link.AttachTCX(link.TCXOptions{Interface: math.MaxInt32, Program: prog, Attach: ebpf.AttachTCXIngress})
	switch {
	case errors.Is(err, unix.ENODEV):
		return nil
	case err == nil:
		return l.Close()
	}
	return err
}
