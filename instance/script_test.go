// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"enishi.dev/enishi/hoststate"
)

func TestScripts(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"it runs as nobody, without privileges, and is heard": {
			"#!/bin/sh\nid -u; hostname; grep CapBnd /proc/self/status; echo oops >&2; test ! -w /run/user-data && echo \"$0\"\n",
			"65534\nip-10-0-1-10\nCapBnd:\t0000000000000000\noops\n/run/user-data\n",
		},
		"how it failed is there":                 {"#!/bin/sh\necho x\nexit 3\n", "x\nuser data: ended with exit code 3\n"},
		"what killed it is there":                {"#!/bin/sh\nkill -9 $$\n", "user data: ended with exit code 137\n"},
		"also that it could not begin":           {"#!/no/such/shell\n", "user data: no such file or directory\n"},
		"what it leaves behind is heard as well": {"#!/bin/sh\n(sleep 0.1; echo late) &\necho early\n", "early\nlate\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := startWith(t, c.script)
			var got []byte
			for range 1000 { // 10 s
				var err error
				if got, err = p.Console(); err != nil {
					t.Fatal(err)
				}
				if mask(string(got)) == mask(c.want) {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Errorf("got %q, want %q", got, c.want)
		})
	}
	t.Run("without one there is no console", func(t *testing.T) {
		if b, err := start(t).Console(); b != nil || err != nil {
			t.Errorf("%q, %v", b, err)
		}
	})
}

// mask hides which capabilities the bounding set keeps: that is exec's to test.
func mask(s string) string {
	before, after, ok := strings.Cut(s, "CapBnd:\t")
	if !ok || len(after) < 16 {
		return s
	}
	return before + after[16:]
}

func TestAConsoleHasTheLastThatWasSaid(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "console"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := &tail{file: f}
	for i := range 3 {
		if _, err := fmt.Fprintf(w, "line %d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(f.Name()); err != nil || string(got) != "line 0\nline 1\nline 2\n" {
		t.Errorf("%q, %v", got, err)
	}
	big := strings.Repeat("x", 3*hoststate.MaxConsole) + "end"
	if _, err := w.Write([]byte(big)); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(f.Name())
	if err != nil || string(got) != big[len(big)-hoststate.MaxConsole:] {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
