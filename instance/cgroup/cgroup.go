// SPDX-License-Identifier: Apache-2.0

// Package cgroup keeps instances from each other's way: each has a control group of
// its own, and one that keeps processors busy gives way at once to all who do not.
// It still gets all that nobody else wants. The parts of enishi have groups beside
// them, so that it gives way to those, too.
package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Tree is the control groups of one host's instances. A nil one does nothing: where
// none can be made, instances share as the kernel's sessions do (sched(7)).
type Tree struct {
	hierarchies
	name string

	mu     sync.Mutex
	sum    meter // of all groups
	groups map[string]*meter
	yields bool // some group gives way, or may
}

// Open makes the tree with the name, or finds it with its groups as an earlier process
// has left it.
func Open(name string) (*Tree, error) {
	h, err := machine()
	if err != nil {
		return nil, err
	}
	t := &Tree{hierarchies: h, name: name, groups: map[string]*meter{}}
	if h.unified {
		err = share(h.shares)
	}
	for _, at := range h.all() {
		err = errors.Join(err, mkdir(filepath.Join(at, name)))
	}
	if h.unified && err == nil {
		err = share(filepath.Join(h.shares, name))
	}
	if err != nil {
		return nil, errors.Join(err, Remove(name))
	}
	groups, err := os.ReadDir(filepath.Join(h.shares, name))
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		if g.IsDir() && !strings.HasPrefix(g.Name(), partPrefix) {
			t.groups[g.Name()], t.yields = &meter{idle: true}, true // maybe: the first look tells
		}
	}
	return t, nil
}

// Add puts an instance's process into a group of its own, and all that it starts from
// now on.
func (t *Tree) Add(group string, pid int) error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.put(group, pid, 1); err != nil {
		return err
	}
	t.groups[group] = &meter{}
	return t.set(group, false) // one that was there may give way
}

// partPrefix begins the names of groups that never give way.
const partPrefix = "part-"

// AddPart puts the process of a part of enishi into a group of its own, with times the
// weight of an instance.
func (t *Tree) AddPart(name string, pid, times int) error {
	if t == nil {
		return errNone
	}
	return t.put(partPrefix+name, pid, times)
}

func (t *Tree) put(group string, pid, times int) error {
	for _, at := range t.all() {
		dir := filepath.Join(at, t.name, group)
		if err := mkdir(dir); err != nil {
			return err
		}
		if at == t.shares {
			if err := write(dir, t.weight, times*t.usual); err != nil {
				return err
			}
		}
		if err := write(dir, "cgroup.procs", pid); err != nil {
			return err
		}
	}
	return nil
}

// Remove removes a group whose processes have ended. One that is not there is no error.
func (t *Tree) Remove(group string) error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	delete(t.groups, group)
	t.mu.Unlock()
	var errs []error
	for _, at := range t.all() {
		errs = append(errs, rmdir(filepath.Join(at, t.name, group)))
	}
	return errors.Join(errs...)
}

// Remove removes the tree with the name, with all groups in it. Their processes have
// ended. What is not there is no error.
func Remove(name string) error {
	dirs, err := Left(name)
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range dirs {
		groups, err := os.ReadDir(dir)
		errs = append(errs, err)
		for _, g := range groups {
			if g.IsDir() {
				errs = append(errs, rmdir(filepath.Join(dir, g.Name())))
			}
		}
		errs = append(errs, rmdir(dir))
	}
	return errors.Join(errs...)
}

// Left lists the directories in which there is a tree with the name.
func Left(name string) (dirs []string, err error) {
	h, err := machine()
	if errors.Is(err, errNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, at := range h.all() {
		dir := filepath.Join(at, name)
		if _, err := os.Stat(dir); err == nil {
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

func machine() (hierarchies, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return hierarchies{}, err
	}
	return find(string(mounts))
}

// share has the groups below one of version 2 share out its processors.
func share(group string) error {
	err := os.WriteFile(filepath.Join(group, "cgroup.subtree_control"), []byte("+cpu"), 0)
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("%w: there are processes in this group itself", err)
	}
	return err
}

func write(dir, file string, n int) error {
	return os.WriteFile(filepath.Join(dir, file), []byte(strconv.Itoa(n)), 0)
}

func mkdir(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// rmdir waits a moment for the kernel, which comes to a process that has ended by and by.
func rmdir(dir string) (err error) {
	for range 100 {
		err = unix.Rmdir(dir)
		if !errors.Is(err, unix.EBUSY) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &os.PathError{Op: "remove control group", Path: dir, Err: err}
	}
	return nil
}
