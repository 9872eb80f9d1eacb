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
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/netns"
)

// Instance is a running instance: its first process, and through it all others.
type Instance struct {
	dir   string
	boots int64
	pidfd *os.File
	ended chan struct{}
}

const (
	startLimit = 10 * time.Second      // how long an instance may take to mount what it needs
	endLimit   = 10 * time.Second      // and its processes to be gone once they are killed
	timerSlack = 50 * time.Microsecond // the kernel's usual; whoever starts instances may have another
)

// Slice is how long a thread of an instance goes on while others wait, and is for
// enishi's parts, too. The kernel's own is some milliseconds: many requests, and somebody
// waits for it who only wants a byte there and back.
const Slice = 300 * time.Microsecond

// Start makes the instance's processes live in ns; dir takes its files. It
// returns when commands can come in. The instance outlives the calling process:
// see [Adopt]. The first process begins once place, if there is one, has returned.
func Start(ctx context.Context, s Spec, dir string, ns *netns.Namespace, place func(pid int)) (*Instance, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
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
	i, err := startInit(ctx, dir, ns, sock, place)
	if err != nil {
		return nil, fmt.Errorf("start instance %s: %w", s.ID, err)
	}
	i.boots = s.Boots
	return i, nil
}

// startInit starts the first process and waits until it has made its view of the
// machine. It begins only once its pid is written down: whenever this process
// dies, either the next one finds it, or it ends by itself.
func startInit(ctx context.Context, dir string, ns *netns.Namespace, sock *os.File, place func(pid int)) (*Instance, error) {
	ready, say, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ready.Close()
	wait, begin, err := os.Pipe()
	if err != nil {
		say.Close()
		return nil, err
	}
	defer begin.Close()
	var p *os.Process
	err = ns.Do(func() error { // its namespace is that of the thread that starts it, and when the kernel lets it run
		if err := schedule(); err != nil {
			return err
		}
		p, err = os.StartProcess("/proc/self/exe", []string{"enishi", initName, dir}, &os.ProcAttr{
			Dir:   "/",
			Env:   []string{"PATH=" + defaultPath, "GOMAXPROCS=2"},
			Files: []*os.File{nil, nil, nil, fdSocket: sock, fdReady: say, fdBegin: wait},
			Sys: &syscall.SysProcAttr{
				Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
				Setsid:     true, // a Ctrl-C at `up` is not for instances
			},
		})
		return err
	})
	say.Close()
	wait.Close()
	if err != nil {
		return nil, err
	}
	pid := p.Pid
	_ = p.Release() // watch reaps
	i, err := open(dir, pid)
	if err != nil {
		return nil, err
	}
	if place != nil {
		place(pid)
	}
	if err = writePID(dir, pid); err == nil {
		_, err = begin.Write([]byte{1})
	}
	if err == nil {
		err = awaitReady(ctx, ready)
	}
	if err != nil {
		return nil, errors.Join(err, i.Kill())
	}
	return i, nil
}

// schedule has the kernel treat the calling thread, and what it starts, as an instance.
func schedule() error {
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0); err != nil {
		return err
	}
	s, err := unix.SchedGetAttr(0, 0)
	if err == nil {
		s.Runtime = uint64(Slice)
		_ = unix.SchedSetAttr(0, s, 0) // a container may forbid it, and a kernel not know slices (Linux 6.12)
	}
	return nil
}

func awaitReady(ctx context.Context, ready *os.File) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = ready.SetReadDeadline(time.Now()) })()
	said, err := io.ReadAll(io.LimitReader(ready, 1024))
	switch {
	case err != nil:
		return err
	case len(said) == 0:
		return errors.New("its first process ended")
	case string(said) != sayReady:
		return errors.New(string(said))
	}
	return nil
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
	go i.watch(pid) // ends with the instance
	return i, nil
}

// watch waits until the first process has ended, and with it all others: the
// kernel ends it last. No thread is held meanwhile.
func (i *Instance) watch(pid int) {
	defer close(i.ended)
	raw, err := i.pidfd.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(func(fd uintptr) (over bool) {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(p, 0)
		return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
	})
	_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // ours to reap only if we started it
}

// Boots is the number of its [Spec].
func (i *Instance) Boots() int64 { return i.boots }

// Ended is closed when the instance has no process any more.
func (i *Instance) Ended() <-chan struct{} { return i.ended }

// Kill ends the instance, all its processes, and removes its files. An instance
// that has ended is no error.
func (i *Instance) Kill() error {
	select {
	case <-i.ended: // maybe long ago: the descriptor may be closed
	default:
		if err := i.signal(unix.SIGKILL); err != nil {
			return err
		}
	}
	select {
	case <-i.ended:
	case <-time.After(endLimit):
		return fmt.Errorf("processes of %s do not end", filepath.Base(i.dir))
	}
	i.pidfd.Close()
	return os.RemoveAll(i.dir)
}

func (i *Instance) signal(s unix.Signal) error {
	raw, err := i.pidfd.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Control(func(fd uintptr) { sent = unix.PidfdSendSignal(int(fd), s, nil, 0) })
	if errors.Is(sent, unix.ESRCH) {
		sent = nil
	}
	return errors.Join(err, sent)
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
