// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// connected returns the two ends of a connection like that to a first process.
func connected(t testing.TB) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "end")
		c, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = c.(*net.UnixConn)
		t.Cleanup(func() { c.Close() })
	}
	return ends[0], ends[1]
}

func TestFilesTravelWithMessages(t *testing.T) {
	a, b := connected(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := send(a, Request{Argv: []string{"x"}}, w); err != nil {
		t.Fatal(err)
	}
	w.Close()
	var q Request
	files, err := receive(b, &q, maxMessage)
	if err != nil || len(files) != 1 || q.Argv[0] != "x" {
		t.Fatalf("%+v, %d files, %v", q, len(files), err)
	}
	if _, err := files[0].WriteString("hi"); err != nil {
		t.Fatal(err)
	}
	closeAll(files)
	got := make([]byte, 8)
	if n, err := r.Read(got); err != nil || string(got[:n]) != "hi" {
		t.Errorf("%q, %v", got[:n], err)
	}
}

// FuzzReceive throws what a caller may send at the first process: it must answer
// with a message or an error, and keep no file open.
func FuzzReceive(f *testing.F) {
	for _, s := range []string{`{"argv":["true"],"env":["A=b"],"dir":"/","terminal":true}`, `{"signal":2}`, `{"uid":-1,"groups":[1]}`, ``, `{`, `null`, `[]`, `{"argv":5}`} {
		f.Add([]byte(s), uint8(1))
	}
	a, b := connected(f)
	null, err := os.Open(os.DevNull)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, message []byte, attach uint8) {
		if len(message) == 0 || len(message) > maxMessage {
			return
		}
		var fds []int
		for range attach % 16 { // more than may come, too
			fds = append(fds, int(null.Fd()))
		}
		var rights []byte
		if len(fds) > 0 {
			rights = unix.UnixRights(fds...)
		}
		if _, _, err := a.WriteMsgUnix(message, rights, nil); err != nil {
			t.Fatal(err)
		}
		var q Request
		files, err := receive(b, &q, maxMessage)
		if err != nil && len(files) > 0 {
			t.Error("files and an error")
		}
		if err == nil && len(files) > maxFiles {
			t.Errorf("%d files", len(files))
		}
		closeAll(files)
	})
}
