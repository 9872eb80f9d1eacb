// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// mostUnread is how much of a body that its handler left is read all the same, so
// that the connection can go on.
const mostUnread = 256 << 10

// body is a request's body. A handler may leave it to another goroutine, which may
// still be reading when the handler has ended.
type body struct {
	conn *conn

	mu     sync.Mutex
	from   io.ReadCloser
	left   int64 // bytes to come; negative: unknown
	greet  bool  // the caller waits to be told to go on
	err    error // of the last read, which stays
	closed bool

	ended atomic.Bool // all of it was read
	timed atomic.Bool // by its reader
}

var errClosed = errors.New("http1: the body is read after the handler has ended")

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, errClosed
	}
	return b.readLocked(p)
}

func (b *body) readLocked(p []byte) (int, error) {
	if b.greet {
		b.greet = false
		if _, err := io.WriteString(b.conn, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return 0, err
		}
	}
	if b.err != nil {
		return 0, b.err
	}
	if !b.timed.Load() {
		b.conn.read.within(b.conn.server.Piece)
	}
	n, err := b.from.Read(p)
	b.left -= int64(n)
	switch b.err = err; err {
	case nil:
	case io.EOF:
		b.ended.Store(true)
	default:
		b.conn.cancel() // it will not be all there, whoever waits for it
	}
	return n, err
}

// Close leaves the rest to the connection, which knows what to do with it.
func (b *body) Close() error { return nil }

// close ends all reading.
func (b *body) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
}

// pass reads what is left of a body that is not long, and says whether that is all.
func (b *body) pass() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil || b.greet || b.left >= mostUnread {
		return b.ended.Load()
	}
	b.timed.Store(true)
	b.conn.read.within(b.conn.server.Head)
	buf := make([]byte, 8<<10)
	for n := 0; b.err == nil && n <= mostUnread; {
		m, _ := b.readLocked(buf)
		n += m
	}
	return b.ended.Load()
}

// atOnce is how much room a body gets before any of it has come: most need no more.
const atOnce = 64 << 10

// Whole reads a request's body of at most so many bytes and appends it to b. A longer
// one is a [*http.MaxBytesError]. What a head announces takes no room: b grows to
// twice of what has come.
func Whole(b []byte, w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	from := http.MaxBytesReader(w, r.Body, most)
	if r.ContentLength > most {
		_, err := io.Copy(io.Discard, from)
		return b, err
	}
	for left := r.ContentLength; left != 0; {
		if len(b) == cap(b) {
			b = longer(b, left)
		}
		n, err := from.Read(b[len(b):cap(b)])
		b, left = b[:len(b)+n], left-int64(n)
		switch {
		case err == io.EOF && left > 0:
			return b, io.ErrUnexpectedEOF
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, err
		}
	}
	return b, nil
}

// longer returns b with room for more, of what is left; below zero, nobody knows
// how much that is.
func longer(b []byte, left int64) []byte {
	const least = 4 << 10
	more := int64(max(len(b), least))
	if left > 0 {
		more = min(max(more, atOnce), left)
	}
	return append(make([]byte, 0, int64(len(b))+more), b...)
}
