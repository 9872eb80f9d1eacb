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
	body, no := x.readBody()
	if no != nil {
		x.refuse(no)
		return
	}
	if x.head.Action == "" {
		x.head.Action = protocol.FormAction(body)
	}
	message, err := hoststate.Forwarded{
		Method: x.r.Method, URI: x.r.RequestURI, Host: x.r.Host, Header: x.r.Header, Facts: x.facts(),
	}.Append(make([]byte, 0, roomForHead+len(body)))
	if err != nil {
		g.fail(x, fmt.Errorf("write forwarded request: %w", err))
		return
	}
	message = append(message, body...)
	ctx := x.r.Context()
	resp, err := patiently(ctx, func() (*http.Response, error) {
		return g.forwards.Do(ctx, &http1.Request{
			Method: http.MethodPost, Target: "/v1/forward", Host: "control",
			Body: bytes.NewReader(message), Length: int64(len(message)),
		})
	})
	if err != nil {
		g.fail(x, fmt.Errorf("forward to control: %w", err))
		return
	}
	x.answer(resp)
}

// readBody reads a whole body that is within the limits.
func (x *exchange) readBody() ([]byte, *awserr.Error) {
	x.readDeadline(x.patience.body)
	body, err := http1.Whole(x.w, x.r, maxBody)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		e := awserr.New("RequestEntityTooLarge", "The request is longer than %d bytes.", maxBody)
		e.Status = http.StatusRequestEntityTooLarge
		return nil, e
	}
	if err != nil {
		return nil, brokenBody()
	}
	return body, nil
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
