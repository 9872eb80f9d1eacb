// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Carry answers a caller on another machine by a connection that [Instance.Enter]
// made: it speaks with the instance in the caller's place, until the command has
// ended or the caller has gone. The command ends with it.
func Carry(ctx context.Context, w http.ResponseWriter, conn *os.File) error {
	c, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fmt.Errorf("carry command: %w", err)
	}
	k := &carried{frames: frames{r: buffered.Reader, w: c}}
	defer k.caller.Wait()
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	in, err := net.FileConn(conn)
	if err != nil {
		return fmt.Errorf("carry command: %w", err)
	}
	defer in.Close()
	k.inside = in.(*net.UnixConn)
	if _, err := c.Write([]byte(switching)); err != nil {
		return err
	}
	return k.run()
}

// carried is a command whose caller is on another machine.
type carried struct {
	frames
	caller   sync.WaitGroup // who hears it
	inside   *net.UnixConn  // to the instance's first process
	stdin    *os.File       // of the command, or its terminal
	terminal bool
}

func (k *carried) run() error {
	sort, content, err := k.receive()
	if err != nil {
		return err
	}
	var q Request
	if err := json.Unmarshal(content, &q); err != nil || sort != frameRequest {
		return errors.Join(err, k.sendJSON(frameAnswer, answer{Error: "want a request", Code: 126}))
	}
	a, outputs, err := k.begin(q)
	defer func() {
		closeAll(outputs)
		if k.stdin != nil {
			k.stdin.Close()
		}
	}()
	if err == nil {
		err = k.sendJSON(frameAnswer, a)
	}
	if err != nil || a.Error != "" {
		return err
	}
	var printers []*printer
	for i, from := range outputs {
		printers = append(printers, startPrinter(frameWriter{&k.frames, "oe"[i]}, from))
	}
	k.caller.Go(k.hearCaller)
	_, err = receive(k.inside, &a, maxShort)
	for _, p := range printers {
		p.finish()
	}
	if err != nil {
		return nil // the caller has gone, or the instance: then it sees so
	}
	return k.sendJSON(frameAnswer, a)
}

// begin has the instance start the command, and returns its answer and the command's
// outputs: of one with a terminal there is one, which is its input too.
func (k *carried) begin(q Request) (a answer, outputs []*os.File, err error) {
	var theirs []*os.File
	defer func() { closeAll(theirs) }()
	if k.terminal = q.Terminal; !k.terminal {
		for i := range 3 {
			r, w, err := os.Pipe()
			if err != nil {
				return a, outputs, err
			}
			if i == 0 {
				k.stdin, theirs = w, append(theirs, r)
			} else {
				outputs, theirs = append(outputs, r), append(theirs, w)
			}
		}
	}
	if err := send(k.inside, q, theirs...); err != nil {
		return a, outputs, err
	}
	files, err := receive(k.inside, &a, maxShort)
	defer closeAll(files)
	if err != nil || a.Error != "" || !k.terminal {
		return a, outputs, err
	}
	if len(files) != 1 {
		return a, nil, errors.New("no terminal came with the answer")
	}
	k.stdin, err = pollable(files[0])
	return a, []*os.File{k.stdin}, err
}

// hearCaller passes on what the caller says until it has gone; then the command is
// let go, which ends it.
func (k *carried) hearCaller() {
	input := make(chan []byte, 1)
	defer close(input)
	defer k.inside.Close()
	k.caller.Go(func() { k.giveInput(input) })
	for {
		sort, content, err := k.receive()
		if err != nil {
			return
		}
		switch sort {
		case frameInput:
			select {
			case input <- content:
			default:
				return // it was not asked for
			}
		case frameSignal:
			var c control
			if json.Unmarshal(content, &c) == nil {
				_ = send(k.inside, c)
			}
		case frameSize:
			var s size
			if json.Unmarshal(content, &s) == nil && k.terminal {
				_ = setSize(k.stdin, &unix.Winsize{Row: s.Rows, Col: s.Cols})
			}
		}
	}
}

// giveInput writes the caller's input, and asks for more of it when the command has
// taken that.
func (k *carried) giveInput(input <-chan []byte) {
	_ = k.send(frameMore, nil)
	for b := range input {
		if len(b) == 0 {
			if !k.terminal {
				k.stdin.Close()
			}
			return
		}
		if _, err := k.stdin.Write(b); err != nil {
			return // the command reads no more
		}
		_ = k.send(frameMore, nil)
	}
}
