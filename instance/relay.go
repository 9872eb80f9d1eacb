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
	m, err := pollable(master)
	if err != nil {
		return nil, err
	}
	old, err := term.MakeRaw(int(std.In.Fd()))
	if err != nil {
		m.Close()
		return nil, err
	}
	unwatch := followSize(int(std.Out.Fd()), func(ws *unix.Winsize) { _ = setSize(m, ws) })
	go func() { _, _ = io.Copy(m, std.In) }() // ends with the process: a read of a terminal cannot be called off
	p := startPrinter(std.Out, m)
	return func() {
		p.finish()
		unwatch()
		_ = term.Restore(int(std.In.Fd()), old)
		m.Close()
	}, nil
}

// pollable is another descriptor of the terminal, whose reads have deadlines.
func pollable(terminal *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(terminal.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "terminal"), nil
}

// setSize gives the terminal its size, and leaves its reads their deadlines.
func setSize(terminal *os.File, ws *unix.Winsize) error {
	raw, err := terminal.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) { set = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, ws) })
	return errors.Join(err, set)
}

// printer copies what a command writes.
type printer struct {
	from    *os.File
	over    atomic.Bool
	printed chan struct{}
}

func startPrinter(out io.Writer, from *os.File) *printer {
	p := &printer{from: from, printed: make(chan struct{})}
	go func() {
		defer close(p.printed)
		printAll(out, from, &p.over)
	}()
	return p
}

// finish is called when the command has ended: all it wrote is out then.
func (p *printer) finish() {
	_ = p.from.SetReadDeadline(time.Now()) // wakes it; not after over, or it would cut the last words
	p.over.Store(true)
	<-p.printed
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

// followSize passes the size of our terminal on, now and whenever it changes. Whoever
// gives it to the command's has the kernel tell the command.
func followSize(ours int, pass func(*unix.Winsize)) (stop func()) {
	resize := func() {
		if ws, err := unix.IoctlGetWinsize(ours, unix.TIOCGWINSZ); err == nil {
			pass(ws)
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
