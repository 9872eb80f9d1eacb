// SPDX-License-Identifier: Apache-2.0

package gateway

// retry is what a server's hello has in place of a random number when it asks for
// another hello: SHA-256 of "HelloRetryRequest" (RFC 8446, 4.1.3).
const retry = "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"

// asksAgain says whether a piece of a handshake only asks the caller for another
// hello: nothing costly was done for it yet. The record that follows for the sake of
// old middleboxes counts as a part of it.
func asksAgain(b []byte) bool {
	const (
		changeCipherSpec, handshake, serverHello = 20, 22, 2
		atMessage                                = 5 // after the record's type, version and length
		atRandom                                 = atMessage + 4 + 2
		behind                                   = atRandom + len(retry)
	)
	if len(b) > 0 && b[0] == changeCipherSpec {
		return true
	}
	return len(b) >= behind && b[0] == handshake && b[atMessage] == serverHello && string(b[atRandom:behind]) == retry
}
