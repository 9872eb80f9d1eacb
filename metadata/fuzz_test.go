// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func FuzzPath(f *testing.F) {
	for _, p := range []string{"/", "/latest/", "/latest//meta-data/instance-id", "/latest/../x", "latest", "/1.0/user-data", "/latest/meta-data/./x", "/\x00"} {
		f.Add(p)
	}
	m := instance("i-1")
	f.Fuzz(func(t *testing.T, p string) {
		path, ok := parsePath(p)
		if !ok {
			return
		}
		if again, ok := parsePath("/" + path); !ok || again != path {
			t.Fatalf("%q is %q, and that is %q", p, path, again)
		}
		text, ok := read(m, path)
		if ok && path != "" && !strings.Contains(path, "/") && text != top(m) {
			t.Errorf("%q lists %q", path, text)
		}
	})
}

func FuzzTTL(f *testing.F) {
	for _, s := range []string{"", "1", "21600", "21601", "-1", "+1", "0x10", "1e3", "٣", "00001"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := parseTTL([]string{s}); ok && (n < 1 || n > maxTTL || strings.Trim(s, "0123456789") != "") {
			t.Errorf("%q is %d", s, n)
		}
	})
}

func FuzzToken(f *testing.F) {
	s, _ := newServer()
	token := s.token("i-1", time.Hour)
	for _, seed := range []string{"", token, token[:55], token[:18] + "\n" + token[18:], token + "=", "====", strings.ToLower(token)} {
		f.Add(seed, "i-1")
		f.Add(seed, "i-2")
	}
	f.Fuzz(func(t *testing.T, text, id string) {
		if s.good(text, id) && (text != token || id != "i-1") {
			t.Errorf("%q is good for %q", text, id)
		}
		// Only of one that is good: another may be the neighbour of one.
		if b, err := base64.URLEncoding.DecodeString(text); err == nil && s.good(text, id) {
			b[len(b)-1] ^= 1
			if s.good(base64.URLEncoding.EncodeToString(b), id) {
				t.Errorf("%q changed is good", text)
			}
		}
	})
}
