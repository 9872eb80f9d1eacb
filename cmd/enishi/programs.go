// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// controlName is the program that decides. It lies beside this one, or in PATH.
const controlName = "enishi-control"

// controlProgram opens it: control stays the same, however often it is started
// again, when another version is installed meanwhile.
func controlProgram() (*os.File, error) {
	self, err := os.Readlink("/proc/self/exe") // ends with " (deleted)" when it has been replaced: the directory is the same
	if err != nil {
		return nil, fmt.Errorf("find own program: %w", err)
	}
	beside := filepath.Join(filepath.Dir(self), controlName)
	f, err := os.Open(beside)
	if err == nil {
		return f, nil
	}
	path, lookErr := exec.LookPath(controlName)
	if lookErr != nil {
		return nil, fmt.Errorf("%w, and %s is not in PATH either: install both programs, as `make build` makes them", err, controlName)
	}
	return os.Open(path)
}
