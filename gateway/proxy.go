// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

// proxy hands the request on to the services in the box, target, host and body
// byte for byte, and their answer back.
func (g *gateway) proxy(x *exchange) {
	ctx, stop := answerWithin(x.r.Context(), answerTimeout)
	defer stop.cancel()
	defer stop.answered()
	out, to := x.r.WithContext(ctx), *x.r.URL
	to.Scheme, to.Host = "http", "services"
	out.URL, out.RequestURI = &to, ""
	out.Close = false
	out.Header = endToEnd(x.r.Header)
	if len(out.Header["User-Agent"]) == 0 {
		out.Header["User-Agent"] = []string{""} // or net/http makes one up
	}
	in := &body{x: x, wait: stop}
	out.Body = in
	if x.r.ContentLength == 0 {
		out.Body = http.NoBody
		x.readDeadline(0)
	}
	resp, err := patiently(ctx, func() (*http.Response, error) { return g.services.roundTrip(ctx, out) })
	if err != nil && in.broken.Load() {
		x.refuse(brokenBody())
		return
	}
	if err != nil {
		g.fail(x, fmt.Errorf("hand on to services: %w", err))
		return
	}
	stop.answered()
	x.answer(resp)
}

// body is a request's body: each piece has its time, and the time for an answer
// begins again with it. The server closes the original, so that a request which
// reached nobody can be tried again.
type body struct {
	x    *exchange
	wait *waiting

	broken atomic.Bool
}

func (b *body) Read(p []byte) (int, error) {
	b.wait.more(func() { b.x.readDeadline(b.x.patience.body) })
	n, err := b.x.r.Body.Read(p)
	switch {
	case err == io.EOF:
		b.wait.more(func() { b.x.readDeadline(0) })
	case err != nil:
		b.broken.Store(true)
	}
	return n, err
}

func (b *body) Close() error { return nil }
