// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"io"
	"net/http"
)

// finish ends the answer and says whether it is whole at the other end, as far as
// can be told.
func (a *answer) finish() bool {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if !a.framed {
		if a.length = a.sent; a.method == http.MethodHead && a.sent == 0 {
			a.length = -1 // nobody said what a GET would have had
		}
		_ = a.letGo() // Flush says it again
	}
	if a.chunked && a.method != http.MethodHead {
		a.w.WriteString("0\r\n\r\n")
	}
	err := a.w.Flush()
	a.release()
	lacks := a.length > a.sent && a.bodied() && a.method != http.MethodHead
	return err == nil && !lacks
}

// breakOff sends what of an answer is there. That it is not all can be seen.
func (a *answer) breakOff() {
	if a.w == nil || a.conn.taken.Load() {
		return
	}
	if a.framed {
		_ = a.w.Flush() // it ends anyway
	}
	a.release()
}

func (a *answer) release() {
	a.w.Reset(io.Discard)
	writers.Put(a.w)
	a.w = nil
}
