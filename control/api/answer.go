// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"fmt"
	"net/http"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/protocol"
	"enishi.dev/enishi/aws/wire"
)

// answer is what a request that went well is answered with.
func (r *exchange) answer(out any) (int, http.Header, []byte) {
	var b bytes.Buffer
	if err := wire.EncodeXML(&b, r.service.Protocol, r.call.Action, r.call.RequestID, out); err != nil {
		return r.refuse(r.s.visible(r, fmt.Errorf("encode answer: %w", err)))
	}
	return http.StatusOK, r.header(), b.Bytes()
}

// refuse is what a request that went wrong is answered with, in the format of
// the service that was called, as far as that is known.
func (r *exchange) refuse(e *awserr.Error) (int, http.Header, []byte) {
	p := wire.EC2
	if r.service != nil {
		p = r.service.Protocol
	} else if req, err := r.httpRequest(); err == nil {
		if versions := r.s.services[protocol.Read(req).Service]; len(versions) > 0 {
			p = versions[0].Protocol
		}
	}
	var b bytes.Buffer
	wire.EncodeError(&b, p, r.call.RequestID, e)
	return e.Status, r.header(), b.Bytes()
}

func (r *exchange) header() http.Header {
	return http.Header{
		"Content-Type":     {"text/xml;charset=UTF-8"},
		"Cache-Control":    {"no-cache, no-store"},
		"X-Amzn-Requestid": {r.call.RequestID},
	}
}
