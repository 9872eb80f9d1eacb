// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// upstream is whoever answers at a unix socket, by HTTP/1.1. Unlike net/http's
// transport it has no goroutines beside the one that asks: a request costs no
// wake-ups but those of the two processes, which is half of what it costs at all.
type upstream struct {
	path string

	mu   sync.Mutex
	idle []*wire
}

// wire is a connection to an upstream, used by one request at a time.
type wire struct {
	*net.UnixConn
	r *bufio.Reader
	w *bufio.Writer
}

const (
	mostIdle  = 64 // connections that are kept
	dialWait  = 5 * time.Second
	readAhead = 64 << 10 // a body up to this is sent before the answer is looked for
	mostNews  = 8        // answers of 1xx before the one that counts
)

// roundTrip sends the request and returns its answer, whose body is to be closed.
// A *net.OpError of Op "dial" says that nobody was reached. It returns once ctx has
// ended, and so does whoever reads the body.
func (u *upstream) roundTrip(ctx context.Context, r *http.Request) (*http.Response, error) {
	l, err := u.take(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.SetDeadline(time.Unix(1, 0)) })
	sent := l.send(r)
	resp, err := l.answer(r)
	if err != nil {
		stop()
		l.Close()
		select {
		case e := <-sent:
			err = cmp.Or(e, err) // why there is no answer
		default:
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	resp.Body = &answerBody{ReadCloser: resp.Body, from: u, wire: l, sent: sent, stop: stop, again: !resp.Close && !r.Close}
	return resp, nil
}

// take returns a connection that is open, as far as can be told.
func (u *upstream) take(ctx context.Context) (*wire, error) {
	for {
		l := u.pop()
		if l == nil {
			break
		}
		if l.quiet() {
			return l, nil
		}
		l.Close()
	}
	c, err := (&net.Dialer{Timeout: dialWait}).DialContext(ctx, "unix", u.path)
	if err != nil {
		return nil, err
	}
	return &wire{c.(*net.UnixConn), bufio.NewReader(c), bufio.NewWriter(c)}, nil
}

func (u *upstream) pop() *wire {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := len(u.idle)
	if n == 0 {
		return nil
	}
	l := u.idle[n-1]
	u.idle = u.idle[:n-1]
	return l
}

// give takes a connection back, for the next request.
func (u *upstream) give(l *wire) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.idle) < mostIdle {
		u.idle = append(u.idle, l)
		return
	}
	l.Close()
}

// closeIdle closes the connections that nobody uses.
func (u *upstream) closeIdle() {
	for l := u.pop(); l != nil; l = u.pop() {
		l.Close()
	}
}

// quiet says whether nothing has come on an idle connection, neither bytes, which
// nobody asked for, nor its end.
func (l *wire) quiet() bool {
	raw, err := l.SyscallConn()
	if err != nil || l.r.Buffered() > 0 {
		return false
	}
	var b [1]byte
	var nothing error
	err = raw.Control(func(fd uintptr) { _, _, nothing = unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT) })
	return err == nil && errors.Is(nothing, unix.EAGAIN)
}

// send writes the request; what became of that comes on the channel. A long body
// is written while the answer is waited for: it may come before the body's end.
func (l *wire) send(r *http.Request) <-chan error {
	sent := make(chan error, 1)
	write := func() {
		err := r.Write(l.w)
		if err == nil {
			err = l.w.Flush()
		}
		sent <- err
	}
	if r.ContentLength >= 0 && r.ContentLength <= readAhead {
		write()
	} else {
		go write()
	}
	return sent
}

// answer reads the head of the answer that counts.
func (l *wire) answer(r *http.Request) (*http.Response, error) {
	for range mostNews {
		resp, err := http.ReadResponse(l.r, r)
		if err != nil || resp.StatusCode >= 200 {
			return resp, err
		}
	}
	return nil, fmt.Errorf("more than %d answers of 1xx", mostNews)
}

// answerBody gives its connection back once it is read to its end.
type answerBody struct {
	io.ReadCloser
	from  *upstream
	wire  *wire
	sent  <-chan error
	stop  func() bool
	again bool // the connection may be used again
	ended bool
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.ended = b.ended || err == io.EOF
	return n, err
}

// Close ends the exchange. A connection on which something is left, in either
// direction, is not used again.
func (b *answerBody) Close() error {
	whole := b.stop() && b.ended && b.again
	select {
	case err := <-b.sent:
		whole = whole && err == nil
	default:
		whole = false
	}
	if whole {
		b.from.give(b.wire)
		return nil
	}
	return b.wire.Close()
}
