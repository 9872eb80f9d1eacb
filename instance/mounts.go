// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/instance/confine"
)

// bundlePath is where an instance finds its CA bundle, whatever the distribution.
const bundlePath = "/run/ca-bundle.pem"

// own lists the instance's files and what of the host's they cover. Covering
// needs something to cover: what is optional may be missing.
var own = []struct {
	file, over string
	optional   bool
}{
	{resolvFile, "/etc/resolv.conf", false},
	{hostsFile, "/etc/hosts", false},
	{hostnameFile, "/etc/hostname", true},
	{nsswitchFile, "/etc/nsswitch.conf", true},
	{caFile, bundlePath, false},
	{caFile, "/etc/ssl/certs/ca-certificates.crt", true}, // Debian, Arch
	{caFile, "/etc/pki/tls/certs/ca-bundle.crt", true},   // Fedora
	{caFile, "/etc/ssl/ca-bundle.pem", true},             // SUSE
	{caFile, "/etc/ssl/cert.pem", true},                  // Alpine
}

// systems are the instance's own file systems.
var systems = []struct {
	kind, where string
	flags       uintptr
	data        string
	optional    bool
}{
	{"sysfs", "/sys", unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "", true},
	{"tmpfs", "/run", unix.MS_NOSUID | unix.MS_NODEV, "mode=755", false},
	{"tmpfs", "/dev/shm", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777", true},
	{"devpts", "/dev/pts", unix.MS_NOSUID | unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5", false},
}

// enter turns the fresh namespaces of the calling process into an instance's:
// own /proc, /sys, /run, /dev/pts and /dev/shm, own resolver, hosts and CA bundle.
func (s Spec) enter(dir string) error {
	if err := confine.Apart(); err != nil {
		return err
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	// Opened before /run is hidden, as they are most often under it.
	files, err := openAll(dir)
	if err != nil {
		return err
	}
	defer files.close()
	detach, err := openPaths(s.Detach)
	if err != nil {
		return err
	}
	defer detach.close()
	for _, m := range systems {
		err := unix.Mount(m.kind, m.where, m.kind, m.flags, m.data)
		if err != nil && !(m.optional && errors.Is(err, unix.ENOENT)) {
			return fmt.Errorf("mount %s: %w", m.where, err)
		}
	}
	for _, hidden := range s.Hide {
		if _, err := os.Stat(hidden); err != nil {
			continue // under /run: gone already
		}
		if err := unix.Mount("tmpfs", hidden, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_RDONLY, "mode=000"); err != nil {
			return fmt.Errorf("hide %s: %w", hidden, err)
		}
	}
	if err := cover(files); err != nil {
		return err
	}
	for path, f := range detach {
		if err := unix.Unmount(fdPath(f), unix.MNT_DETACH); err != nil {
			return fmt.Errorf("let go of %s: %w", path, err)
		}
	}
	return nil
}

// cover puts the instance's files in the place of the host's.
func cover(files opened) error {
	if err := os.WriteFile(bundlePath, nil, 0o644); err != nil {
		return err
	}
	for _, o := range own {
		target, err := landing(o.over)
		if errors.Is(err, fs.ErrNotExist) && o.optional {
			continue
		}
		if err == nil {
			err = confine.Cover(files[o.file], target)
		}
		if err != nil {
			return fmt.Errorf("put own %s in place: %w", o.over, err)
		}
	}
	return nil
}

// landing is the file that a mount over path has to cover. A link into /run,
// where resolvers like to keep it, leads to a file made there now.
func landing(path string) (string, error) {
	for range 8 {
		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = filepath.Clean(to)
		if rest, ok := strings.CutPrefix(path, "/var/run/"); ok { // a link itself
			path = "/run/" + rest
		}
	}
	if strings.HasPrefix(path, "/run/") {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", err
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o644)
		if err != nil {
			return "", err
		}
		f.Close()
	}
	_, err := os.Stat(path)
	return path, err
}

// opened holds files by name, where names do not lead to them any more.
type opened map[string]*os.File

func (o opened) close() {
	for _, f := range o {
		f.Close()
	}
}

func fdPath(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

func openAll(dir string) (opened, error) {
	files := opened{}
	for _, o := range own {
		if files[o.file] != nil {
			continue
		}
		f, err := os.Open(filepath.Join(dir, o.file))
		if err != nil {
			files.close()
			return nil, err
		}
		files[o.file] = f
	}
	return files, nil
}

// openPaths takes hold of mounts without opening what is in them.
func openPaths(paths []string) (opened, error) {
	files := opened{}
	for _, p := range paths {
		fd, err := unix.Open(p, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			files.close()
			return nil, &fs.PathError{Op: "open", Path: p, Err: err}
		}
		files[p] = os.NewFile(uintptr(fd), p)
	}
	return files, nil
}
