// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"enishi.dev/enishi/hoststate"
)

// BenchmarkRequest is a request through an endpoint, on a connection that is
// open, against the same request to control itself.
func BenchmarkRequest(b *testing.B) {
	w, _ := withEndpoint(b)
	through := w.client("127.0.0.10", w.at("127.0.1.50"))
	direct := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", w.path("control.sock"))
	}}}
	b.Cleanup(direct.CloseIdleConnections)
	for _, bb := range []struct {
		name, url, body string
		client          *http.Client
	}{
		{"through the gateway", "https://" + ec2Name + "/", describe, through},
		{"to control", "http://control/v1/forward", "TLS: true\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\n\r\n" + describe, direct},
	} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				if status, _, _, err := post(w, bb.client, bb.url, "ec2", bb.body); status != 200 {
					b.Fatal(status, err)
				}
			}
		})
	}
}

// BenchmarkConnection is a TLS handshake and its end.
func BenchmarkConnection(b *testing.B) {
	w, _ := withEndpoint(b)
	for b.Loop() {
		c, err := tls.Dial("tcp", w.at("127.0.1.50"), &tls.Config{RootCAs: w.ca.pool, ServerName: ec2Name})
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

// BenchmarkNewEndpoint is from an endpoint's unit to the end of its first handshake,
// when 200 others are there.
func BenchmarkNewEndpoint(b *testing.B) {
	w, _ := withEndpoint(b)
	var others []hoststate.Unit
	for i := range 200 {
		others = append(others, w.endpoint(fmt.Sprintf("vpce-other-%d", i), "ec2", fmt.Sprintf("127.1.0.%d", i), ec2Name))
	}
	w.apply(others...)
	for i := 0; b.Loop(); i++ {
		addr := netip.AddrFrom4([4]byte{127, 2, byte(i >> 8), byte(i)}).String()
		w.feed.send(hoststate.Delta{Set: []hoststate.Envelope{hoststate.Seal(w.endpoint(fmt.Sprintf("vpce-%d", i), "ec2", addr, ec2Name))}})
		for end := time.Now().Add(timeout); ; {
			c, err := tls.Dial("tcp", w.at(addr), &tls.Config{RootCAs: w.ca.pool, ServerName: ec2Name})
			if err == nil {
				c.Close()
				break
			}
			if time.Now().After(end) {
				b.Fatal(err)
			}
		}
	}
}
