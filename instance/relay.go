// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

const (
	lastWords = 100 * time.Millisecond // after the command's end: how long its terminal may be silent
	lastBytes = 1 << 20                // and how much may come: more than a terminal holds
)

// relay joins this terminal with the command's. The function that it returns is
// called when the command has ended: all it wrote is out then, and this terminal
// is as it was.
func relay(std Stdio, master *os.File) (restore func(), err error) {
	fd, err := unix.FcntlInt(master.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil { // reads have deadlines then
		unix.Close(fd)
		return nil, err
	}
	m := os.NewFile(uintptr(fd), "terminal")
	old, err := term.MakeRaw(int(std.In.Fd()))
	if err != nil {
		m.Close()
		return nil, err
	}
	unwatch := followSize(int(std.Out.Fd()), fd)
	go func() { _, _ = io.Copy(m, std.In) }() // ends with the process: a read of a terminal cannot be called off
	var over atomic.Bool
	printed := make(chan struct{})
	go func() {
		defer close(printed)
		printAll(std.Out, m, &over)
	}()
	return func() {
		_ = m.SetReadDeadline(time.Now()) // wakes it; not after over, or it would cut the last words
		over.Store(true)
		<-printed
		unwatch()
		_ = term.Restore(int(std.In.Fd()), old)
		m.Close()
	}, nil
}

// printAll copies what the command writes until its terminal is closed, or, once
// the command is over, has nothing more to say: what runs in the background may
// keep it open.
func printAll(out io.Writer, m *os.File, over *atomic.Bool) {
	b, left := make([]byte, 32<<10), lastBytes
	for {
		last := over.Load()
		if last {
			_ = m.SetReadDeadline(time.Now().Add(lastWords))
		}
		n, err := m.Read(b)
		if n > 0 {
			if _, err := out.Write(b[:n]); err != nil {
				return
			}
		}
		if last {
			left -= n
		}
		woken := !last && errors.Is(err, os.ErrDeadlineExceeded)
		if err != nil && !woken || left < 0 {
			return
		}
	}
}

// followSize gives the terminal fd the size of ours, now and whenever it changes.
// The kernel tells the command.
func followSize(ours, fd int) (stop func()) {
	resize := func() {
		if ws, err := unix.IoctlGetWinsize(ours, unix.TIOCGWINSZ); err == nil {
			_ = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, ws)
		}
	}
	changed, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(changed, unix.SIGWINCH)
	resize()
	go func() {
		defer close(done)
		for range changed {
			resize()
		}
	}()
	return func() {
		signal.Stop(changed)
		close(changed)
		<-done
	}
}
