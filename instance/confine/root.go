// SPDX-License-Identifier: Apache-2.0

package confine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Shown is a file or directory of the machine that is seen from within a [Root].
type Shown struct {
	From  string // where the machine has it
	At    string // where it is seen: an absolute path
	Write bool   // it can be changed, and nothing in it be run
}

// Root is everything that a process sees of the machine's files. What the machine
// puts in the place of a file later is not seen; what it puts into a directory is.
type Root []Shown

// Enter moves the calling thread, and so what it starts, into a mount namespace of
// its own that holds what r shows and nothing else, and to the root directory there.
// The namespace goes with its last process. The thread must be locked and never be
// used for anything else.
//
// Open directories lead out of any root: what the thread starts must inherit none.
func (r Root) Enter() error {
	trees, err := r.take() // before: a thread may not copy mounts of a namespace that it has left
	defer func() {
		for _, t := range trees {
			t.Close()
		}
	}()
	if err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make a mount namespace: %w", err)
	}
	if err := Apart(); err != nil {
		return err
	}
	root, err := emptyRoot()
	if err != nil {
		return fmt.Errorf("make an empty root: %w", err)
	}
	defer root.Close()
	if err := leaveFor(root); err != nil {
		return fmt.Errorf("leave the machine's files: %w", err)
	}
	// Whoever is started has to walk there, whatever the caller's mask.
	defer unix.Umask(unix.Umask(0o022))
	for i, s := range r {
		if err := s.appear(trees[i]); err != nil {
			return fmt.Errorf("show %s: %w", s.At, err)
		}
	}
	err = unix.MountSetattr(int(root.Fd()), "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: readable | unix.MOUNT_ATTR_NOEXEC})
	return os.NewSyscallError("mount_setattr", err)
}

// take copies what is to be seen.
func (r Root) take() (trees []*os.File, err error) {
	for _, s := range r {
		var attributes uint64 = readable
		if s.Write {
			attributes = attributes&^unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOEXEC
		}
		t, err := copyMount(unix.AT_FDCWD, s.From, unix.AT_RECURSIVE, attributes)
		if err != nil {
			return trees, fmt.Errorf("show %s: %w", s.From, err)
		}
		trees = append(trees, t)
	}
	return trees, nil
}

// appear mounts s where it is seen.
func (s Shown) appear(tree *os.File) error {
	st, err := tree.Stat()
	if err != nil {
		return err
	}
	if st.IsDir() {
		err = os.MkdirAll(s.At, 0o755)
	} else if err = os.MkdirAll(filepath.Dir(s.At), 0o755); err == nil {
		// Not opened: another thread's child might have it open still when the root is
		// to become read-only.
		err = unix.Mknod(s.At, unix.S_IFREG|0o444, 0)
	}
	return errors.Join(err, place(tree, s.At))
}

// emptyRoot makes a small file system that is mounted nowhere yet.
func emptyRoot() (*os.File, error) {
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("fsopen", err)
	}
	defer unix.Close(fs)
	for _, o := range []struct{ key, value string }{{"source", "enishi"}, {"mode", "0755"}, {"size", "64k"}} {
		if err := unix.FsconfigSetString(fs, o.key, o.value); err != nil {
			return nil, os.NewSyscallError("fsconfig "+o.key, err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, os.NewSyscallError("fsconfig", err)
	}
	root, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return nil, os.NewSyscallError("fsmount", err)
	}
	return os.NewFile(uintptr(root), "/"), nil
}

// leaveFor makes root the root directory, and lets go of the one before with all
// that is mounted in it.
func leaveFor(root *os.File) error {
	if err := place(root, "/"); err != nil {
		return err
	}
	if err := unix.Fchdir(int(root.Fd())); err != nil {
		return os.NewSyscallError("fchdir", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil { // the old one now lies over the new
		return os.NewSyscallError("pivot_root", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return os.NewSyscallError("umount", err)
	}
	return os.NewSyscallError("chdir", unix.Chdir("/"))
}
