// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Stdio is where a command's input and output go.
type Stdio struct{ In, Out, Err *os.File }

// NotEnteredError is that the instance could not be entered: no command ran, and it
// may be tried again.
type NotEnteredError struct{ error }

// Unwrap is why.
func (e NotEnteredError) Unwrap() error { return e.error }

// Exec runs a command in a running instance and returns its exit code, 128 and
// the signal's number for one that was killed. If input and output are a
// terminal, the command has one too. When ctx ends, so does the command.
func Exec(ctx context.Context, agentSocket string, q Request, std Stdio) (code int, err error) {
	c, err := enterInstance(ctx, agentSocket, q.Instance)
	if err != nil {
		return 0, NotEnteredError{err}
	}
	defer c.Close()
	q.Terminal = term.IsTerminal(int(std.In.Fd())) && term.IsTerminal(int(std.Out.Fd()))
	if q.Terminal {
		if ws, err := unix.IoctlGetWinsize(int(std.Out.Fd()), unix.TIOCGWINSZ); err == nil {
			q.Rows, q.Cols = ws.Row, ws.Col
		}
		err = send(c, q)
	} else {
		err = send(c, q, std.In, std.Out, std.Err)
	}
	if err != nil {
		return 0, err
	}
	var a answer
	files, err := receive(c, &a, maxShort)
	if err != nil {
		return 0, fmt.Errorf("instance ended: %w", err)
	}
	defer closeAll(files)
	if a.Error != "" {
		fmt.Fprintln(std.Err, "enishi: exec: "+a.Error)
		return a.Code, nil
	}
	stop := passSignals(ctx, func(m control) { _ = send(c, m) })
	defer stop()
	if q.Terminal && len(files) == 1 {
		restore, err := relay(std, files[0])
		if err != nil {
			return 0, err
		}
		defer restore()
	}
	if _, err := receive(c, &a, maxShort); err != nil {
		return 0, fmt.Errorf("instance ended: %w", err)
	}
	if a.Exit == nil {
		return 0, errors.New("instance ended the command without an exit code")
	}
	return *a.Exit, nil
}

// askHead asks an agent for a way into an instance, which the body names.
const askHead = "POST /v1/exec HTTP/1.1\r\nHost: agent\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"

// enterInstance asks the agent for a connection to the instance's first process.
func enterInstance(ctx context.Context, agentSocket, id string) (*net.UnixConn, error) {
	d, err := new(net.Dialer).DialContext(ctx, "unix", agentSocket)
	if err != nil {
		return nil, fmt.Errorf("ask agent: %w", err)
	}
	c := d.(*net.UnixConn)
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Now()) })()
	body, err := json.Marshal(Request{Instance: id})
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(c, askHead, len(body), body); err != nil {
		return nil, fmt.Errorf("ask agent: %w", err)
	}
	b, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := c.ReadMsgUnix(b, oob)
	if err != nil {
		return nil, fmt.Errorf("ask agent: %w", err)
	}
	files, err := attached(oob[:oobn])
	if err != nil {
		return nil, err
	}
	defer closeAll(files)
	if len(files) != 1 {
		return nil, refusal(io.MultiReader(bytes.NewReader(b[:n]), c))
	}
	conn, err := net.FileConn(files[0])
	if err != nil {
		return nil, err
	}
	return conn.(*net.UnixConn), nil
}

// refusal is the error in the agent's HTTP answer.
func refusal(r io.Reader) error {
	resp, err := http.ReadResponse(bufio.NewReader(r), nil)
	if err != nil {
		return fmt.Errorf("ask agent: %w", err)
	}
	return refused(resp)
}

func refused(resp *http.Response) error {
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
	return errors.New(strings.TrimSpace(string(text)))
}

// settling is how long after the end of its context a command waits for the
// signal that ended it: a Ctrl-C must not become a Ctrl-C and a SIGTERM.
const settling = 100 * time.Millisecond

// passSignals hands this process's signals to the command until stop is called.
// If ctx ends for another reason, the command is asked to end.
func passSignals(ctx context.Context, pass func(control)) (stop func()) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		over, passed := ctx.Done(), false
		var settled <-chan time.Time
		for {
			select {
			case s := <-signals:
				passed = true
				pass(control{Signal: int(s.(unix.Signal))})
			case <-over:
				over, settled = nil, time.After(settling)
			case <-settled:
				if !passed {
					pass(control{Signal: int(unix.SIGTERM)})
				}
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
		<-ended
	}
}
