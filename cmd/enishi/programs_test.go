// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"enishi.dev/enishi/cmd/parts"
)

// The test's own program has no enishi-control beside it: only PATH can lead to one.
func TestControlIsBesideEnishiOrInPath(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if f, err := controlProgram(); err == nil || !strings.Contains(err.Error(), "install both programs") {
		t.Errorf("got %v, %v where there is none", f, err)
	}
	path := filepath.Join(dir, parts.ControlProgram)
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := controlProgram()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Name() != path {
		t.Errorf("got %s, want %s", f.Name(), path)
	}
}
