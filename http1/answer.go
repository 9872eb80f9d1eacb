// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// short is how much of an answer of unknown length is kept: if that is all, its
// length is told, and else it goes in chunks.
const short = 4 << 10

// answer is the [http.ResponseWriter] of one request.
type answer struct {
	conn   *conn
	body   body // of the request
	header http.Header
	w      *bufio.Writer // nil until the head is begun

	method string
	http10 bool
	status int   // 0 until the head is begun
	length int64 // of the answer's body as declared; negative: unknown
	sent   int64
	kept   []byte // of the body, while the head is not ended

	framed  bool // the head is ended
	chunked bool
	closing bool // the connection ends with this answer
}

func newAnswer(c *conn, r *http.Request) *answer {
	a := &answer{
		conn: c, header: make(http.Header), method: r.Method, length: -1,
		http10: !r.ProtoAtLeast(1, 1), closing: r.Close,
	}
	a.body = body{conn: c, from: r.Body, left: r.ContentLength}
	if r.ContentLength == 0 {
		a.body.ended.Store(true)
		return a
	}
	a.body.greet = !a.http10 && expectsContinue(r)
	r.Body = &a.body
	return a
}

var errEnded = errors.New("http1: the handler has ended")

func (a *answer) Header() http.Header { return a.header }

// WriteHeader begins the answer; what is done to the headers later has no effect.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 || a.conn.taken.Load() {
		return
	}
	if status < 200 || status > 999 {
		panic("http1: status " + strconv.Itoa(status))
	}
	a.status = status
	if v, ok := a.header["Content-Length"]; ok {
		if n, err := strconv.ParseInt(strings.Join(v, ","), 10, 64); err == nil && n >= 0 {
			a.length = n
		}
	}
	a.w = writers.Get().(*bufio.Writer)
	a.w.Reset(a.conn)
	a.beginHead()
	if a.length >= 0 || !a.bodied() {
		a.endHead()
	}
}

// bodied says whether the answer may have a body (RFC 9110, 6.4.1).
func (a *answer) bodied() bool {
	return a.status != http.StatusNoContent && a.status != http.StatusNotModified
}

func (a *answer) Write(p []byte) (int, error) {
	if a.conn.taken.Load() {
		return 0, http.ErrHijacked
	}
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	a.sent += int64(len(p))
	switch {
	case !a.bodied():
		return 0, http.ErrBodyNotAllowed
	case a.length >= 0 && a.sent > a.length:
		a.closing = true // what was declared has gone, and this has not
		return 0, http.ErrContentLength
	case a.framed:
		return a.piece(p)
	case len(a.kept)+len(p) <= short:
		a.kept = append(a.kept, p...)
		return len(p), nil
	}
	if err := a.letGo(); err != nil {
		return 0, err
	}
	return a.piece(p)
}

// letGo ends the head, and sends what of the body was kept for that.
func (a *answer) letGo() error {
	a.endHead()
	_, err := a.piece(a.kept)
	return err
}

// piece writes a piece of the body, after the head.
func (a *answer) piece(p []byte) (int, error) {
	if a.w == nil {
		return 0, errEnded
	}
	if a.method == http.MethodHead || len(p) == 0 {
		return len(p), nil
	}
	if !a.chunked {
		return a.w.Write(p)
	}
	if err := chunk(a.w, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush sends what there is.
func (a *answer) Flush() { _ = a.FlushError() }

// FlushError sends what there is.
func (a *answer) FlushError() error {
	if a.conn.taken.Load() {
		return http.ErrHijacked
	}
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if !a.framed {
		_ = a.letGo() // Flush says it again
	}
	if a.w == nil {
		return errEnded
	}
	return a.w.Flush()
}

// SetReadDeadline is that of reading the request's body.
func (a *answer) SetReadDeadline(t time.Time) error {
	a.body.timed.Store(true)
	a.conn.read.by(t)
	return nil
}

// SetWriteDeadline is that of writing the answer.
func (a *answer) SetWriteDeadline(t time.Time) error {
	a.conn.write.by(t)
	return nil
}

// Hijack lets the handler take the connection over, with what was read of it.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if a.conn.taken.Load() || a.status != 0 {
		return nil, nil, http.ErrHijacked
	}
	a.conn.watch.end()
	a.conn.taken.Store(true)
	a.conn.read.within(0)
	a.conn.write.within(0)
	a.conn.read.apply(a.conn.net.SetReadDeadline)
	a.conn.write.apply(a.conn.net.SetWriteDeadline)
	return a.conn.net, bufio.NewReadWriter(a.conn.r, bufio.NewWriter(a.conn.net)), nil
}
