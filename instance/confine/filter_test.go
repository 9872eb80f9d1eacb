// SPDX-License-Identifier: Apache-2.0

package confine

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets the test binary be the process that is confined.
func TestMain(m *testing.M) {
	if tried := map[string]func(string) error{"confined": confined, "rooted": rooted}; len(os.Args) == 3 && tried[os.Args[1]] != nil {
		if err := tried[os.Args[1]](os.Args[2]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var profiles = map[string]Profile{"none": {}, "files": {Files: true}, "sockets": {Sockets: true}}

// confined tries what each profile allows and what none does.
func confined(name string) error {
	p := profiles[name]
	dir, err := os.MkdirTemp("", "confined")
	if err != nil {
		return err
	}
	l, err := net.Listen("unix", filepath.Join(dir, "sock")) // one that was handed over
	if err != nil {
		return err
	}
	if err := Filter(p); err != nil {
		return err
	}
	var wrong []error
	want := func(what string, err error, allowed bool) {
		if denied := errors.Is(err, unix.EPERM); denied == allowed {
			wrong = append(wrong, fmt.Errorf("%s: allowed is %t, got %v", what, allowed, err))
		}
	}
	_, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	want("a socket to the network", err, false)
	_, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, 0)
	want("netlink", err, false)
	_, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	want("packets", err, false)
	want("another program", unix.Exec("/bin/true", []string{"true"}, nil), false)
	want("a child", exec.Command("/bin/true").Run(), false)
	want("a namespace", unix.Unshare(unix.CLONE_NEWUSER), false)
	_, _, errno := unix.RawSyscall(unix.SYS_CLONE, unix.CLONE_NEWUSER|uintptr(unix.SIGCHLD), 0, 0)
	want("a child in a namespace", errno, false)
	want("a mount", unix.Mount("none", dir, "tmpfs", 0, ""), false)
	want("tracing", unix.PtraceAttach(os.Getppid()), false)
	want("a signal", unix.Kill(os.Getppid(), 0), false)
	_, _, errno = unix.Syscall(unix.SYS_BPF, 0, 0, 0)
	want("a program for the kernel", errno, false)
	_, _, errno = unix.Syscall(unix.SYS_PROCESS_VM_READV, uintptr(os.Getppid()), 0, 0)
	want("another's memory", errno, false)
	want("a directory", os.Mkdir(filepath.Join(dir, "d"), 0o755), p.Files)
	c, err := net.Dial("unix", l.Addr().String())
	want("a unix socket", err, p.Sockets)
	if c != nil {
		c.Close()
	}
	if p.Sockets {
		s, err := l.Accept()
		want("to accept", err, true)
		s.Close()
	}
	// The language goes on working: threads, memory, timers, reading.
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			runtime.LockOSThread()
			_ = make([]byte, 1<<20)
			time.Sleep(time.Millisecond)
		})
	}
	all.Wait()
	runtime.GC()
	_, err = os.ReadFile("/proc/self/status")
	want("to read", err, true)
	return errors.Join(wrong...)
}

func TestFilterLeavesWhatTheProfileSays(t *testing.T) {
	for name := range profiles {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("/proc/self/exe", "confined", name)
			cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, strings.TrimSpace(string(out)))
			}
		})
	}
}
