// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"enishi.dev/enishi/hoststate"
)

func TestEntry(t *testing.T) {
	w := newWorld(t)
	w.apply()
	_, port, err := net.SplitHostPort(w.Public)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, url string
		header    map[string]string
		status    int
		want      string
	}{
		{"plain HTTP", "http://127.0.0.1:" + port, nil, 200, "<answer>"},
		{"TLS on the same port", "https://127.0.0.1:" + port, nil, 200, "<answer>"},
		{"by the name localhost", "https://localhost:" + port, nil, 200, "<answer>"},
		{"by the IPv6 address", "https://[::1]:" + port, nil, 200, "<answer>"},
		{"without a port in the host", "http://LOCALHOST", nil, 200, "<answer>"},
		{"another name, as after DNS rebinding", "http://rebound.example.com:" + port, nil, 403, "<Code>AccessDenied</Code>"},
		{"a name that only begins like one of its own", "http://localhost.example.com", nil, 403, "<Code>AccessDenied</Code>"},
		{"a web page's request", "http://127.0.0.1:" + port, map[string]string{"Origin": "http://localhost"}, 403, "<Code>AccessDenied</Code>"},
		{"a web page's request without a proper origin", "http://127.0.0.1:" + port, map[string]string{"Origin": "null"}, 403, "<Code>AccessDenied</Code>"},
		{"a service of the box", "http://127.0.0.1:" + port, map[string]string{"Authorization": scope("s3")}, 501, "<Error><Code>NotImplemented</Code>"},
		{"a request for nobody", "http://127.0.0.1:" + port, map[string]string{"Authorization": ""}, 403, "MissingAuthenticationToken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodPost, tt.url+"/", strings.NewReader(describe))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Authorization", scope("ec2"))
			for k, v := range tt.header {
				req.Header.Set(k, v)
			}
			resp, err := w.client("127.0.0.10", w.Public).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || !strings.Contains(string(b), tt.want) {
				t.Errorf("status %d, want %d; body %s", resp.StatusCode, tt.status, b)
			}
			if tt.status == 200 {
				f := w.last().Facts
				got := fmt.Sprint(f.Network, f.Endpoint, f.Source, f.TLS)
				if want := fmt.Sprint("", "", netip.MustParseAddr("127.0.0.10"), strings.HasPrefix(tt.url, "https")); got != want {
					t.Errorf("facts %s, want %s", got, want)
				}
			}
		})
	}
}

func TestEntryAndGarbage(t *testing.T) {
	w := newWorld(t)
	w.apply()
	for _, tt := range []struct{ name, send, want string }{
		{"a byte that begins TLS, and no more", "\x16", ""},
		{"TLS of nonsense", "\x16\x03\x01\x00\x05hello", "\x15"}, // an alert
		{"an SSLv2 hello", "\x80\x2e\x01\x00\x02", "HTTP/1.1 400 "},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := net.Dial("tcp", w.Public)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, tt.send); err != nil {
				t.Fatal(err)
			}
			c.(*net.TCPConn).CloseWrite()
			b, _ := io.ReadAll(c)
			if !strings.HasPrefix(string(b), tt.want) || tt.want == "" && len(b) > 0 {
				t.Errorf("answer %q", b)
			}
		})
	}
	if status, _, _, err := post(w, w.client("127.0.0.10", w.Public), "http://localhost/", "ec2", describe); status != 200 {
		t.Errorf("afterwards: %d, %v", status, err)
	}
}

func TestEntryWithAmazonNames(t *testing.T) {
	// What an endpoint would answer is not what the public entry answers.
	w := newWorld(t)
	w.apply(&hoststate.Network{ID: "vpc-a", VNI: 7})
	c := w.client("127.0.0.10", w.Public)
	c.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	if status, _, _, err := post(w, c, "https://"+ec2Name+"/", "ec2", describe); status != 403 {
		t.Errorf("status %d, %v; want 403", status, err)
	}
}
