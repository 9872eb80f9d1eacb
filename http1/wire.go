// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// wire is a client's connection, used by one request at a time.
type wire struct {
	net   *net.UnixConn
	raw   syscall.RawConn
	wait  time.Duration
	r     *bufio.Reader
	w     *bufio.Writer
	read  deadline
	write deadline

	mu       sync.Mutex
	answered bool // the answer has begun: nobody waits for that
}

func newWire(c *net.UnixConn, wait time.Duration) (*wire, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	l := &wire{net: c, raw: raw, wait: wait}
	l.r, l.w = bufio.NewReader(l), bufio.NewWriter(l)
	return l, nil
}

func (l *wire) Read(p []byte) (int, error) {
	l.read.apply(l.net.SetReadDeadline)
	return l.net.Read(p)
}

func (l *wire) Write(p []byte) (int, error) {
	l.write.apply(l.net.SetWriteDeadline)
	return l.net.Write(p)
}

// begin begins a request.
func (l *wire) begin() {
	l.answered = false
	l.read.within(l.wait)
	l.write.within(l.wait)
}

// longer begins the wait again, as a piece of the request has come, unless the
// answer has begun.
func (l *wire) longer() {
	l.write.within(l.wait)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.answered {
		l.read.within(l.wait)
		l.read.apply(l.net.SetReadDeadline) // somebody may be waiting already
	}
}

// cut ends whatever waits.
func (l *wire) cut() {
	l.read.cut(l.net.SetReadDeadline)
	l.write.cut(l.net.SetWriteDeadline)
}

// quiet says whether nothing has come on an idle connection, neither bytes, which
// nobody asked for, nor its end.
func (l *wire) quiet() bool {
	if l.r.Buffered() > 0 {
		return false
	}
	var b [1]byte
	var nothing error
	err := l.raw.Control(func(fd uintptr) { _, _, nothing = unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT) })
	return err == nil && errors.Is(nothing, unix.EAGAIN)
}

// send writes the request; what became of that comes on the channel. A long body
// is written while the answer is waited for: it may come before the body's end.
func (l *wire) send(r *Request) <-chan error {
	sent := make(chan error, 1)
	if r.Body == nil || r.Length >= 0 && r.Length <= readAhead {
		sent <- l.request(r)
	} else {
		go func() { sent <- l.request(r) }()
	}
	return sent
}

func (l *wire) request(r *Request) error {
	if err := r.writeHead(l.w); err != nil {
		return err
	}
	if r.Length > readAhead {
		if err := l.w.Flush(); err != nil { // there may be an answer to the head
			return err
		}
	}
	if r.Body != nil {
		if err := r.writeBody(l.w, pieces{r.Body, l}); err != nil {
			return err
		}
	}
	return l.w.Flush()
}

// pieces is a body whose pieces begin the wait for the answer again.
type pieces struct {
	io.Reader
	wire *wire
}

func (p pieces) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	p.wire.longer()
	return n, err
}

// answer reads the head of the answer that counts.
func (l *wire) answer(method string) (*http.Response, error) {
	const mostNews = 8 // answers of 1xx before it
	var asked *http.Request
	if method == http.MethodHead {
		asked = &http.Request{Method: method}
	}
	for range mostNews {
		resp, err := http.ReadResponse(l.r, asked)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.answered = true
			l.read.within(0)
			return resp, nil
		}
	}
	return nil, fmt.Errorf("more than %d answers of 1xx", mostNews)
}
