// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"slices"
	"time"

	"enishi.dev/enishi/control/body"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
)

// Authority signs the certificates by which endpoints prove their names.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	now  func() time.Time
}

const (
	authoritySecret = "authority"
	authorityLife   = 10 * 365 * 24 * time.Hour
	certificateLife = 90 * 24 * time.Hour
	clockSkew       = time.Hour // hosts' clocks may be behind
)

// EnsureAuthority returns the authority in the store, made now if there is none.
func EnsureAuthority(tx *store.Tx, now func() time.Time) (*Authority, error) {
	if s, ok := tx.Secrets.Get(authoritySecret); ok {
		return parseAuthority(s.Data, now)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Enishi region CA", Organization: []string{"Enishi"}},
		NotBefore: now().Add(-clockSkew), NotAfter: now().Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	data := append(pemBlock("CERTIFICATE", der), pemBlock("PRIVATE KEY", keyDER)...)
	tx.Secrets.Put(store.Secret{Name: authoritySecret, Data: data})
	return parseAuthority(data, now)
}

func parseAuthority(data []byte, now func() time.Time) (*Authority, error) {
	cert, rest := pem.Decode(data)
	key, _ := pem.Decode(rest)
	if cert == nil || key == nil {
		return nil, errors.New("the authority's secret holds no certificate and key")
	}
	c, err := x509.ParseCertificate(cert.Bytes)
	if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	k, err := x509.ParsePKCS8PrivateKey(key.Bytes)
	if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	ec, ok := k.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("authority: key of type %T", k)
	}
	return &Authority{c, ec, now}, nil
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func serial() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return new(big.Int).SetBytes(b[:])
}

// PEM is the authority's certificate: what clients trust.
func (a *Authority) PEM() string { return string(pemBlock("CERTIFICATE", a.cert.Raw)) }

// parseRequest reads a CSR, whose sender has the key.
func parseRequest(csrPEM string) (*x509.CertificateRequest, error) {
	block, _ := pem.Decode([]byte(csrPEM))
	if block == nil {
		return nil, errors.New("csr: no PEM block")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("csr: %w", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("csr: %w", err)
	}
	return csr, nil
}

// issue signs the template for the key, from now to the template's end.
func (a *Authority) issue(t *x509.Certificate, key any) ([]byte, error) {
	t.SerialNumber, t.NotBefore = serial(), a.now().Add(-clockSkew)
	t.KeyUsage, t.BasicConstraintsValid = x509.KeyUsageDigitalSignature, true
	return x509.CreateCertificate(rand.Reader, t, a.cert, key, a.key)
}

// sign returns a certificate for the request's key and names, all of which may
// must contain.
func (a *Authority) sign(csrPEM string, names []string, addresses []net.IP) (string, error) {
	csr, err := parseRequest(csrPEM)
	if err != nil {
		return "", err
	}
	for _, n := range csr.DNSNames {
		if !slices.Contains(names, n) {
			return "", fmt.Errorf("csr: %s is no name of it", n)
		}
	}
	for _, ip := range csr.IPAddresses {
		if !slices.ContainsFunc(addresses, ip.Equal) {
			return "", fmt.Errorf("csr: %s is no address of it", ip)
		}
	}
	if len(csr.DNSNames) == 0 {
		return "", errors.New("csr: it has no name")
	}
	der, err := a.issue(&x509.Certificate{
		DNSNames: csr.DNSNames, IPAddresses: csr.IPAddresses, NotAfter: a.now().Add(certificateLife),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, csr.PublicKey)
	if err != nil {
		return "", err
	}
	return string(pemBlock("CERTIFICATE", der)), nil
}

// The public entry's own names.
var (
	publicNames     = []string{"localhost"}
	publicAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
)

// certificate signs what a gateway asks for, if it is for names of an endpoint
// that its host holds, or for the public entry.
func (s *Server) certificate(w http.ResponseWriter, r *http.Request) {
	var in struct{ Endpoint, CSR string }
	if !body.Read(w, r, 64<<10, &in) {
		return
	}
	names, addresses := publicNames, publicAddresses
	if host := from(r); in.Endpoint != "" || host != s.LocalHost { // others have no public entry
		addresses = nil
		if names = s.namesOf(host, in.Endpoint); names == nil {
			http.Error(w, "no endpoint "+in.Endpoint+" on this host", http.StatusNotFound)
			return
		}
	}
	cert, err := s.Authority.sign(in.CSR, names, addresses)
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	answer(w, map[string]string{"certificate": cert})
}

// namesOf are the names of an endpoint that the host holds, nil for another.
func (s *Server) namesOf(host, endpoint string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.hosts[host]; h != nil {
		if e, ok := h.compiler.Units()[hoststate.Key{Kind: hoststate.KindEndpoint, ID: endpoint}].(*hoststate.Endpoint); ok {
			return e.Names
		}
	}
	return nil
}
