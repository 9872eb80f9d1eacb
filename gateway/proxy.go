// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"enishi.dev/enishi/http1"
)

// proxy hands the request on to the services in the box, target, host and body
// byte for byte, and their answer back.
func (g *gateway) proxy(x *exchange) {
	out := &http1.Request{
		Method: x.r.Method, Target: x.r.RequestURI, Host: x.r.Host, Header: x.r.Header,
		Length: x.r.ContentLength, Trailer: x.r.Trailer,
	}
	in := &body{from: x.r.Body}
	if x.r.ContentLength != 0 {
		out.Body = in
	}
	ctx := x.r.Context()
	resp, err := patiently(ctx, func() (*http.Response, error) { return g.services.Do(ctx, out) })
	if err != nil && in.broken.Load() {
		x.refuse(brokenBody())
		return
	}
	if err != nil {
		g.fail(x, fmt.Errorf("hand on to services: %w", err))
		return
	}
	x.answer(resp)
}

// body is a request's body that says whether it broke off.
type body struct {
	from   io.Reader
	broken atomic.Bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if err != nil && err != io.EOF {
		b.broken.Store(true)
	}
	return n, err
}
