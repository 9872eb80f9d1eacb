// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

func TestRedraw(t *testing.T) {
	for _, c := range []struct {
		name, text string
		height     int
		want       string
	}{
		{"each line replaces what was there", "a\nb\n", 10, "\x1b[H\x1b[?7la\x1b[K\nb\x1b[K\n\x1b[J\x1b[?7h"},
		{"what just fits is shown", "a\nb\nc\n", 4, "\x1b[H\x1b[?7la\x1b[K\nb\x1b[K\nc\x1b[K\n\x1b[J\x1b[?7h"},
		{"what does not fit is counted", "a\nb\nc\nd\n", 4, "\x1b[H\x1b[?7la\x1b[K\nb\x1b[K\n… 2 more lines than the terminal has\x1b[K\n\x1b[J\x1b[?7h"},
		{"a terminal of no known height shows all", "a\nb\n", 0, "\x1b[H\x1b[?7la\x1b[K\nb\x1b[K\n\x1b[J\x1b[?7h"},
		{"one of one line too", "a\nb\n", 1, "\x1b[H\x1b[?7la\x1b[K\nb\x1b[K\n\x1b[J\x1b[?7h"},
		{"and one of two counts", "a\nb\n", 2, "\x1b[H\x1b[?7l… 2 more lines than the terminal has\x1b[K\n\x1b[J\x1b[?7h"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(redraw([]byte(c.text), c.height)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
