// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/cmd/parts"
	"enishi.dev/enishi/instance/confine"
)

// captiveName is how the test's program is called when it is in the place of a part.
const captiveName = "captive"

// captive has the profile of the part, and tries what lies behind each wall. The
// process outside is that of the test, and the directory holds all that a run has.
func captive(name, outside string) int {
	dir, pid, _ := strings.Cut(outside, ":")
	var parent int
	if _, err := fmt.Sscan(pid, &parent); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	profile, _ := parts.Profile(name)
	if err := confine.Filter(profile); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	broken := 0
	want := func(what string, got error, wanted ...error) {
		if !slices.ContainsFunc(wanted, func(w error) bool { return errors.Is(got, w) }) {
			fmt.Fprintf(os.Stderr, "%s: got %v, want %v\n", what, got, wanted)
			broken = 1
		}
	}
	for _, family := range []int{unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK, unix.AF_PACKET} {
		_, err := unix.Socket(family, unix.SOCK_DGRAM, 0)
		want(fmt.Sprintf("a socket of family %d", family), err, unix.EPERM)
	}
	_, err := os.ReadDir(filepath.Join(dir, ephemeralData))
	if name == "control" {
		want("its data directory", err, nil)
	} else {
		want("the data directory", err, fs.ErrNotExist)
	}
	for _, path := range []string{"/etc", "/proc", "/sys", "/dev", "/run/docker.sock", filepath.Join(dir, clientFile), filepath.Join(dir, logDir), filepath.Join(dir, agentSocket), filepath.Join(dir, "state")} {
		_, err := os.Lstat(path)
		want(path, err, fs.ErrNotExist)
	}
	// Calls that the profile allows, on a process outside: it is not there.
	want("a signal to another process", unix.Tgkill(parent, parent, 0), unix.ESRCH)
	want("the limits of another process", unix.Prlimit(parent, unix.RLIMIT_NOFILE, nil, new(unix.Rlimit)), unix.ESRCH)
	want("the cores of another process", unix.SchedGetaffinity(parent, new(unix.CPUSet)), unix.ESRCH)
	// A name that is no file is of a network namespace.
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: abstractName(parent)})
	}
	want("a socket that is no file", err, unix.ECONNREFUSED, unix.EPERM)
	want("any signal", unix.Kill(-1, 0), unix.EPERM)
	return broken
}

// abstractName is a socket's that is no file, of the process.
func abstractName(pid int) string { return fmt.Sprintf("@enishi-test-%d", pid) }

func TestEachPartIsBehindItsWalls(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: starts parts")
	}
	dir, err := os.MkdirTemp("", "enishi-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	raiseLoopback(t)
	u := &upRun{
		app:       &app{world: world{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}, runDir: dir},
		upOptions: upOptions{ephemeral: true, listen: "127.0.0.1:0", region: "ap-northeast-1"}, log: slog.New(slog.DiscardHandler),
	}
	defer u.close()
	all, err := u.prepare()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{clientFile, "state"} { // what a run has later
		if err := os.WriteFile(u.path(name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("unix", abstractName(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, p := range all {
		if p.name == "agent" {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			p.own, p.args, p.name = nil, []string{p.name, fmt.Sprintf("%s:%d", dir, os.Getpid())}, captiveName
			_, ended, err := p.launch()
			if err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err != nil {
				said, readErr := os.ReadFile(p.log)
				t.Errorf("%v\n%s%v", err, said, readErr)
			}
		})
	}
}
