// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/protocol"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/http1"
)

// Patience with whoever answers.
const (
	answerTimeout = 60 * time.Second // until the answer begins
	notThere      = 3 * time.Second  // while nobody listens: a part that restarts is back within one
)

const roomForHead = 2 << 10 // of most requests, with the facts

// forward hands the request on to control, and control's answer back.
func (g *gateway) forward(x *exchange) {
	if resp := g.askControl(x); resp != nil {
		x.answer(resp)
	}
}

// askControl returns control's answer, or nil when the request is refused. It holds
// the body until then, as control may have to be asked again, and no longer: a
// caller may take its time with the answer, too.
func (g *gateway) askControl(x *exchange) *http.Response {
	ctx, size := x.r.Context(), x.mayHold()
	if from := (source{x.conn.network, x.conn.source}); size > 0 {
		if !g.bodies.take(ctx, from, size, x.patience.body) {
			x.refuse(x.unavailable())
			return nil
		}
		defer g.bodies.free(from, size)
	}
	message, err := hoststate.Forwarded{
		Method: x.r.Method, URI: x.r.RequestURI, Host: x.r.Host, Header: x.r.Header, Facts: x.facts(),
	}.Append(make([]byte, 0, roomForHead+min(size, ownLittle)))
	if err != nil {
		g.fail(x, fmt.Errorf("write forwarded request: %w", err))
		return nil
	}
	head := len(message)
	message, no := x.readBody(message)
	if no != nil {
		x.refuse(no)
		return nil
	}
	if x.head.Action == "" {
		x.head.Action = shown(protocol.FormAction(message[head:]))
	}
	resp, err := patiently(ctx, func() (*http.Response, error) {
		return g.forwards.Do(ctx, &http1.Request{
			Method: http.MethodPost, Target: "/v1/forward", Host: "control",
			Body: bytes.NewReader(message), Length: int64(len(message)),
		})
	})
	if err != nil {
		g.fail(x, fmt.Errorf("forward to control: %w", err))
		return nil
	}
	return resp
}

// mayHold is how much of the body may have to be held.
func (x *exchange) mayHold() int64 {
	switch n := x.r.ContentLength; {
	case n < 0:
		return maxBody // it does not say
	case n > maxBody:
		return 0 // it is refused
	default:
		return n
	}
}

// readBody reads a whole body that is within the limits, and appends it to b.
func (x *exchange) readBody(b []byte) ([]byte, *awserr.Error) {
	x.readDeadline(x.patience.body)
	b, err := http1.Whole(b, x.w, x.r, maxBody)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		e := awserr.New("RequestEntityTooLarge", "The request is longer than %d bytes.", maxBody)
		e.Status = http.StatusRequestEntityTooLarge
		return nil, e
	}
	if err != nil {
		return nil, brokenBody()
	}
	return b, nil
}

// brokenBody is the refusal of a request whose body came too slowly, or not whole.
func brokenBody() *awserr.Error {
	e := awserr.New("RequestTimeout", "The request's body did not arrive.")
	e.Status = http.StatusRequestTimeout
	return e
}

// fail answers that nobody is there, unless it is the caller who has gone.
func (g *gateway) fail(x *exchange, err error) {
	if x.r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // to return would be to answer with success
	}
	g.Log.Warn("request not answered", "request", x.id, "service", x.head.Service, "err", err)
	x.refuse(x.unavailable())
}

// patiently tries again while nobody listens. What may have been sent is never
// sent twice.
func patiently(ctx context.Context, try func() (*http.Response, error)) (*http.Response, error) {
	end := time.Now().Add(notThere)
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		resp, err := try()
		op, ok := errors.AsType[*net.OpError](err)
		if !ok || op.Op != "dial" || time.Now().After(end) {
			return resp, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(wait):
		}
	}
}
