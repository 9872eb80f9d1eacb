// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/netns"
)

// Instance is a running instance: its first process, and through it all others.
type Instance struct {
	dir   string
	pidfd *os.File
	ended chan struct{}
}

// startLimit bounds how long an instance may take to mount what it needs.
const startLimit = 10 * time.Second

// Start makes the instance's processes live in ns; dir takes its files. It
// returns when commands can come in. The instance outlives the calling process:
// see [Adopt].
func Start(ctx context.Context, s Spec, dir string, ns *netns.Namespace) (*Instance, error) {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, err
	}
	if err := s.write(dir); err != nil {
		return nil, err
	}
	sock, err := listen(filepath.Join(dir, execSocket))
	if err != nil {
		return nil, err
	}
	defer sock.Close()
	ready, say, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ready.Close()
	cmd := exec.Command("/proc/self/exe", initName, dir)
	cmd.Env = []string{"PATH=" + defaultPath, "GOMAXPROCS=2"}
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{sock, say}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		Setsid:     true, // a Ctrl-C at `up` is not for instances
	}
	err = ns.Do(cmd.Start) // its namespace is that of the thread that starts it
	say.Close()
	if err != nil {
		return nil, err
	}
	go func() { _ = cmd.Wait() }() // reaps; ends with the instance
	i, err := open(dir, cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = ready.SetReadDeadline(time.Now()) })()
	said, err := io.ReadAll(ready)
	if err == nil && string(said) != "ok" {
		err = errors.New(string(said))
	}
	if err == nil {
		err = writePID(dir, cmd.Process.Pid)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start instance %s: %w", s.ID, err), i.Kill())
	}
	return i, nil
}

// listen makes the socket by which commands come in: for root only.
func listen(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: path, Net: "unixpacket"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	defer l.Close()
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, err
	}
	return l.File()
}

// open takes hold of the process pid, so that it can never be mistaken for another.
func open(dir string, pid int) (*Instance, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	i := &Instance{dir: dir, pidfd: os.NewFile(uintptr(fd), "pidfd"), ended: make(chan struct{})}
	go i.watch() // ends with the instance
	return i, nil
}

func (i *Instance) watch() {
	defer close(i.ended)
	for {
		p := []unix.PollFd{{Fd: int32(i.pidfd.Fd()), Events: unix.POLLIN}}
		if n, err := unix.Poll(p, -1); n > 0 || err != nil && err != unix.EINTR {
			return
		}
	}
}

// The pid file holds the pid and the time at which the process began, in ticks
// since boot: a pid that was used again does not have both.
func writePID(dir string, pid int) error {
	began, err := startTime(pid)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, pidFile), fmt.Appendf(nil, "%d %s\n", pid, began), 0o600)
}

// startTime is field 22 of /proc/PID/stat (proc_pid_stat(5)).
func startTime(pid int) (string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	s := string(b)
	f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(f) < 20 {
		return "", fmt.Errorf("/proc/%d/stat: %q", pid, s)
	}
	return f[19], nil
}

// Adopt takes over the instance that an earlier process started in dir. One that
// has ended, or never was, is [fs.ErrNotExist].
func Adopt(dir string) (*Instance, error) {
	b, err := os.ReadFile(filepath.Join(dir, pidFile))
	if err != nil {
		return nil, err
	}
	f := strings.Fields(string(b))
	if len(f) != 2 {
		return nil, fs.ErrNotExist // cut off while it was written: never was running
	}
	pid, err := strconv.Atoi(f[0])
	if err != nil {
		return nil, fs.ErrNotExist
	}
	i, err := open(dir, pid)
	if err != nil {
		return nil, fs.ErrNotExist
	}
	if began, err := startTime(pid); err != nil || began != f[1] {
		i.pidfd.Close() // somebody else's
		return nil, fs.ErrNotExist
	}
	return i, nil
}

// Ended is closed when the instance has no process any more.
func (i *Instance) Ended() <-chan struct{} { return i.ended }

// Kill ends the instance, all its processes, and removes its files. An instance
// that has ended is no error.
func (i *Instance) Kill() error {
	err := unix.PidfdSendSignal(int(i.pidfd.Fd()), unix.SIGKILL, nil, 0)
	if err != nil && err != unix.ESRCH {
		return err
	}
	select {
	case <-i.ended:
	case <-time.After(startLimit):
		return errors.New("instance did not end")
	}
	i.pidfd.Close()
	return os.RemoveAll(i.dir)
}

// Enter returns a connection to the instance's first process on which a caller
// with the identity may ask for one command.
func (i *Instance) Enter(who Identity) (*os.File, error) {
	c, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: filepath.Join(i.dir, execSocket), Net: "unixpacket"})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := send(c, who); err != nil {
		return nil, err
	}
	return c.File()
}
