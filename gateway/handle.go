// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/protocol"
	"enishi.dev/enishi/hoststate"
)

// exchange is one request and its answer.
type exchange struct {
	w    http.ResponseWriter
	r    *http.Request
	conn *conn
	head protocol.Head
	id   string

	begun    time.Time
	patience patience
	status   int   // 0 until an answer is begun
	sent     int64 // bytes of the answer's body
}

// controlled are the services that control answers itself. All others are in the box.
var controlled = map[string]bool{"ec2": true, "elasticloadbalancing": true, "sts": true}

// handle answers one request and writes it down.
func (g *gateway) handle(w http.ResponseWriter, r *http.Request) {
	c := connIn(r.Context())
	c.asked.Store(true)
	if c.metadata {
		g.instances.tell(&exchange{w: w, r: r, conn: c, patience: g.patience})
		return
	}
	x := &exchange{w: w, r: r, conn: c, head: protocol.Read(r), id: protocol.NewRequestID(), begun: time.Now(), patience: g.patience}
	defer g.record(x)
	defer g.survive(x)
	if len(r.TransferEncoding) > 0 {
		// It may have had a Content-Length too (net/http takes that off), so that
		// others might see its end elsewhere: nothing after it is believed.
		w.Header().Set("Connection", "close")
	}
	e := x.check()
	switch {
	case e != nil:
		x.refuse(e)
	case controlled[x.head.Service]:
		g.forward(x)
	default:
		g.proxy(x)
	}
}

// survive answers and writes down a mistake of ours.
func (g *gateway) survive(x *exchange) {
	err := recover()
	if err == nil {
		return
	}
	if err != http.ErrAbortHandler {
		g.Log.Error("panic", "request", x.id, "err", err, "stack", string(debug.Stack()))
		if x.status == 0 {
			x.refuse(awserr.New("InternalFailure", "An internal error has occurred"))
			return
		}
	}
	panic(http.ErrAbortHandler) // the one way to break an answer off; not logged
}

// check returns why the request is not handed on, or nil.
func (x *exchange) check() *awserr.Error {
	if e := x.conn.endpoint; e != nil {
		if no := x.checkService(e.now()); no != nil {
			return no
		}
	} else if no := checkEntry(x.r, x.conn.local.Addr()); no != nil {
		return no
	}
	return checkForm(x.r)
}

// checkForm refuses requests that could not be handed on byte for byte.
func checkForm(r *http.Request) *awserr.Error {
	if !strings.HasPrefix(r.RequestURI, "/") || r.URL.RequestURI() != r.RequestURI || !utf8.ValidString(r.RequestURI) || !utf8.ValidString(r.Host) {
		return awserr.New("InvalidRequest", "The request's target is not valid.")
	}
	for k, vs := range r.Header {
		for _, v := range vs {
			if !utf8.ValidString(v) {
				return awserr.New("InvalidRequest", "The header %s is not valid.", k)
			}
		}
	}
	return nil
}

// checkService takes the endpoint's service for that of a request that names none,
// and refuses one that is signed for another, in the words of the endpoint's.
func (x *exchange) checkService(u *hoststate.Endpoint) *awserr.Error {
	service := protocol.SigningName(u.Service)
	signed := x.head
	x.head.Service = service
	x.head.Protocol = protocol.Of(x.r, service)
	if !signed.Signed {
		return nil
	}
	if signed.Service != service {
		return scoped(x.head.Protocol, "correct service: '"+service+"'")
	}
	if u.Region != "" && signed.Region != "" && signed.Region != u.Region {
		return scoped(x.head.Protocol, "a valid region.")
	}
	return nil
}

// scoped is the refusal of a signature that is for somebody else.
func scoped(p protocol.Protocol, to string) *awserr.Error {
	switch p {
	case protocol.EC2:
		return awserr.New("AuthFailure", "AWS was not able to validate the provided access credentials")
	case protocol.S3:
		return awserr.New("AuthorizationHeaderMalformed", "The authorization header is malformed; the Credential should be scoped to %s", to)
	case protocol.Query, protocol.RESTXML:
		return awserr.New("SignatureDoesNotMatch", "Credential should be scoped to %s", to)
	}
	e := awserr.New("InvalidSignatureException", "Credential should be scoped to %s", to)
	e.Status = http.StatusForbidden
	return e
}

// refuse answers in the format of the service that the request was for.
func (x *exchange) refuse(e *awserr.Error) {
	x.writeDeadline(x.patience.body)
	x.status = e.Status
	x.head.Protocol.WriteError(counting{x.w, &x.sent}, x.id, e)
}

// counting adds up what is written.
type counting struct {
	http.ResponseWriter
	n *int64
}

func (c counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	*c.n += int64(n)
	return n, err
}

// unavailable is the refusal when whoever should answer is not there.
func (x *exchange) unavailable() *awserr.Error {
	if x.head.Protocol == protocol.EC2 {
		return awserr.New("Unavailable", "The server is overloaded and can't handle the request.")
	}
	return awserr.New("ServiceUnavailable", "Service is unable to handle request.")
}

func (x *exchange) readDeadline(d time.Duration) {
	_ = http.NewResponseController(x.w).SetReadDeadline(deadline(d)) // a closed connection fails by itself
}

func (x *exchange) writeDeadline(d time.Duration) {
	_ = http.NewResponseController(x.w).SetWriteDeadline(deadline(d))
}

// deadline is d from now; 0 is none.
func deadline(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

func (x *exchange) facts() hoststate.Facts {
	f := hoststate.Facts{RequestID: x.id, Network: x.conn.network, Source: x.conn.source, TLS: x.conn.tls}
	if e := x.conn.endpoint; e != nil && e.now().Network != "" {
		f.Endpoint = e.id
	}
	return f
}
