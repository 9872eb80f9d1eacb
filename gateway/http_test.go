// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"enishi.dev/enishi/hoststate"
)

func TestSizes(t *testing.T) {
	w, _ := withEndpoint(t)
	c := w.client("127.0.0.10", w.at("127.0.1.50"))
	for _, tt := range []struct {
		name   string
		size   int
		status int
	}{
		{"a body within the limit", maxBody, 200},
		{"one byte more", maxBody + 1, 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, _, body, err := post(w, c, "https://"+ec2Name+"/", "ec2", strings.Repeat("x", tt.size))
			if err != nil {
				t.Fatal(err)
			}
			if status != tt.status {
				t.Errorf("status %d, want %d: %.200s", status, tt.status, body)
			}
			if status == 200 && len(body) != tt.size+len("<answer></answer>") {
				t.Errorf("answer of %d bytes", len(body))
			}
		})
	}
	t.Run("a head that is too long", func(t *testing.T) {
		got := exchangeRaw(w, "GET / HTTP/1.1\nHost: x\nX: "+strings.Repeat("x", 2*maxHead)+"\n\n")
		if !strings.HasPrefix(got, "HTTP/1.1 431 ") {
			t.Errorf("answer %.100s", got)
		}
	})
}

func TestSmuggling(t *testing.T) {
	w, _ := withEndpoint(t)
	const hidden = "GET /hidden HTTP/1.1\nHost: x\n\n"
	for _, tt := range []struct {
		name, request string
		status        string
		requests      int // that control sees
	}{
		{"both lengths, chunked ends first: what follows is not read", "POST / HTTP/1.1\nHost: x\nContent-Length: 40\nTransfer-Encoding: chunked\n\n0\n\n" + hidden, "200", 1},
		{"both lengths, the other way round", "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\nContent-Length: 0\n\n3\nabc\n0\n\n" + hidden, "200", 1},
		{"two lengths that differ", "POST / HTTP/1.1\nHost: x\nContent-Length: 0\nContent-Length: 31\n\n" + hidden, "400", 0},
		{"a length with a sign", "POST / HTTP/1.1\nHost: x\nContent-Length: +3\n\nabc" + hidden, "400", 0},
		{"an encoding that is not chunked", "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: gzip, chunked\n\n0\n\n" + hidden, "501", 0},
		{"chunked written oddly", "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: xchunked\n\n0\n\n" + hidden, "501", 0},
		{"a header name with a space", "POST / HTTP/1.1\nHost: x\nContent-Length : 3\n\nabc" + hidden, "400", 0},
		{"a folded header", "POST / HTTP/1.1\nHost: x\nX: a\n Content-Length: 3\nConnection: close\n\n", "200", 1},
		{"two hosts", "GET / HTTP/1.1\nHost: x\nHost: y\n\n" + hidden, "400", 0},
		{"no host", "GET / HTTP/1.1\n\n" + hidden, "400", 0},
		{"a target with a scheme", "GET http://elsewhere/ HTTP/1.1\nHost: x\nConnection: close\n\n", "400", 0},
		{"CONNECT", "CONNECT elsewhere:443 HTTP/1.1\nHost: x\nConnection: close\n\n", "400", 0},
		{"the asterisk", "OPTIONS * HTTP/1.1\nHost: x\nConnection: close\n\n", "400", 0},
		{"a fragment", "GET /a#b HTTP/1.1\nHost: x\nConnection: close\n\n", "400", 0},
		{"a version that is none", "GET / HTTP/9.9\nHost: x\n\n", "505", 0},
		{"HTTP/2 spoken blindly", "PRI * HTTP/2.0\n\nSM\n\n", "505", 0},
		{"no HTTP at all", "\x00\x01\x02\n\n", "400", 0},
		{"a header that is no UTF-8", "GET / HTTP/1.1\nHost: x\nX: \xff\nConnection: close\n\n", "400", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.set(func() { w.forwarded = nil })
			got := exchangeRaw(w, tt.request)
			if !strings.HasPrefix(got, "HTTP/1.1 "+tt.status+" ") || strings.Count(got, "HTTP/1.1 ") != 1 {
				t.Errorf("want one answer %s, got\n%s", tt.status, got)
			}
			if w.count() != tt.requests {
				t.Errorf("control saw %d requests, want %d", w.count(), tt.requests)
			}
		})
	}
}

func TestWhoeverIsSlowIsNotWaitedFor(t *testing.T) {
	// What comes before a body, the handshake too, must be in time on a busy machine.
	w := newWorldWith(t, patience{head: time.Second, idle: time.Second, body: 50 * time.Millisecond})
	w.port = w.network("vpc-a")
	w.apply(&hoststate.Network{ID: "vpc-a", VNI: 7}, w.endpoint("vpce-1", "ec2", "127.0.1.50", ec2Name), w.endpoint("vpce-2", "kms", "127.0.1.51", ec2Name))
	for _, tt := range []struct{ name, addr, send, want string }{
		{"between requests", "127.0.1.50", "", ""},
		{"with a request's head", "127.0.1.50", "GET / HTTP/1.1\r\nHost: x\r\nX: ", ""},
		{"with a form", "127.0.1.50", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", "HTTP/1.1 408 "},
		{"with a chunk", "127.0.1.50", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "HTTP/1.1 408 "},
		{"with a body for the box", "127.0.1.51", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", "HTTP/1.1 408 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := w.raw(tt.addr)
			if _, err := io.WriteString(c, tt.send); err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(c)
			if errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(string(b), tt.want) || tt.want == "" && len(b) > 0 {
				t.Errorf("answer %q, %v", b, err)
			}
		})
	}
	t.Run("with a TLS handshake", func(t *testing.T) {
		if got := call(w, w.at("127.0.1.50")); got != "closed" {
			t.Errorf("the connection is %s", got)
		}
	})
	t.Run("those that asked nothing are counted", func(t *testing.T) {
		w.eventually("count", func() error {
			if n := w.gatewayStatus().Connections["without a request"]; n != 3 { // the first two, and the handshake
				return fmt.Errorf("%d connections without a request, want 3", n)
			}
			return nil
		})
	})
	t.Run("with the first byte at the public entry", func(t *testing.T) {
		if got := call(w, w.Public); got != "closed" {
			t.Errorf("the connection is %s", got)
		}
	})
}

func FuzzHead(f *testing.F) {
	f.Add([]byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"))
	f.Add([]byte("GET /?Action=X HTTP/1.1\r\nHost: x\r\nAuthorization: " + scope("ec2") + "\r\n\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
	f.Add([]byte("\x16\x03\x01"))
	w, _ := withEndpoint(f)
	f.Fuzz(func(t *testing.T, request []byte) {
		c, err := tls.Dial("tcp", w.at("127.0.1.50"), &tls.Config{RootCAs: w.ca.pool, ServerName: ec2Name})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(2 * usualPatience().head))
		if _, err := c.Write(request); err != nil {
			return
		}
		c.CloseWrite()
		b, err := io.ReadAll(c)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("no end after %q: %q", request, b)
		}
		if len(b) > 0 && !bytes.HasPrefix(b, []byte("HTTP/1.")) {
			t.Errorf("answer %q", b)
		}
	})
}
