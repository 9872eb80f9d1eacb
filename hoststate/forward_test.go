// SPDX-License-Identifier: Apache-2.0

package hoststate_test

import (
	"bytes"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"enishi.dev/enishi/hoststate"
)

// sameAddr compares addresses, which cmp cannot look into.
var sameAddr = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestARequestIsForwardedAsItIs(t *testing.T) {
	for name, f := range map[string]hoststate.Forwarded{
		"bare": {Method: "GET", URI: "/", Host: "x"},
		"full": {
			Method: "PUT", URI: "/a//b/../%2f?x=%20&y", Host: "ec2.ap-northeast-1.amazonaws.com:443",
			Header: http.Header{
				"Authorization": {"AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;x, Signature=c"},
				"Connection":    {"close, authorization"}, "X-Twice": {"one: 1", "two"}, "X-Empty": {""}, "lower": {" spaces "}, "X-Text": {"縁"},
			},
			Facts: hoststate.Facts{RequestID: "r-1", Network: "vpc-1", Endpoint: "vpce-1", Source: netip.MustParseAddr("10.0.0.1"), TLS: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := []byte("a\nb\r\n\r\n\x00{}\n")
			message, err := f.Append([]byte{})
			if err != nil {
				t.Fatal(err)
			}
			got, body, err := hoststate.ReadForwarded(append(message, want...))
			if d := cmp.Diff(f, got, cmpopts.EquateEmpty(), sameAddr); d != "" || err != nil || !bytes.Equal(body, want) {
				t.Errorf("%s %q %v", d, body, err)
			}
		})
	}
}

func TestWhatWouldBeReadOtherwiseIsNotForwarded(t *testing.T) {
	for name, f := range map[string]hoststate.Forwarded{
		"a method of two words":         {Method: "GET /", URI: "/", Host: "x"},
		"a target with a space":         {Method: "GET", URI: "/ HTTP/1.1", Host: "x"},
		"a host of two lines":           {Method: "GET", URI: "/", Host: "x\r\nA: b"},
		"a header's name with a colon":  {Method: "GET", URI: "/", Host: "x", Header: http.Header{"A: b": {"c"}}},
		"a header's value of two lines": {Method: "GET", URI: "/", Host: "x", Header: http.Header{"A": {"b\r\nC: d"}}},
	} {
		if b, err := f.Append(nil); err == nil {
			t.Errorf("%s: %q", name, b)
		}
	}
}

func TestBrokenForwardedRequests(t *testing.T) {
	long := strings.Repeat(" ", 256<<10)
	const facts = "Source: 10.0.0.1\r\nTLS: true\r\n\r\n"
	for name, s := range map[string]struct{ message, want string }{
		"nothing":                     {"", "the facts have no end"},
		"no end of the facts":         {"TLS: true\r\n", "the facts have no end"},
		"facts that are too long":     {"A: " + long + facts + "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "or are too long"},
		"facts of something else":     {"POST / HTTP/1.1\r\n\r\n\r\n\r\n", `facts: the header "POST / HTTP/1.1"`},
		"a source that is no address": {"Source: here\r\nTLS: true\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "ParseAddr"},
		"neither yes nor no":          {"TLS: perhaps\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "ParseBool"},
		"no head":                     {facts, "the head has no end"},
		"a head that is too long":     {facts + "GET / HTTP/1.1\r\nHost: x\r\nA: " + long + "\r\n\r\n", "or is too long"},
		"another version":             {facts + "GET / HTTP/1.0\r\nHost: x\r\n\r\n", "the request line is"},
		"no target":                   {facts + "GET HTTP/1.1\r\nHost: x\r\n\r\n", "the request line is"},
		"no host":                     {facts + "GET / HTTP/1.1\r\nA: b\r\n\r\n", "the host is missing"},
		"a header without a value":    {facts + "GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n", `the header "A"`},
	} {
		if _, _, err := hoststate.ReadForwarded([]byte(s.message)); err == nil || !strings.Contains(err.Error(), s.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadForwarded(f *testing.F) {
	for _, s := range []string{
		"", "\r\n\r\n", "TLS: false\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "TLS: 1\r\nMore: x\r\n\r\nGET / HTTP/1.1\r\nHost: \r\n\r\nx",
		"Request: r-1\r\nNetwork: vpc-1\r\nEndpoint: vpce-1\r\nSource: 10.0.0.1\r\nTLS: true\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\nA: b\r\nA: c\r\nB: \r\n\r\na=b",
		"Source: fe80::1%eth0\r\nTLS: true\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		head, body, err := hoststate.ReadForwarded(b)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(b, body) {
			t.Errorf("the body is %q", body)
		}
		message, err := head.Append(nil)
		if err != nil {
			return // a line feed alone, which no gateway sends
		}
		again, rest, err := hoststate.ReadForwarded(message)
		if d := cmp.Diff(head, again, cmpopts.EquateEmpty(), sameAddr); d != "" || err != nil || len(rest) > 0 {
			t.Errorf("comes again as %s %q: %v", d, rest, err)
		}
	})
}
