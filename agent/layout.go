// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// layout is the run directory as the agent sees it. All mounts in it lie in the
// host's mount namespace, so that they outlive the agent:
//
//	state/bpf        a bpffs: pinned maps, programs and links
//	state/ns/NAME    network namespaces: fabric, probe, svc-NETWORK, i-…
//	state/instances/ID
type layout string

func (l layout) path(name string) string      { return filepath.Join(string(l), name) }
func (l layout) control() string              { return l.path("control.sock") }
func (l layout) handover() string             { return l.path("agent-gateway.sock") }
func (l layout) ca() string                   { return l.path("ca.pem") }
func (l layout) state() string                { return l.path("state") }
func (l layout) pins() string                 { return filepath.Join(l.state(), "bpf") }
func (l layout) namespaces() string           { return filepath.Join(l.state(), "ns") }
func (l layout) namespace(name string) string { return filepath.Join(l.namespaces(), name) }
func (l layout) instances() string            { return filepath.Join(l.state(), "instances") }
func (l layout) instance(id string) string    { return filepath.Join(l.instances(), id) }

// make makes the directories and the bpffs, as far as they are missing.
func (l layout) make() error {
	for _, dir := range []string{l.state(), l.pins(), l.namespaces(), l.instances()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if isBPF(l.pins()) {
		return nil
	}
	if err := unix.Mount("bpf", l.pins(), "bpf", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700"); err != nil {
		return &os.PathError{Op: "mount bpffs", Path: l.pins(), Err: err}
	}
	return nil
}

func isBPF(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && st.Type == unix.BPF_FS_MAGIC
}

// unmountPins removes the bpffs with everything pinned in it.
func (l layout) unmountPins() error {
	for isBPF(l.pins()) {
		if err := unix.Unmount(l.pins(), unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
			return &os.PathError{Op: "unmount bpffs", Path: l.pins(), Err: err}
		}
	}
	return nil
}
