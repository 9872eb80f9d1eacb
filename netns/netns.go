// SPDX-License-Identifier: Apache-2.0

// Package netns makes network namespaces and the links in them, finds them
// again after a restart, and removes them. It knows nothing of who uses them.
package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace that a file keeps alive.
type Namespace struct {
	path string
	f    *os.File
}

// Make returns the namespace that path names, made now unless it is there. The
// mount that keeps it lies in the calling process's mount namespace, so it
// outlives the process.
func Make(path string) (n *Namespace, made bool, err error) {
	if n, err := Open(path); err == nil {
		return n, false, nil
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return nil, false, err
	}
	err = OnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("unshare: %w", err)
		}
		self := fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid())
		if err := unix.Mount(self, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount: %w", err)
		}
		return nil
	})
	if err != nil {
		_ = os.Remove(path)
		return nil, false, fmt.Errorf("make namespace %s: %w", path, err)
	}
	n, err = Open(path)
	return n, true, err
}

// Open returns the namespace that path names. A file that is no namespace, as
// one of which the mount is gone, is [fs.ErrNotExist].
func Open(path string) (*Namespace, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
		f.Close()
		return nil, err
	}
	if st.Type != unix.NSFS_MAGIC {
		f.Close()
		return nil, &fs.PathError{Op: "open namespace", Path: path, Err: fs.ErrNotExist}
	}
	return &Namespace{path, f}, nil
}

// Path is the file that keeps the namespace.
func (n *Namespace) Path() string { return n.path }

// FD is a descriptor of the namespace, good until Close.
func (n *Namespace) FD() int { return int(n.f.Fd()) }

// Close lets go of the namespace; the file keeps it.
func (n *Namespace) Close() error { return n.f.Close() }

func (n *Namespace) enter() error {
	if err := unix.Setns(n.FD(), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter namespace %s: %w", n.path, err)
	}
	return nil
}

// Do runs f on a thread of its own inside the namespace, and returns f's error.
// What f starts with `go` is not inside.
func (n *Namespace) Do(f func() error) error {
	return OnThread(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		return f()
	})
}

// Visit is Do for an f that changes nothing of its thread: that comes back, and goes on
// to do other things. To make a thread and to end it takes six times as long. (Meanwhile,
// if it is the main thread, /proc shows the process as if it were in the namespace.)
func (n *Namespace) Visit(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			defer unix.Close(home)
			err = n.enter()
		}
		if err == nil {
			err = f()
			if back := unix.Setns(home, unix.CLONE_NEWNET); back != nil {
				done <- errors.Join(err, fmt.Errorf("leave namespace %s: %w", n.path, back))
				return // the thread ends with it
			}
		}
		runtime.UnlockOSThread()
		done <- err
	}()
	return <-done
}

// OnThread runs f on a thread that ends with it, so that whatever f does to the
// thread, as to its namespaces, is gone too; and returns f's error. The main thread never ends: Go would park it
// inside the namespace, and pin that for good, so another is taken then.
func OnThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked
		if unix.Gettid() == unix.Getpid() {
			done <- OnThread(f) // holds the main thread until another has done it
			runtime.UnlockOSThread()
			return
		}
		done <- f()
	}()
	return <-done
}

// Remove ends the namespace that path names, with the links in it, as soon as no
// process and no socket is in it. One that is not there is no error.
func Remove(path string) error {
	err := unix.Unmount(path, unix.MNT_DETACH)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unmount %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// List returns the names of the namespaces kept in dir.
func List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		n, err := Open(filepath.Join(dir, e.Name()))
		if err != nil {
			continue
		}
		n.Close()
		names = append(names, e.Name())
	}
	return names, nil
}
