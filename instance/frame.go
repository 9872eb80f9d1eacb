// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// A caller on another machine cannot be given descriptors. It speaks with its
// instance's agent by frames on one stream, and the agent with the instance in its
// place. A frame is a byte, its sort; the length of its content, four bytes in
// network order; and the content.
//
//	caller -> agent   request, then input, signals, sizes
//	agent -> caller   answer Started or Error; output, errors, more; answer Exit
//
// Input comes only when it is asked for, a frame at a time: what a command does not
// read holds up no signal.
const (
	frameRequest = 'q' // Request
	frameInput   = 'i' // empty: it has ended
	frameSignal  = 's' // control
	frameSize    = 'w' // size
	frameMore    = 'm' // empty: input may come
	frameOutput  = 'o'
	frameErrors  = 'e'
	frameAnswer  = 'a' // answer
)

// maxInput is what one frame of input has at most.
const maxInput = 32 << 10

// size is a terminal's.
type size struct {
	Rows uint16 `json:"rows"`
	Cols uint16 `json:"cols"`
}

// frames is a stream of them. Any goroutine may send; one receives.
type frames struct {
	r *bufio.Reader

	mu sync.Mutex
	w  io.Writer
}

func (f *frames) send(sort byte, content []byte) error {
	b := binary.BigEndian.AppendUint32([]byte{sort}, uint32(len(content)))
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.w.Write(append(b, content...))
	return err
}

func (f *frames) sendJSON(sort byte, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) > maxMessage {
		return fmt.Errorf("message of %d bytes: at most %d: give the command a smaller environment", len(b), maxMessage)
	}
	return f.send(sort, b)
}

func (f *frames) receive() (sort byte, content []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxMessage {
		return 0, nil, fmt.Errorf("frame of %d bytes: at most %d", n, maxMessage)
	}
	content = make([]byte, n)
	_, err = io.ReadFull(f.r, content)
	return head[0], content, err
}

// frameWriter is a stream of a command's output.
type frameWriter struct {
	f    *frames
	sort byte
}

func (w frameWriter) Write(p []byte) (int, error) { return len(p), w.f.send(w.sort, p) }
