// SPDX-License-Identifier: Apache-2.0

package api

import "testing"

func FuzzParseToken(f *testing.F) {
	f.Add(formatToken("vpc-0", "0123456789abcdef"), "0123456789abcdef")
	f.Add("", "")
	f.Add("%%%", "00")
	f.Fuzz(func(t *testing.T, token, digest string) {
		last, ok := parseToken(token, digest)
		if again, _ := parseToken(formatToken(last, digest), digest); ok && again != last {
			t.Errorf("%q: %q, then %q", token, last, again)
		}
	})
}
