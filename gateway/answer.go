// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"io"
	"net/http"

	"enishi.dev/enishi/http1"
)

// answer copies an answer to the caller. One that breaks off breaks the caller's
// connection too, so that it is not taken for whole.
func (x *exchange) answer(resp *http.Response) {
	defer resp.Body.Close()
	h := x.w.Header()
	for name, vs := range http1.EndToEnd(resp.Header) {
		h[name] = vs
	}
	if id := h.Get("X-Amzn-Requestid"); id != "" {
		x.id = id // what the caller sees is what is written down
	}
	h.Set("X-Amzn-Requestid", x.id)
	x.writeDeadline(x.patience.body)
	x.status = resp.StatusCode
	x.w.WriteHeader(resp.StatusCode)
	buf := make([]byte, pieceOf(resp.ContentLength))
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			x.writeDeadline(x.patience.body)
			wrote, werr := x.w.Write(buf[:n])
			x.sent += int64(wrote)
			if werr != nil {
				return
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// pieceOf is how much of an answer is copied at a time: most are short.
func pieceOf(length int64) int64 {
	const most = 32 << 10
	if length < 0 || length > most {
		return most
	}
	return max(length, 1)
}
