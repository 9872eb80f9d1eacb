// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"crypto/rand"
	"encoding/hex"
)

// NewRequestID returns a random UUID, which is what AWS names requests by.
func NewRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var text [36]byte
	at := 0
	for i, c := range b {
		switch i {
		case 4, 6, 8, 10:
			text[at] = '-'
			at++
		}
		hex.Encode(text[at:], []byte{c})
		at += 2
	}
	return string(text[:])
}
