// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"enishi.dev/enishi/cmd/parts"
)

// controlProgram opens the program that decides, which lies beside this one or in PATH:
// control stays the same, however often it is started again, when another version is
// installed meanwhile.
func controlProgram() (*os.File, error) {
	self, err := os.Readlink("/proc/self/exe") // ends with " (deleted)" when it has been replaced: the directory is the same
	if err != nil {
		return nil, fmt.Errorf("find own program: %w", err)
	}
	beside := filepath.Join(filepath.Dir(self), parts.ControlProgram)
	f, err := os.Open(beside)
	if err == nil {
		return f, nil
	}
	path, lookErr := exec.LookPath(parts.ControlProgram)
	if lookErr != nil {
		return nil, fmt.Errorf("%w, and %s is not in PATH either: install both programs, as `make build` makes them", err, parts.ControlProgram)
	}
	return os.Open(path)
}
