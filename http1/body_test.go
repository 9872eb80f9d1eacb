// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// dripping is a body that comes a piece at a time, and says how much there was room for.
type dripping struct {
	io.Reader
	piece int
	room  func(n int)
}

func (d dripping) Read(p []byte) (int, error) {
	d.room(len(p))
	return d.Reader.Read(p[:min(len(p), d.piece)])
}

func TestWhole(t *testing.T) {
	const most = 1 << 20
	whole := func(length int64, body string, room func(int)) (string, error) {
		r := httptest.NewRequest(http.MethodPost, "/", io.NopCloser(dripping{strings.NewReader(body), 1000, room}))
		r.ContentLength = length
		b, err := Whole([]byte("head "), httptest.NewRecorder(), r, most)
		return string(b), err
	}
	for _, tt := range []struct {
		name          string
		length, comes int
		tooLong       bool
		broken        bool
	}{
		{"no body", 0, 0, false, false},
		{"a form", 100, 100, false, false},
		{"of unknown length", -1, 100, false, false},
		{"of unknown length, none after all", -1, 0, false, false},
		{"the longest", most, most, false, false},
		{"the longest of unknown length", -1, most, false, false},
		{"one byte more", most + 1, most + 1, true, false},
		{"one byte more of unknown length", -1, most + 1, true, false},
		{"one that breaks off", 100, 99, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := strings.Repeat("x", tt.comes)
			got, err := whole(int64(tt.length), body, func(int) {})
			_, tooLong := errors.AsType[*http.MaxBytesError](err)
			if tooLong != tt.tooLong || errors.Is(err, io.ErrUnexpectedEOF) != tt.broken || err == nil && got != "head "+body {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	for _, length := range []int64{most, -1} {
		t.Run("there is room for twice of what has come, and not for what may come", func(t *testing.T) {
			came := 0
			_, err := whole(length, strings.Repeat("x", most), func(n int) {
				if came += 1000; n > max(atOnce, came) {
					t.Fatalf("after %d bytes there is room for %d", came-1000, n)
				}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
