// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"net"
	"os"
	"strings"
	"testing"
)

func TestCommandsOfCallersOnAnotherMachine(t *testing.T) {
	p := start(t)
	p.far = true
	t.Run("much goes in and comes out", func(t *testing.T) {
		in := strings.Repeat("0123456789abcdef", 1<<17)
		got := p.run(t, t.Context(), in, Request{Argv: []string{"cat"}})
		if got.Code != 0 || got.Out != in {
			t.Errorf("code %d, %d bytes of %d", got.Code, len(got.Out), len(in))
		}
	})
	t.Run("a command that reads little of its input ends all the same", func(t *testing.T) {
		got := p.run(t, t.Context(), strings.Repeat("x\n", 1<<19), Request{Argv: []string{"head", "-n", "1"}})
		if got.Code != 0 || got.Out != "x\n" {
			t.Errorf("%+v", got)
		}
	})
	// caller begins a command, and speaks for itself from then on.
	caller := func(t *testing.T, script string) *frames {
		t.Helper()
		c, err := net.Dial("unix", p.agent+".far")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		f, err := enterFar(t.Context(), c, "i-1")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.sendJSON(frameRequest, Request{Argv: []string{"sh", "-c", script}}); err != nil {
			t.Fatal(err)
		}
		if a, err := f.untilAnswer(Stdio{}, nil); err != nil || !a.Started {
			t.Fatalf("%+v, %v", a, err)
		}
		return f
	}
	t.Run("input that nobody reads holds up no signal", func(t *testing.T) {
		f := caller(t, "sleep 8888; true")
		for range 3 { // a pipe takes two
			if sort, _, err := f.receive(); err != nil || sort != frameMore {
				t.Fatalf("%c, %v", sort, err)
			}
			if err := f.send(frameInput, make([]byte, maxInput)); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.sendJSON(frameSignal, control{Signal: 15}); err != nil {
			t.Fatal(err)
		}
		if a, err := f.untilAnswer(Stdio{Out: os.Stdout, Err: os.Stderr}, nil); err != nil || a.Exit == nil || *a.Exit != 143 {
			t.Errorf("%+v, %v", a, err)
		}
	})
	gone := func(t *testing.T) {
		eventually(t, "command gone", func() bool {
			return p.sh(t, "grep -l 888[8] /proc/[0-9]*/cmdline 2>/dev/null || true") == ""
		})
	}
	t.Run("a caller that is gone takes its command with it, also a stubborn one", func(t *testing.T) {
		caller(t, "trap '' HUP; sleep 8888; true").w.(net.Conn).Close()
		gone(t)
	})
	t.Run("so does one that sends what was not asked for", func(t *testing.T) {
		f := caller(t, "sleep 8888; true")
		for range 8 {
			_ = f.send(frameInput, make([]byte, maxInput))
		}
		gone(t)
	})
}
