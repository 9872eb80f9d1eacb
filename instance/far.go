// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// ExecFar is [Exec] in an instance of another host: dial connects with that host's
// agent. When the connection ends, so does the command.
func ExecFar(ctx context.Context, dial func(context.Context) (net.Conn, error), q Request, std Stdio) (code int, err error) {
	agent, err := dial(ctx)
	if err != nil {
		return 0, NotEnteredError{err}
	}
	defer agent.Close()
	f, err := enterFar(ctx, agent, q.Instance)
	if err != nil {
		return 0, NotEnteredError{err}
	}
	q.Terminal = term.IsTerminal(int(std.In.Fd())) && term.IsTerminal(int(std.Out.Fd()))
	if q.Terminal {
		if ws, err := unix.IoctlGetWinsize(int(std.Out.Fd()), unix.TIOCGWINSZ); err == nil {
			q.Rows, q.Cols = ws.Row, ws.Col
		}
	}
	if err := f.sendJSON(frameRequest, q); err != nil {
		return 0, err
	}
	a, err := f.untilAnswer(std, nil)
	if err != nil {
		return 0, err
	}
	if a.Error != "" {
		fmt.Fprintln(std.Err, "enishi: exec: "+a.Error)
		return a.Code, nil
	}
	defer passSignals(ctx, func(c control) { _ = f.sendJSON(frameSignal, c) })()
	if q.Terminal {
		old, err := term.MakeRaw(int(std.In.Fd()))
		if err != nil {
			return 0, err
		}
		defer func() { _ = term.Restore(int(std.In.Fd()), old) }()
		defer followSize(int(std.Out.Fd()), func(ws *unix.Winsize) { _ = f.sendJSON(frameSize, size{ws.Row, ws.Col}) })()
	}
	more := make(chan struct{}, 1)
	defer close(more)
	go f.sendInput(std.In, more) // ends with the process: a read of a terminal cannot be called off
	if a, err = f.untilAnswer(std, more); err != nil {
		return 0, err
	}
	if a.Exit == nil {
		return 0, errors.New("instance ended the command without an exit code")
	}
	return *a.Exit, nil
}

// enterFar asks the agent to run a command in the instance.
func enterFar(ctx context.Context, agent net.Conn, id string) (*frames, error) {
	stop := context.AfterFunc(ctx, func() { _ = agent.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	body, err := json.Marshal(Request{Instance: id})
	if err != nil {
		return nil, err
	}
	if _, err := agent.Write(fmt.Appendf(nil, askHead, len(body), body)); err != nil {
		return nil, fmt.Errorf("ask agent: %w", err)
	}
	r := bufio.NewReader(agent)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return nil, fmt.Errorf("ask agent: %w", err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return nil, refused(resp)
	}
	return &frames{r: r, w: agent}, nil
}

// sendInput sends what comes by in, as much as is asked for.
func (f *frames) sendInput(in io.Reader, more <-chan struct{}) {
	b := make([]byte, maxInput)
	for range more {
		n, err := in.Read(b)
		if n > 0 && f.send(frameInput, b[:n]) != nil {
			return
		}
		if err != nil {
			_ = f.send(frameInput, nil)
			return
		}
	}
}

// untilAnswer writes what the command writes until its next answer.
func (f *frames) untilAnswer(std Stdio, more chan<- struct{}) (a answer, err error) {
	for {
		sort, content, err := f.receive()
		if err != nil {
			return a, fmt.Errorf("the instance, or the way to its host, ended: %w", err)
		}
		switch sort {
		case frameAnswer:
			return a, json.Unmarshal(content, &a)
		case frameOutput:
			_, err = std.Out.Write(content)
		case frameErrors:
			_, err = std.Err.Write(content)
		case frameMore:
			select {
			case more <- struct{}{}:
			default: // nobody asks twice before there was input
			}
		}
		if err != nil {
			return a, err
		}
	}
}
