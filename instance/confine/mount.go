// SPDX-License-Identifier: Apache-2.0

package confine

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Apart lets what is mounted in the calling thread's fresh mount namespace stay
// there. What the machine unmounts goes here too, or copies would keep alive what
// others have removed.
func Apart() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("keep mounts apart: %w", err)
	}
	return nil
}

// readable is how what is shown, not given, is mounted.
const readable = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV

// Cover shows the file f in the place of target, to be read.
func Cover(f *os.File, target string) error {
	tree, err := copyMount(int(f.Fd()), "", unix.AT_EMPTY_PATH, readable)
	if err != nil {
		return err
	}
	defer tree.Close()
	return place(tree, target)
}

// copyMount returns what is mounted at path, below the directory open as at, as a
// mount of its own with the attributes, which is nowhere yet. As with Apart, what
// the machine unmounts there goes, and nothing the other way.
func copyMount(at int, path string, flags uint, attributes uint64) (*os.File, error) {
	fd, err := unix.OpenTree(at, path, flags|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("open_tree", err)
	}
	tree := os.NewFile(uintptr(fd), path)
	err = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|flags&unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: attributes, Propagation: unix.MS_SLAVE})
	if err != nil {
		tree.Close()
		return nil, os.NewSyscallError("mount_setattr", err)
	}
	return tree, nil
}

// place mounts what is nowhere yet.
func place(tree *os.File, target string) error {
	return os.NewSyscallError("move_mount", unix.MoveMount(int(tree.Fd()), "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH))
}
