// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// typist is the person at a caller's terminal.
type typist struct {
	master, tty *os.File
	mu          sync.Mutex
	seen        strings.Builder
}

func newTypist(t *testing.T) *typist {
	t.Helper()
	master, tty, err := openTerminal(Identity{}, 30, 100)
	if err != nil {
		t.Fatal(err)
	}
	y := &typist{master: master, tty: tty}
	t.Cleanup(func() { master.Close(); tty.Close() })
	go func() {
		b := make([]byte, 1024)
		for {
			n, err := master.Read(b)
			y.mu.Lock()
			y.seen.Write(b[:n])
			y.mu.Unlock()
			if err != nil && err != io.EOF {
				return
			}
		}
	}()
	return y
}

func (y *typist) screen() string {
	y.mu.Lock()
	defer y.mu.Unlock()
	return strings.ReplaceAll(y.seen.String(), "\r\n", "\n")
}

func (y *typist) types(t *testing.T, s string) {
	t.Helper()
	if _, err := y.master.WriteString(s); err != nil {
		t.Fatal(err)
	}
}

func (y *typist) resize(t *testing.T, rows, cols uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(y.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols}); err != nil {
		t.Fatal(err)
	}
}

// exec runs argv at the typist's terminal while they do what they do.
func (p *place) exec(t *testing.T, y *typist, argv []string, meanwhile func()) int {
	t.Helper()
	type end struct {
		code int
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		code, err := p.call(t.Context(), Request{Instance: "i-1", Argv: argv}, Stdio{y.tty, y.tty, y.tty})
		ended <- end{code, err}
	}()
	meanwhile()
	select {
	case e := <-ended:
		if e.err != nil {
			t.Fatal(e.err)
		}
		return e.code
	case <-time.After(10 * time.Second):
		t.Fatalf("command does not end; screen: %q", y.screen())
		return 0
	}
}

func TestTerminal(t *testing.T) {
	p := start(t)
	p.eachWay(t, func(t *testing.T) {
		p.become(Identity{UID: 4321, GID: 4321})
		shows := func(y *typist, what string) {
			eventually(t, "screen shows "+what, func() bool { return strings.Contains(y.screen(), what) })
		}
		t.Run("the command has a terminal of the caller's size, its own, and all it says is seen", func(t *testing.T) {
			y := newTypist(t)
			code := p.exec(t, y, []string{"sh", "-c", "tty && stty size && test -O $(tty) && seq 2000 && echo over </dev/tty; exit 7"}, func() {})
			if code != 7 {
				t.Errorf("exit code %d", code)
			}
			shows(y, "2000\nover")
			if got := y.screen(); !strings.HasPrefix(got, "/dev/pts/") || !strings.Contains(got[:min(len(got), 30)], "\n30 100\n1\n2\n") {
				t.Errorf("screen: %q", got[:min(len(got), 200)])
			}
		})
		t.Run("what is typed arrives, Ctrl-C interrupts", func(t *testing.T) {
			y := newTypist(t)
			code := p.exec(t, y, []string{"sh", "-c", "echo ready; read x; echo got $x; exec sleep 1000"}, func() {
				shows(y, "ready")
				y.types(t, "hello\r")
				shows(y, "got hello")
				y.types(t, "\x03")
			})
			if code != 130 {
				t.Errorf("exit code %d; screen %q", code, y.screen())
			}
		})
		t.Run("a new size arrives", func(t *testing.T) {
			y := newTypist(t)
			code := p.exec(t, y, []string{"sh", "-c", "trap 'stty size; exit 3' WINCH; echo ready; while :; do sleep 0.02; done"}, func() {
				shows(y, "ready")
				y.resize(t, 50, 132)
				if err := unix.Kill(os.Getpid(), unix.SIGWINCH); err != nil { // the test's terminal is not its controlling one
					t.Fatal(err)
				}
			})
			if code != 3 {
				t.Errorf("exit code %d", code)
			}
			shows(y, "50 132")
		})
		t.Run("what runs in the background does not hold the caller up", func(t *testing.T) {
			y := newTypist(t)
			if code := p.exec(t, y, []string{"sh", "-c", "trap '' HUP; sleep 1000 & echo bye"}, func() {}); code != 0 {
				t.Errorf("exit code %d", code)
			}
			shows(y, "bye")
		})
		t.Run("the caller's terminal is as it was", func(t *testing.T) {
			y := newTypist(t)
			before, err := term.GetState(int(y.tty.Fd()))
			if err != nil {
				t.Fatal(err)
			}
			p.exec(t, y, []string{"true"}, func() {})
			after, err := term.GetState(int(y.tty.Fd()))
			if err != nil {
				t.Fatal(err)
			}
			if *before != *after {
				t.Errorf("before %+v, after %+v", before, after)
			}
		})
		t.Run("output into a file stays as it is written", func(t *testing.T) {
			y := newTypist(t)
			out, err := os.Create(filepath.Join(t.TempDir(), "out"))
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			if _, err := p.call(t.Context(), Request{Instance: "i-1", Argv: []string{"sh", "-c", "printf 'a\\nb\\n'; test ! -t 1"}}, Stdio{y.tty, out, y.tty}); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(out.Name())
			if err != nil || string(b) != "a\nb\n" {
				t.Errorf("%q, %v", b, err)
			}
		})
	})
}
