// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// errTooLong ends the reading of a head that is longer than it may be.
var errTooLong = errors.New("the request's head is too long")

// refusal is a request that no handler sees.
type refusal struct {
	status int
	reason string
}

func (r refusal) Error() string { return r.reason }

// readHead reads a request's head, and checks what net/http's server does beyond
// [http.ReadRequest].
func (c *conn) readHead() (*http.Request, error) {
	if c.left < 0 {
		c.left = c.mostHead()
	}
	if c.last == http.MethodPost {
		c.skipLine() // old clients send one after a form (RFC 9112, 2.2)
	}
	r, err := http.ReadRequest(c.r)
	long := c.left == 0
	c.left = -1
	switch {
	case err != nil && long:
		return nil, errTooLong
	case err != nil:
		return nil, err
	}
	c.last = r.Method
	if err := check(r); err != nil {
		return nil, err
	}
	c.read.within(0)
	c.write.within(0) // the last request's may have passed
	r = r.WithContext(c.ctx)
	r.RemoteAddr, r.TLS = c.remote, c.tls
	return r, nil
}

// mostHead is how much may be read for a head.
func (c *conn) mostHead() int64 {
	const ahead = 4096 // of a body, which the reader may take in with the head
	return int64(c.server.MaxHead) + ahead
}

// skipLine takes an empty line that comes before a request.
func (c *conn) skipLine() {
	begin, _ := c.r.Peek(2) // an error comes again
	n := 0
	for n < len(begin) && (begin[n] == '\r' || begin[n] == '\n') {
		n++
	}
	_, _ = c.r.Discard(n)
}

func check(r *http.Request) error {
	switch {
	case r.ProtoMajor != 1:
		return refusal{http.StatusHTTPVersionNotSupported, "unsupported protocol version"}
	case r.ProtoAtLeast(1, 1) && r.Host == "":
		return refusal{http.StatusBadRequest, "missing required Host header"}
	case !httpguts.ValidHostHeader(r.Host):
		return refusal{http.StatusBadRequest, "malformed Host header"}
	}
	for k, vs := range r.Header {
		if !httpguts.ValidHeaderFieldName(k) {
			return refusal{http.StatusBadRequest, "invalid header name"}
		}
		for _, v := range vs {
			if !httpguts.ValidHeaderFieldValue(v) {
				return refusal{http.StatusBadRequest, "invalid header value"}
			}
		}
	}
	if e := r.Header.Get("Expect"); e != "" && !expectsContinue(r) {
		return refusal{http.StatusExpectationFailed, "unknown expectation"}
	}
	return nil
}

func expectsContinue(r *http.Request) bool {
	return httpguts.HeaderValuesContainsToken(r.Header["Expect"], "100-continue")
}

// refuse answers a request whose head was not understood. Who has gone, or took too
// long, gets no answer.
func (c *conn) refuse(err error) {
	status, reason := http.StatusBadRequest, ""
	no, known := errors.AsType[refusal](err)
	op, network := errors.AsType[*net.OpError](err)
	switch {
	case known:
		status, reason = no.status, ": "+no.reason
	case errors.Is(err, errTooLong):
		status = http.StatusRequestHeaderFieldsTooLarge
	case strings.HasPrefix(err.Error(), "unsupported transfer encoding"), strings.HasPrefix(err.Error(), "too many transfer encodings"):
		status = http.StatusNotImplemented // RFC 9112, 6.1
	case network && op.Op == "read", errors.Is(err, io.EOF), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed):
		return
	}
	line := fmt.Sprintf("%d %s%s", status, http.StatusText(status), reason)
	c.write.within(c.server.Head)
	_, werr := fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n%s", line, line)
	c.server.Log.Debug("request refused", "from", c.remote, "status", status, "err", err)
	if werr == nil {
		c.linger()
	}
}
