// SPDX-License-Identifier: Apache-2.0

package peer_test

import (
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/peer"
)

func TestOnlyTheGatewayMayConnect(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: becomes other users")
	}
	path := "@" + t.TempDir() // no file: others could not walk to it
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		p := peer.Listener{Listener: l, UIDs: []int{4711}, Log: slog.New(slog.DiscardHandler)}
		for {
			c, err := p.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("in"))
			c.Close()
		}
	}()
	defer func() { l.Close(); <-accepted }()
	for _, tt := range []struct {
		name string
		uid  int
		want string
	}{
		{"root", 0, "in"},
		{"a user on the list", 4711, "in"},
		{"anybody else", 4712, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := connectAs(path, tt.uid)
			if got != tt.want {
				t.Errorf("read %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

// connectAs connects as another user and returns what it reads. Its thread alone
// becomes that user, and ends with it.
func connectAs(path string, uid int) (got string, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); e != 0 {
			err = e
			return
		}
		var c net.Conn
		if c, err = net.Dial("unix", path); err != nil {
			return
		}
		defer c.Close()
		var b []byte
		b, err = io.ReadAll(c)
		got = string(b)
	}()
	<-done
	return got, err
}
