// SPDX-License-Identifier: Apache-2.0

package netns_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/netns"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes network namespaces")
	}
}

// mustMake returns a namespace that goes with the test.
func mustMake(t *testing.T, path string) *netns.Namespace {
	t.Helper()
	n, _, err := netns.Make(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.Close()
		if err := netns.Remove(path); err != nil {
			t.Error(err)
		}
	})
	return n
}

// linksOf returns the namespace's links for as long as the test lasts.
func linksOf(t *testing.T, n *netns.Namespace) *netns.Links {
	t.Helper()
	l, err := n.Links()
	must(t, err)
	t.Cleanup(l.Close)
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// inode names the namespace that the calling thread is in.
func inode(t *testing.T) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

func TestNamespaces(t *testing.T) {
	needRoot(t)
	path := filepath.Join(t.TempDir(), "a")
	n := mustMake(t, path)

	t.Run("making one that is there takes it over", func(t *testing.T) {
		again, made, err := netns.Make(path)
		if err != nil || made {
			t.Fatalf("made %v, err %v", made, err)
		}
		defer again.Close()
		var first, second uint64
		_ = n.Do(func() error { first = inode(t); return nil })
		_ = again.Do(func() error { second = inode(t); return nil })
		if first != second {
			t.Errorf("got another namespace")
		}
	})
	for way, do := range map[string]func(func() error) error{"Do": n.Do, "Visit": n.Visit} {
		t.Run("what runs inside is inside, what ran before is not: "+way, func(t *testing.T) {
			outside := inode(t)
			var inside uint64
			if err := do(func() error { inside = inode(t); return nil }); err != nil {
				t.Fatal(err)
			}
			if inside == outside {
				t.Error("it ran outside")
			}
			if now := inode(t); now != outside {
				t.Error("the caller's thread was moved")
			}
		})
		t.Run("an error comes back: "+way, func(t *testing.T) {
			want := errors.New("no")
			if err := do(func() error { return want }); err != want {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("a file without its mount is no namespace", func(t *testing.T) {
		stale := filepath.Join(t.TempDir(), "stale")
		if err := os.WriteFile(stale, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := netns.Open(stale); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
		mustMake(t, stale) // and does not stand in the way
	})
	t.Run("only namespaces are listed", func(t *testing.T) {
		dir := filepath.Dir(path)
		if err := os.WriteFile(filepath.Join(dir, "not"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		names, err := netns.List(dir)
		if err != nil || len(names) != 1 || names[0] != "a" {
			t.Errorf("got %q, %v", names, err)
		}
	})
}

func TestNoThreadStaysInside(t *testing.T) {
	needRoot(t)
	n := mustMake(t, filepath.Join(t.TempDir(), "a"))
	var inside uint64
	_ = n.Do(func() error { inside = inode(t); return nil })
	// More at once than there are threads now, so that the main thread is hit too.
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() { _ = n.Do(func() error { runtime.Gosched(); return nil }) })
		all.Go(func() { _ = n.Visit(func() error { runtime.Gosched(); return nil }) })
	}
	all.Wait()
	for range 1000 { // threads end a moment after their goroutine
		if countThreadsIn(t, inside) == 0 {
			return
		}
		runtime.Gosched()
		unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
	}
	t.Errorf("%d threads are still inside", countThreadsIn(t, inside))
}

func countThreadsIn(t *testing.T, ino uint64) (n int) {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range tasks {
		var st unix.Stat_t
		if unix.Stat(p, &st) == nil && st.Ino == ino {
			n++
		}
	}
	return n
}

func TestRemove(t *testing.T) {
	needRoot(t)
	path := filepath.Join(t.TempDir(), "a")
	n, _, err := netns.Make(path)
	if err != nil {
		t.Fatal(err)
	}
	n.Close()
	for range 2 { // the second time there is nothing to do
		if err := netns.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), path) {
		t.Error("still mounted")
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("file: %v", err)
	}
}

func linkIn(t *testing.T, n *netns.Namespace, name string) (l *net.Interface) {
	t.Helper()
	err := n.Do(func() (err error) {
		l, err = net.InterfaceByName(name)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return l
}
