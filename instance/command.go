// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/instance/confine"
	"enishi.dev/enishi/netns"
)

// Capabilities is what root in an instance may still do: what containers grant,
// and to change its own network namespace. It may not mount, load modules, look
// into other processes, make devices, or leave its namespaces.
func Capabilities() []uintptr {
	return []uintptr{
		unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL, unix.CAP_SETGID, unix.CAP_SETUID,
		unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_RAW, unix.CAP_NET_ADMIN, unix.CAP_AUDIT_WRITE,
	}
}

// exitCode is what a shell would exit with for a command that did not start.
func exitCode(err error) int {
	if errors.Is(err, fs.ErrNotExist) {
		return 127
	}
	return 126
}

// runCommand carries out one connection's command. What it returns is told to
// the caller; nothing has been started then.
func (s Spec) runCommand(c *net.UnixConn, r *reaper) error {
	var who Identity
	if _, err := receive(c, &who, maxMessage); err != nil {
		return err
	}
	var q Request
	stdio, err := receive(c, &q, maxMessage)
	if err != nil {
		return err
	}
	defer closeAll(stdio)
	var master *os.File
	switch {
	case len(q.Argv) == 0:
		return errors.New("no command")
	case q.Terminal:
		var tty *os.File
		if master, tty, err = openTerminal(who, q.Rows, q.Cols); err != nil {
			return err
		}
		defer master.Close() // again is no harm
		stdio = []*os.File{tty, tty, tty}
	case len(stdio) != 3:
		return fmt.Errorf("%d files came with the request, want 3", len(stdio))
	}
	env := s.environ(q.Env)
	path, err := lookPath(q.Argv[0], env)
	if err != nil {
		return err
	}
	pid, end, err := r.start(func() (int, error) { return fork(path, q, env, who, stdio) })
	if err != nil {
		return fmt.Errorf("%s: %w", q.Argv[0], err)
	}
	closeAll(stdio)
	if master != nil {
		err = send(c, answer{Started: true}, master)
		master.Close() // the caller's alone: its end is the terminal's
	} else {
		err = send(c, answer{Started: true})
	}
	if err == nil {
		err = follow(c, pid, end)
	}
	if err != nil {
		hangUp(pid, end)
	}
	return nil // the caller is gone, or has its exit code
}

// follow passes signals on until the command ends, and tells how it did. An
// error means that the caller has gone.
func follow(c *net.UnixConn, pid int, end <-chan syscall.WaitStatus) error {
	gone := make(chan error, 1)
	go func() { // ends with the connection, which the caller of follow closes
		for {
			var m control
			if _, err := receive(c, &m, maxShort); err != nil {
				gone <- err
				return
			}
			if m.Signal > 0 && m.Signal < 65 {
				_ = unix.Kill(-pid, unix.Signal(m.Signal))
			}
		}
	}()
	select {
	case ws := <-end:
		code := codeOf(ws)
		return send(c, answer{Exit: &code})
	case err := <-gone:
		return err
	}
}

// codeOf is what a shell would say of an end.
func codeOf(ws syscall.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// hangUp ends a command that nobody waits for any more, and what it started in its session.
func hangUp(pid int, end <-chan syscall.WaitStatus) {
	_ = unix.Kill(-pid, unix.SIGHUP)
	_ = unix.Kill(-pid, unix.SIGCONT)
	select {
	case <-end:
	case <-time.After(2 * time.Second):
		_ = unix.Kill(-pid, unix.SIGKILL)
	}
}

// fork starts the command on a thread that has given up what it may not have.
func fork(path string, q Request, env []string, who Identity, stdio []*os.File) (pid int, err error) {
	groups := make([]uint32, len(who.Groups))
	for i, g := range who.Groups {
		groups[i] = uint32(g)
	}
	dir := "/"
	if st, err := os.Stat(q.Dir); err == nil && st.IsDir() && filepath.IsAbs(q.Dir) {
		dir = q.Dir
	}
	attr := &syscall.ProcAttr{
		Dir: dir, Env: env,
		Files: []uintptr{stdio[0].Fd(), stdio[1].Fd(), stdio[2].Fd()},
		Sys: &syscall.SysProcAttr{
			Setsid: true, Setctty: q.Terminal, Ctty: 0,
			Credential: &syscall.Credential{Uid: uint32(who.UID), Gid: uint32(who.GID), Groups: groups},
		},
	}
	err = netns.OnThread(func() (err error) {
		if err = confine.Thread(Capabilities()...); err == nil {
			pid, err = syscall.ForkExec(path, q.Argv, attr)
		}
		return err
	})
	return pid, err
}
