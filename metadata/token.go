// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"time"
)

const maxTTL = 6 * 3600 // seconds

// parseTTL reads the one value of the header: between 1 and maxTTL seconds.
func parseTTL(values []string) (seconds int, ok bool) {
	if len(values) != 1 || len(values[0]) == 0 || len(values[0]) > len("21600") {
		return 0, false
	}
	for _, c := range values[0] {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	seconds, err := strconv.Atoi(values[0])
	return seconds, err == nil && seconds >= 1 && seconds <= maxTTL
}

// A token is the time at which it ends, in milliseconds, and a code over that and
// the instance: the server keeps none, and one instance's is nothing to another.
const endSize = 8

func (s *Server) token(instance string, ttl time.Duration) string {
	end := binary.BigEndian.AppendUint64(nil, uint64(s.now().Add(ttl).UnixMilli()))
	return base64.URLEncoding.EncodeToString(append(end, s.code(end, instance)...))
}

func (s *Server) code(end []byte, instance string) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write(end) // of one size, so that nothing is taken for the other
	h.Write([]byte(instance))
	return h.Sum(nil)
}

// good says whether the token was given to the instance and has not ended.
func (s *Server) good(token, instance string) bool {
	encoding := base64.URLEncoding.Strict() // but for ends of lines, which it passes over
	if len(token) != encoding.EncodedLen(endSize+sha256.Size) {
		return false
	}
	b, err := encoding.DecodeString(token)
	if err != nil || len(b) != endSize+sha256.Size || !hmac.Equal(b[endSize:], s.code(b[:endSize], instance)) {
		return false
	}
	return s.now().UnixMilli() < int64(binary.BigEndian.Uint64(b))
}
