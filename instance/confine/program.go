// SPDX-License-Identifier: Apache-2.0

package confine

import (
	"debug/elf"
	"fmt"
	"os"
	"slices"
)

// Self is the file that runs, whatever takes its name.
const Self = "/proc/self/exe"

// libraries are where a dynamic linker looks without being told.
var libraries = []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64"}

// Program shows the program at path, so that it can be started there; with the
// machine's libraries, if it was linked with any.
func Program(program, path string) (Root, error) {
	r := Root{{From: program, At: path}}
	f, err := elf.Open(program)
	if err != nil {
		return nil, fmt.Errorf("read program: %w", err)
	}
	defer f.Close()
	if !slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return r, nil
	}
	for _, dir := range libraries {
		if _, err := os.Stat(dir); err == nil {
			r = append(r, Shown{From: dir, At: dir})
		}
	}
	return r, nil
}
