// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestALogThatIsTooLongIsCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	part, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644) // as a part has it
	if err != nil {
		t.Fatal(err)
	}
	defer part.Close()
	write := func(s string) {
		t.Helper()
		if _, err := part.WriteString(s); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(t *testing.T, name, want string) {
		t.Helper()
		b, err := os.ReadFile(name)
		if err != nil && (want != "" || !errors.Is(err, fs.ErrNotExist)) {
			t.Fatal(err)
		}
		if string(b) != want {
			t.Errorf("%s holds %q, want %q", filepath.Base(name), b, want)
		}
	}
	for _, tt := range []struct{ name, write, now, before string }{
		{"one that is not stays", "one\n", "one\n", ""},
		{"what was in it is beside it", "two\n", "", "one\ntwo\n"},
		{"who writes goes on at its beginning", "three\n", "three\n", "one\ntwo\n"},
		{"what was beside it goes", "four\n", "", "three\nfour\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			write(tt.write)
			if err := cutLog(path, 6); err != nil {
				t.Fatal(err)
			}
			holds(t, path, tt.now)
			holds(t, path+".1", tt.before)
		})
	}
	t.Run("without room for that it is cut all the same", func(t *testing.T) {
		write("too long\n")
		if err := errors.Join(os.Remove(path+".1"), os.Mkdir(path+".1", 0o755)); err != nil {
			t.Fatal(err)
		}
		if err := cutLog(path, 6); err == nil {
			t.Error("it is not said")
		}
		holds(t, path, "")
	})
}
