// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"crypto/tls"
	"io"
	"strings"
	"sync"
	"testing"

	"enishi.dev/enishi/hoststate"
)

func TestReadiness(t *testing.T) {
	h := newHost(t)
	names := []string{"ec2.ap-northeast-1.amazonaws.example", "*.vpce-50.ec2.example"}
	h.want(append(testNetwork("vpc-a", 101), testEndpoint("vpc-a", 101, 50, names, "10.0.1.50", "fd00:a::50")...))
	g := h.gateway()
	var mu sync.Mutex
	certificate := h.ca.certificate(t, names[0])
	asked := map[string]bool{}
	l := tls.NewListener(g.listener("vpc-a"), &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		mu.Lock()
		defer mu.Unlock()
		asked[hello.ServerName+" at "+plain(hello.Conn.LocalAddr()).String()] = true
		now := certificate
		return &now, nil
	}})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if c.(*tls.Conn).Handshake() == nil {
					_, _ = io.Copy(io.Discard, c)
				}
			}()
		}
	}()
	ready := func(r hoststate.Report) int64 { return r.Ready["vpce-50"] }

	t.Run("not ready while a name is not proven", func(t *testing.T) {
		eventually(t, "all have been asked for", func() bool { mu.Lock(); defer mu.Unlock(); return len(asked) == 4 })
		h.until("anything", func(r hoststate.Report) bool {
			if ready(r) != 0 {
				t.Error("ready too early")
			}
			return true
		})
	})
	t.Run("ready when every name is, at every address", func(t *testing.T) {
		mu.Lock()
		certificate = h.ca.certificate(t, names...)
		mu.Unlock()
		h.until("ready", func(r hoststate.Report) bool { return ready(r) == 1 })
		mu.Lock()
		defer mu.Unlock()
		for _, want := range []string{
			"ec2.ap-northeast-1.amazonaws.example at 10.0.1.50:443", "ec2.ap-northeast-1.amazonaws.example at [fd00:a::50]:443",
			"probe.vpce-50.ec2.example at 10.0.1.50:443", "probe.vpce-50.ec2.example at [fd00:a::50]:443",
		} {
			if !asked[want] {
				t.Errorf("%s was not asked for: %v", want, asked)
			}
		}
	})
	t.Run("a new wish is proven anew", func(t *testing.T) {
		next := testEndpoint("vpc-a", 101, 50, names, "10.0.1.50", "fd00:a::50")
		next[0].(*hoststate.Endpoint).Generation = 2
		h.want(next)
		h.until("ready", func(r hoststate.Report) bool { return ready(r) == 2 })
	})
	t.Run("a certificate of another authority proves nothing", func(t *testing.T) {
		mu.Lock()
		certificate = newAuthority(t).certificate(t, names...)
		clear(asked)
		mu.Unlock()
		h.want(testEndpoint("vpc-a", 101, 51, names, "10.0.1.51"))
		eventually(t, "it is asked twice", func() bool { mu.Lock(); defer mu.Unlock(); return len(asked) == 2 })
		h.until("anything", func(r hoststate.Report) bool {
			if r.Ready["vpce-51"] != 0 {
				t.Error("ready")
			}
			return true
		})
	})
	t.Run("a probe leaves no mark in the drops", func(t *testing.T) {
		for _, d := range h.status().Drops {
			if strings.Contains(d.Reason, "probe") && d.Packets > 0 {
				t.Errorf("%+v", d)
			}
		}
	})
}
