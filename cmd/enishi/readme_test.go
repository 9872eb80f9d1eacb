// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/agent"
)

// TestTheQuickStartOfTheREADME runs the story by hand as it stands there.
func TestTheQuickStartOfTheREADME(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: runs enishi")
	}
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("needs the aws CLI")
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(readme), "```sh\nmake build\n")
	block, _, end := strings.Cut(block, "```")
	if !ok || !end {
		t.Fatal("README.md has no block that begins with make build")
	}
	raiseLoopback(t)
	dir, err := os.MkdirTemp("", "enishi-readme-") // t.TempDir is too long for sockets, and closed to others
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test binary is the program; the one command that is to fail says so.
	script := "set -e\n" + strings.ReplaceAll(block, "build/enishi", self)
	script = strings.ReplaceAll(script, "up --ephemeral &", "up --ephemeral >"+dir+"/up.log 2>&1 </dev/null & echo $! >"+dir+"/pid")
	var lines []string
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		if strings.HasSuffix(line, "# connect timeout") {
			line = "if " + strings.TrimSuffix(line, "# connect timeout") + "; then echo it answered; exit 1; fi"
		}
		lines = append(lines, line)
	}
	cmd := exec.Command("bash", "-c", strings.Join(lines, "\n"))
	cmd.Env = append(os.Environ(), "ENISHI_RUN_DIR="+filepath.Join(dir, "run"), "AWS_PAGER=")
	defer func() { endREADME(t, dir) }()
	out, err := cmd.CombinedOutput()
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "up.log"))
		t.Fatalf("%v:\n%s\nup.log:\n%s", err, out, log)
	}
	for _, want := range []string{"Connect timeout on endpoint URL", `"ZoneName": "ap-northeast-1d"`, "last requests"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the quick start did not print %q:\n%s", want, out)
		}
	}
}

// endREADME ends the `up` that the quick start left in the background.
func endREADME(t *testing.T, dir string) {
	pid, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		return
	}
	var n int
	for _, c := range strings.TrimSpace(string(pid)) {
		n = n*10 + int(c-'0')
	}
	_ = unix.Kill(n, unix.SIGTERM)
	for range 1000 {
		if _, err := os.Stat(filepath.Join(dir, "run")); err != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("up did not end within 10 s")
	if err := agent.Teardown(filepath.Join(dir, "run")); err != nil {
		t.Error(err)
	}
}
