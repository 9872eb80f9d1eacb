// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"enishi.dev/enishi/control/order"
)

// renewing is a control of its own authority.
type renewing struct {
	t    *testing.T
	own  tls.Certificate
	leaf *x509.Certificate
	now  time.Time
	away bool
	// asked are the paths, each with the key by which it was asked.
	asked []string
}

// sign returns certificates for the request, which hold 90 days.
func (c *renewing) sign(csrPEM string) order.Joined {
	block, _ := pem.Decode([]byte(csrPEM))
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		c.t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: c.now, NotAfter: c.now.Add(90 * 24 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(nil, cert, c.leaf, csr.PublicKey, c.own.PrivateKey)
	if err != nil {
		c.t.Fatal(err)
	}
	chain := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return order.Joined{Agent: chain, Gateway: chain, CA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.leaf.Raw}))}
}

func (c *renewing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.away {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	c.asked = append(c.asked, r.URL.Path+" by "+keyOf(r.TLS.PeerCertificates[0]))
	var o order.Renew
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		c.t.Error(err)
	}
	if o.CSR != "" {
		_ = json.NewEncoder(w).Encode(c.sign(o.CSR))
	}
}

func keyOf(c *x509.Certificate) string { return string(c.RawSubjectPublicKeyInfo) }

// key is the one by which the relay speaks.
func (r *renewer) key(t *testing.T) string {
	c, err := x509.ParseCertificate(r.relay.config(0).Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return keyOf(c)
}

func TestAHostsCertificatesAreRenewedAtHalfTheirLife(t *testing.T) {
	raiseLoopback(t)
	c := &renewing{t: t, own: selfSigned(t, order.ServerName), now: time.Now()}
	var err error
	if c.leaf, err = x509.ParseCertificate(c.own.Certificate[0]); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(c)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{c.own}, ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	defer s.Close()
	key, csr, err := newHostKey()
	if err != nil {
		t.Fatal(err)
	}
	m := membership{Name: "b", Key: key, Joined: c.sign(csr)}
	relay, err := m.relay()
	if err != nil {
		t.Fatal(err)
	}
	relay.control = s.Listener.Addr().String()
	r := &renewer{m: m, dir: t.TempDir(), relay: relay, now: func() time.Time { return c.now }, log: slog.New(slog.DiscardHandler)}
	file := filepath.Join(r.dir, membershipFile)
	begun, first := c.now, r.key(t)
	step := func(after time.Duration, want ...string) {
		t.Helper()
		c.now, c.asked = begun.Add(after), nil
		if err := r.step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(c.asked) != len(want) {
			t.Fatalf("after %s it asked %q", after, c.asked)
		}
		for i := range want {
			if c.asked[i] != want[i] {
				t.Errorf("after %s it asked %q, not %q", after, c.asked[i], want[i])
			}
		}
	}
	const day = 24 * time.Hour
	step(44 * day)
	c.away, c.now = true, begun.Add(46*day)
	if err := r.step(t.Context()); err == nil || err.Error() != "not now" {
		t.Errorf("a control that is away: %v", err)
	}
	if _, err := os.Stat(file); err == nil || r.key(t) != first {
		t.Error("it left a key that is good")
	}
	c.away = false
	step(46*day, "/v1/renew by "+first)
	second := r.key(t)
	if second == first {
		t.Error("the key is the same")
	}
	var kept membership
	if b, err := os.ReadFile(file); err != nil || json.Unmarshal(b, &kept) != nil || kept != r.m || kept.Key == m.Key {
		t.Errorf("kept %+v, %v", kept, err)
	}
	step(46*day + time.Minute) // connections by the first key make way
	step(46*day+moveLimit, "/v1/renewed by "+second)
	step(90 * day)
	step(92*day, "/v1/renew by "+second)
}
