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
)

// bundlePath is where an instance finds its CA bundle, whatever the distribution.
const bundlePath = "/run/ca-bundle.pem"

// enter turns the fresh namespaces of the calling process into an instance's:
// own /proc, /sys, /run, /dev/pts and /dev/shm, own resolver, hosts and CA bundle.
func (s Spec) enter(dir string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	// Opened before /run is hidden, as dir is most often under it.
	files := map[string]*os.File{}
	for _, name := range []string{resolvFile, hostsFile, nsswitchFile, caFile} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		defer f.Close()
		files[name] = f
	}
	for _, m := range []struct {
		what, where, kind string
		flags             uintptr
		data              string
		optional          bool
	}{
		{"sysfs", "/sys", "sysfs", unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "", true},
		{"tmpfs", "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=755", false},
		{"tmpfs", "/dev/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777", true},
		{"devpts", "/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5", false},
	} {
		err := unix.Mount(m.what, m.where, m.kind, m.flags, m.data)
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
	return overlay(files)
}

// overlay puts the instance's files in the place of the host's.
func overlay(files map[string]*os.File) error {
	if err := os.WriteFile(bundlePath, nil, 0o644); err != nil {
		return err
	}
	for _, o := range []struct {
		file, over string
		optional   bool
	}{
		{resolvFile, "/etc/resolv.conf", false},
		{hostsFile, "/etc/hosts", false},
		{nsswitchFile, "/etc/nsswitch.conf", true},
		{caFile, bundlePath, false},
		{caFile, "/etc/ssl/certs/ca-certificates.crt", true},
		{caFile, "/etc/pki/tls/certs/ca-bundle.crt", true},
	} {
		target, err := landing(o.over)
		if errors.Is(err, fs.ErrNotExist) && o.optional {
			continue
		}
		if err != nil {
			return fmt.Errorf("put own %s: %w", o.over, err)
		}
		if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", files[o.file].Fd()), target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("put own %s: %w", o.over, err)
		}
		if err := unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			return fmt.Errorf("put own %s: %w", o.over, err)
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
