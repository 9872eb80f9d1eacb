// SPDX-License-Identifier: Apache-2.0

package accept_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"enishi.dev/enishi/accept"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t *testing.T) *net.UnixListener {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: filepath.Join(t.TempDir(), "s")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// each runs Each, and gives what it serves and what it says at its end.
func each(ctx context.Context, l net.Listener) (<-chan net.Conn, <-chan error) {
	served, ended := make(chan net.Conn, 8), make(chan error, 1)
	go func() {
		ended <- accept.Each(ctx, l, slog.New(slog.DiscardHandler), func(c net.Conn) { served <- c })
	}()
	return served, ended
}

// within returns what comes, which must be soon.
func within[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func TestItEndsWithoutAnErrorWhenItIsTold(t *testing.T) {
	tests := []struct {
		name string
		tell func(l *net.UnixListener, cancel func())
	}{
		{"by the context", func(_ *net.UnixListener, cancel func()) { cancel() }},
		{"by the listener's deadline", func(l *net.UnixListener, _ func()) { l.SetDeadline(time.Now()) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			l := listen(t)
			served, ended := each(ctx, l)
			c, err := net.Dial("unix", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			within(t, served).Close()
			tt.tell(l, cancel)
			if err := within(t, ended); err != nil {
				t.Errorf("it ended with %v, want nil", err)
			}
			if c, err := net.Dial("unix", l.Addr().String()); err == nil {
				c.Close()
				t.Error("the listener is open still")
			}
		})
	}
}

func TestAListenerThatFailsForGoodEndsIt(t *testing.T) {
	l := listen(t)
	l.Close()
	_, ended := each(t.Context(), l)
	if err := within(t, ended); !errors.Is(err, net.ErrClosed) {
		t.Errorf("it ended with %v, want %v", err, net.ErrClosed)
	}
}

func TestACallerWaitsUntilThereIsAFileForIt(t *testing.T) {
	l := listen(t)
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("/dev/null") // its number is the first that is free
	if err != nil {
		t.Fatal(err)
	}
	free := uint64(f.Fd())
	f.Close()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: free, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	restore := func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &was) }
	defer restore()

	served, ended := each(t.Context(), l)
	select {
	case err := <-ended:
		t.Fatalf("it ended with %v while there was no file left", err)
	case <-served:
		t.Fatal("it had a file left")
	case <-time.After(50 * time.Millisecond):
	}
	restore()
	within(t, served).Close()
}

// once is a listener that fails once.
type once struct {
	net.Listener
	err error
}

func (l *once) Accept() (net.Conn, error) {
	if err := l.err; err != nil {
		l.err = nil
		return nil, &net.OpError{Op: "accept", Net: "unix", Err: fmt.Errorf("accept4: %w", err)}
	}
	return l.Listener.Accept()
}

func TestWhatPassesEndsNothing(t *testing.T) {
	for _, err := range []error{unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.ECONNABORTED, unix.EPERM, unix.ENETDOWN} {
		t.Run(err.Error(), func(t *testing.T) {
			l := listen(t)
			served, _ := each(t.Context(), &once{l, err})
			c, err := net.Dial("unix", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			within(t, served).Close()
		})
	}
}
