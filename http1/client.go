// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Client asks the server at a unix socket. Its connections are kept; it has no
// goroutines beside those that ask, but for one that writes a long body.
type Client struct {
	Path string
	// Wait is how long an answer may take to begin, from the last piece of the
	// request on; 0: any.
	Wait time.Duration

	mu   sync.Mutex
	idle []*wire
}

const (
	mostIdle  = 64 // connections that are kept
	dialWait  = 5 * time.Second
	readAhead = 64 << 10 // a body up to this is sent before the answer is looked for
)

// Do sends the request and returns its answer, whose body is to be closed. A
// *net.OpError of Op "dial" says that nobody was reached, and that nothing of the
// body was read. It returns once ctx has ended, and so does whoever reads the body.
func (c *Client) Do(ctx context.Context, r *Request) (*http.Response, error) {
	l, err := c.take(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, l.cut)
	sent := l.send(r)
	resp, err := l.answer(r.Method)
	if err != nil {
		stop()
		l.net.Close()
		select {
		case e := <-sent:
			err = cmp.Or(e, err) // why there is no answer
		default:
		}
		return nil, cmp.Or(ctx.Err(), err)
	}
	resp.Body = &answerBody{ReadCloser: resp.Body, from: c, wire: l, sent: sent, stop: stop, again: !resp.Close}
	return resp, nil
}

// take returns a connection that is open, as far as can be told.
func (c *Client) take(ctx context.Context) (*wire, error) {
	for {
		l := c.pop()
		if l == nil {
			break
		}
		if l.quiet() {
			l.begin()
			return l, nil
		}
		l.net.Close()
	}
	nc, err := (&net.Dialer{Timeout: dialWait}).DialContext(ctx, "unix", c.Path)
	if err != nil {
		return nil, err
	}
	l, err := newWire(nc.(*net.UnixConn), c.Wait)
	if err != nil {
		nc.Close()
		return nil, err
	}
	l.begin()
	return l, nil
}

func (c *Client) pop() *wire {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.idle)
	if n == 0 {
		return nil
	}
	l := c.idle[n-1]
	c.idle = c.idle[:n-1]
	return l
}

// give takes a connection back, for the next request.
func (c *Client) give(l *wire) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.idle) < mostIdle {
		c.idle = append(c.idle, l)
		return
	}
	l.net.Close()
}

// CloseIdle closes the connections that nobody uses.
func (c *Client) CloseIdle() {
	for l := c.pop(); l != nil; l = c.pop() {
		l.net.Close()
	}
}

// answerBody gives its connection back once it is read to its end.
type answerBody struct {
	io.ReadCloser
	from  *Client
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
	return b.wire.net.Close()
}
