// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"sync"
	"testing"
	"time"

	"enishi.dev/enishi/hoststate"
)

// authority signs what it is asked to.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool

	mu     sync.Mutex
	life   time.Duration
	signed int64
}

func newAuthority(t testing.TB) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &authority{key: key, cert: cert, pool: pool, life: time.Hour}
}

func (a *authority) sign(request []byte) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	block, _ := pem.Decode(request)
	if block == nil {
		return nil, errors.New("no PEM")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, err
	}
	a.signed++
	template := &x509.Certificate{SerialNumber: big.NewInt(1 + a.signed), NotBefore: time.Now().Add(-time.Second), NotAfter: time.Now().Add(a.life), DNSNames: csr.DNSNames, IPAddresses: csr.IPAddresses, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, csr.PublicKey, a.key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

// fakeFeed is control's side of the feed.
type fakeFeed struct {
	mu       sync.Mutex
	deltas   []hoststate.Delta
	changed  chan struct{}
	reports  []hoststate.Report
	closed   map[string]bool
	refusals map[string]string
}

func newFakeFeed() *fakeFeed {
	return &fakeFeed{changed: make(chan struct{}), closed: map[string]bool{}, refusals: map[string]string{}}
}

func (f *fakeFeed) send(d hoststate.Delta) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	d.Position = hoststate.Position{Incarnation: "one", Revision: int64(len(f.deltas) + 1)}
	d.Full = d.Full || len(f.deltas) == 0
	f.deltas = append(f.deltas, d)
	close(f.changed)
	f.changed = make(chan struct{})
	return d.Position.Revision
}

func (f *fakeFeed) serve(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("role") != "gateway" || r.URL.Query().Get("host") != "host-1" {
		http.Error(rw, "who?", http.StatusForbidden)
		return
	}
	out := json.NewEncoder(rw)
	for sent := 0; ; {
		f.mu.Lock()
		todo, changed := f.deltas[sent:], f.changed
		f.mu.Unlock()
		for _, d := range todo {
			if out.Encode(d) != nil {
				return
			}
			sent++
		}
		http.NewResponseController(rw).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (f *fakeFeed) report(rw http.ResponseWriter, r *http.Request) {
	var rep hoststate.Report
	if err := json.NewDecoder(r.Body).Decode(&rep); err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, rep)
	for _, id := range rep.Closed {
		f.closed[id] = true
	}
	for k, v := range rep.Refused {
		f.refusals[k] = v
	}
}

func (f *fakeFeed) last() (r hoststate.Report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.reports); n > 0 {
		r = f.reports[n-1]
	}
	return r
}

func (f *fakeFeed) isClosed(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed[id]
}

// lines is a log that a test can look at.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
