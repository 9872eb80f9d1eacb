// SPDX-License-Identifier: Apache-2.0

package confine

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/netns"
)

// rooted tries from within a root what leads out of it. Of dir, data is given and
// sock is shown.
func rooted(dir string) error {
	var wrong []error
	want := func(what string, got, wanted error) {
		if !errors.Is(got, wanted) {
			wrong = append(wrong, fmt.Errorf("%s: got %v, want %v", what, got, wanted))
		}
	}
	for _, gone := range []string{"secret", "data/../secret", "data/../../../../../../../../etc/passwd", "/proc/self/status", "/dev/null", "/tmp"} {
		path := gone
		if !filepath.IsAbs(path) {
			path = dir + "/" + gone // not cleaned: the way out is to be walked
		}
		_, err := os.Stat(path)
		want(path, err, fs.ErrNotExist)
	}
	want("write what is given", os.WriteFile(filepath.Join(dir, "data/new"), []byte("x"), 0o755), nil)
	want("run it", unix.Access(filepath.Join(dir, "data/new"), unix.X_OK), unix.EACCES)
	want("write beside it", os.WriteFile(filepath.Join(dir, "new"), nil, 0o644), unix.EROFS)
	want("write into the root", os.Mkdir("/new", 0o755), unix.EROFS)
	want("write what is shown", os.Chmod(filepath.Join(dir, "sock"), 0o600), unix.EROFS)
	c, err := net.Dial("unix", filepath.Join(dir, "sock"))
	want("dial what is shown", err, nil)
	if c != nil {
		c.Close()
	}
	// It was started in a namespace of processes of its own.
	for pid := 100; pid < 1<<16; pid++ { // its threads have the first numbers
		if err := unix.Kill(pid, 0); err != unix.ESRCH {
			want(fmt.Sprintf("see process %d", pid), err, unix.ESRCH)
		}
	}
	if pid, parent := os.Getpid(), os.Getppid(); pid != 1 || parent != 0 {
		wrong = append(wrong, fmt.Errorf("it is process %d, its parent %d", pid, parent))
	}
	top, err := os.ReadDir("/")
	want("list the root", err, nil)
	for _, e := range top {
		if !slices.Contains([]string{"bin", "lib", "lib64", "usr", strings.Split(dir, "/")[1]}, e.Name()) {
			wrong = append(wrong, fmt.Errorf("/%s is in the root", e.Name()))
		}
	}
	return errors.Join(wrong...)
}

func TestNothingButWhatIsShownIsReachedFromWithinARoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes a mount namespace")
	}
	dir, err := os.MkdirTemp("/var/tmp", "rooted") // not within what is shown
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, err := range []error{os.Mkdir(filepath.Join(dir, "data"), 0o755), os.WriteFile(filepath.Join(dir, "secret"), []byte("s"), 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("unix", filepath.Join(dir, "sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	mounts := func() []string { return mountsAt(t, "/", dir, "/bin", "/lib", "/lib64", "/usr") }
	before := mounts()
	if out, err := startRooted(dir, "/bin/self", "rooted", dir); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if after := mounts(); !slices.Equal(after, before) {
		t.Errorf("mounts were\n%s\nand are\n%s", strings.Join(before, ""), strings.Join(after, ""))
	}
	if _, err := os.Stat(filepath.Join(dir, "data/new")); err != nil {
		t.Errorf("what was written within is not there: %v", err)
	}
}

// mountsAt returns the machine's mounts at the paths where a root would leave some,
// below them too but for the first. Tests beside this one come and go with others.
func mountsAt(t *testing.T, top string, trees ...string) (at []string) {
	t.Helper()
	all, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(all)) {
		point := strings.Fields(line)[4] // proc_pid_mountinfo(5)
		within := func(tree string) bool { return strings.HasPrefix(point+"/", tree+"/") }
		if point == top || slices.ContainsFunc(trees, within) {
			at = append(at, line)
		}
	}
	return at
}

func TestARootShowsNothingThatIsNotThere(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes a mount namespace")
	}
	if _, err := startRooted("/nowhere", "/bin/self"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "show /nowhere/data") {
		t.Errorf("got %v", err)
	}
}

// startRooted runs this test's program from within a root, with a mask that would
// keep others out.
func startRooted(dir, program string, args ...string) (out []byte, err error) {
	r, err := Program(Self, program)
	if err != nil {
		return nil, err
	}
	r = append(r, Shown{From: filepath.Join(dir, "data"), At: filepath.Join(dir, "data"), Write: true}, Shown{From: filepath.Join(dir, "sock"), At: filepath.Join(dir, "sock")})
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	cmd := exec.Command(program, args...)
	cmd.Stdin = null
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	err = netns.OnThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil { // the mask is the thread's own then
			return err
		}
		unix.Umask(0o077)
		if err := r.Enter(); err != nil {
			return err
		}
		out, err = cmd.CombinedOutput()
		return err
	})
	return out, err
}
