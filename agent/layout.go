// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// layout is the run directory as the agent sees it:
//
//	state/               a tmpfs of its own, in the host's mount namespace, so that
//	                     it outlives the agent and goes by one unmount
//	state/bpf            a bpffs: pinned maps, programs and links
//	state/ns/NAME        network namespaces: fabric, probe, svc-NETWORK, i-…
//	state/instances/ID   what the first process of an instance needs
type layout string

func (l layout) path(name string) string      { return filepath.Join(string(l), name) }
func (l layout) control() string              { return l.path("control.sock") }
func (l layout) gateway() string              { return l.path("gateway.sock") }
func (l layout) ca() string                   { return l.path("ca.pem") }
func (l layout) state() string                { return l.path("state") }
func (l layout) pins() string                 { return filepath.Join(l.state(), "bpf") }
func (l layout) namespaces() string           { return filepath.Join(l.state(), "ns") }
func (l layout) namespace(name string) string { return filepath.Join(l.namespaces(), name) }
func (l layout) instances() string            { return filepath.Join(l.state(), "instances") }
func (l layout) instance(id string) string    { return filepath.Join(l.instances(), id) }

// make makes the directories and mounts, as far as they are missing.
func (l layout) make() error {
	if err := os.MkdirAll(l.state(), 0o700); err != nil {
		return err
	}
	if !isMount(l.state()) {
		if err := mount("tmpfs", l.state()); err != nil {
			return err
		}
	}
	// Whoever copies these mounts, as a service with a view of its own does, must
	// lose its copies with the original, or it keeps namespaces alive.
	if err := unix.Mount("", l.state(), "", unix.MS_SHARED, ""); err != nil {
		return &os.PathError{Op: "share mount", Path: l.state(), Err: err}
	}
	for _, dir := range []string{l.pins(), l.namespaces(), l.instances()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if isMount(l.pins()) {
		return nil
	}
	return mount("bpf", l.pins())
}

// remove takes away the directories with all mounts in them.
func (l layout) remove() error {
	for isMount(l.state()) {
		if err := unix.Unmount(l.state(), unix.MNT_DETACH); err != nil {
			return &os.PathError{Op: "unmount", Path: l.state(), Err: err}
		}
	}
	return os.RemoveAll(l.state())
}

func mount(kind, path string) error {
	if err := unix.Mount(kind, path, kind, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700"); err != nil {
		return &os.PathError{Op: "mount " + kind, Path: path, Err: err}
	}
	return nil
}

// isMount says whether path is where something is mounted.
func isMount(path string) bool {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_TYPE, &st)
	return err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// instanceIDs lists the directories of instances, running or not.
func (l layout) instanceIDs() ([]string, error) {
	entries, err := os.ReadDir(l.instances())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var ids []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), instancePrefix) {
			ids = append(ids, e.Name())
		}
	}
	return ids, err
}
