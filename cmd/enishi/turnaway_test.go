// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWhoWaitsIsTurnedAwayAndTheSocketStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	dial := func() net.Conn {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		return c
	}
	waiting := dial()
	turnAway(t.Context(), []*os.File{null, socket}, 50*time.Millisecond)
	if _, err := waiting.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("who waited: %v, want its end", err)
	}
	later := dial()
	served, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	served.Close()
	if _, err := later.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("who came later: %v", err)
	}
}
