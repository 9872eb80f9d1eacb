// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/term"
)

// watch shows again every second what show writes, until ctx ends or there is no
// enishi any more. A part that does not answer is one line more: it may be back.
func (a *app) watch(ctx context.Context, show func(context.Context, io.Writer) error) error {
	next := time.NewTicker(time.Second)
	defer next.Stop()
	for {
		var b bytes.Buffer
		err := show(ctx, &b)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !running(a.runDir):
			return err
		case err != nil:
			fmt.Fprintf(&b, "enishi: status: %v\n", err)
		}
		text := b.Bytes()
		if fd := int(a.stdout.Fd()); term.IsTerminal(fd) {
			_, height, err := term.GetSize(fd)
			if err != nil {
				height = 0
			}
			text = redraw(text, height)
		}
		if _, err := a.stdout.Write(text); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
		}
	}
}

// redraw is what puts text in the place of all that a terminal of the height
// shows, without a moment of nothing. What has no room is counted in the last line.
func redraw(text []byte, height int) []byte {
	lines := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n"))
	if room := height - 1; height > 1 && len(lines) > room {
		more := fmt.Appendf(nil, "… %d more lines than the terminal has", len(lines)-room+1)
		lines = append(lines[:room-1:room-1], more)
	}
	out := []byte("\x1b[H\x1b[?7l") // home; a long line is cut, or it would be two
	for _, line := range lines {
		out = append(append(out, line...), "\x1b[K\n"...) // and nothing to the right
	}
	return append(out, "\x1b[J\x1b[?7h"...) // nor below
}
