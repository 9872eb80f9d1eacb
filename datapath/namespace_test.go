// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// namespace is a network namespace that ends with the test, with a thread in it.
type namespace struct {
	fd   int
	work chan func()
}

func newNamespace(t testing.TB) *namespace {
	t.Helper()
	n := &namespace{work: make(chan func())}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		back, err := os.Open("/proc/thread-self/ns/net")
		if err == nil {
			defer back.Close()
			err = unix.Unshare(unix.CLONE_NEWNET)
		}
		if err == nil {
			n.fd, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		started <- err
		for f := range n.work {
			f()
		}
		unix.Close(n.fd)
		if err := unix.Setns(int(back.Fd()), unix.CLONE_NEWNET); err == nil {
			runtime.UnlockOSThread() // else the thread ends with the goroutine
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("new network namespace: %v", err)
	}
	t.Cleanup(func() { close(n.work); <-ended })
	return n
}

// do runs f on the thread in the namespace. f must not call Fatal.
func (n *namespace) do(f func()) {
	done := make(chan struct{})
	n.work <- func() { defer close(done); f() }
	<-done
}
