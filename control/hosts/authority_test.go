// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
)

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// request is a CSR for names; those that are addresses go where addresses belong.
func request(t testing.TB, key *ecdsa.PrivateKey, names ...string) string {
	t.Helper()
	r := &x509.CertificateRequest{URIs: []*url.URL{{Scheme: "spiffe", Host: "x"}}, EmailAddresses: []string{"a@b"}}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			r.IPAddresses = append(r.IPAddresses, ip)
		} else {
			r.DNSNames = append(r.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, r, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pemBlock("CERTIFICATE REQUEST", der))
}

func TestCertificates(t *testing.T) {
	w := newWorld(t)
	w.launch(1, "local")
	w.connect("abcd")
	defer w.leave("local", w.join("local", hoststate.RoleGateway, hoststate.Position{}))
	c, key := w.serve(), newKey(t)
	const regional, zonal, private = "vpce-1-abcd.ec2.ap-northeast-1.vpce.amazonaws.com", "vpce-1-abcd-ap-northeast-1a.ec2.ap-northeast-1.vpce.amazonaws.com", "ec2.ap-northeast-1.amazonaws.com"
	signed := request(t, key, regional)
	for name, s := range map[string]struct {
		endpoint, csr string
		code          int
		text          string
	}{
		"every name of an endpoint":       {"vpce-1", request(t, key, regional, zonal, private), 200, ""},
		"one of them":                     {"vpce-1", signed, 200, ""},
		"the public entry":                {"", request(t, key, "localhost", "127.0.0.1", "::1"), 200, ""},
		"another endpoint's name":         {"vpce-1", request(t, key, regional, "vpce-2-abcd.ec2.ap-northeast-1.vpce.amazonaws.com"), 403, "is no name of it"},
		"another service's name":          {"vpce-1", request(t, key, "sts.ap-northeast-1.amazonaws.com"), 403, "is no name of it"},
		"a wider name":                    {"vpce-1", request(t, key, "*.ap-northeast-1.amazonaws.com"), 403, "is no name of it"},
		"the public entry's name":         {"vpce-1", request(t, key, "localhost"), 403, "is no name of it"},
		"an endpoint's, at the entry":     {"", request(t, key, regional), 403, "is no name of it"},
		"an address":                      {"vpce-1", request(t, key, regional, "10.0.1.99"), 403, "is no address of it"},
		"another address, at the entry":   {"", request(t, key, "localhost", "127.0.0.2"), 403, "is no address of it"},
		"no name at all":                  {"vpce-1", request(t, key), 403, "it has no name"},
		"an address without a name":       {"", request(t, key, "127.0.0.1"), 403, "it has no name"},
		"an endpoint that is not there":   {"vpce-2", signed, 404, "no endpoint vpce-2 on this host"},
		"no PEM":                          {"vpce-1", "hello", 403, "no PEM block"},
		"PEM of something else":           {"vpce-1", w.Authority.PEM(), 403, "csr:"},
		"a signature by another key":      {"vpce-1", forged(t, signed), 403, "csr:"},
		"more than a request needs to be": {"vpce-1", strings.Repeat("x", 64<<10), 400, "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			code, text := ask(t, c, http.MethodPost, "/v1/certificate", asJSON(t, map[string]string{"endpoint": s.endpoint, "csr": s.csr}))
			if code != s.code || !strings.Contains(text, s.text) {
				t.Fatalf("%d: %s", code, text)
			}
			if code == http.StatusOK {
				checkCertificate(t, w.Authority, text, s.csr, key)
			}
		})
	}
}

// forged is the request with a broken signature.
func forged(t *testing.T, csr string) string {
	t.Helper()
	b, _ := pem.Decode([]byte(csr))
	b.Bytes[len(b.Bytes)-1] ^= 1
	return string(pem.EncodeToMemory(b))
}

// checkCertificate says whether clients that trust the authority take the answer
// for what the request names, and for nothing else.
func checkCertificate(t *testing.T, a *Authority, text, csr string, key *ecdsa.PrivateKey) {
	t.Helper()
	var out struct{ Certificate string }
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode([]byte(out.Certificate))
	if block == nil || len(rest) > 0 {
		t.Fatalf("not one block: %s", out.Certificate)
	}
	got, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(a.PEM()))
	asked, _ := pem.Decode([]byte(csr))
	r, err := x509.ParseCertificateRequest(asked.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	names := r.DNSNames
	for _, ip := range r.IPAddresses {
		names = append(names, ip.String())
	}
	for _, n := range names {
		if _, err := got.Verify(x509.VerifyOptions{Roots: roots, DNSName: n}); err != nil {
			t.Errorf("%s: %v", n, err)
		}
	}
	if len(got.DNSNames)+len(got.IPAddresses) != len(names) || len(got.URIs)+len(got.EmailAddresses) > 0 || got.IsCA || !key.PublicKey.Equal(got.PublicKey) {
		t.Errorf("it is for %v %v %v %v, CA %v, key %T", got.DNSNames, got.IPAddresses, got.URIs, got.EmailAddresses, got.IsCA, got.PublicKey)
	}
}

func TestTheAuthorityIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	ensure := func() string {
		s, stop := openStore(t, dir)
		defer stop()
		var a *Authority
		if err := s.Decide(t.Context(), func(tx *store.Tx) (err error) { a, err = EnsureAuthority(tx, time.Now); return err }); err != nil {
			t.Fatal(err)
		}
		key, err := x509.MarshalPKCS8PrivateKey(a.key)
		if err != nil {
			t.Fatal(err)
		}
		return a.PEM() + string(key)
	}
	if first, second := ensure(), ensure(); first != second {
		t.Error("after a restart it is another one")
	}
}

func TestAnAuthorityThatIsDamagedIsAnError(t *testing.T) {
	a := newAuthority(t)
	cert := []byte(a.PEM())
	for name, s := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":    {nil, "the authority's secret holds no certificate and key"},
		"no key":     {cert, "the authority's secret holds no certificate and key"},
		"a bad key":  {bytes.Join([][]byte{cert, pemBlock("PRIVATE KEY", []byte("x"))}, nil), "authority: "},
		"a bad cert": {append(pemBlock("CERTIFICATE", []byte("x")), pemBlock("PRIVATE KEY", []byte("x"))...), "authority: "},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseAuthority(s.data, time.Now); err == nil || !strings.HasPrefix(err.Error(), s.want) {
				t.Errorf("want %q, got %v", s.want, err)
			}
		})
	}
}

func newAuthority(t testing.TB) *Authority {
	t.Helper()
	s, stop := openStore(t, t.TempDir())
	defer stop()
	var a *Authority
	if err := s.Decide(t.Context(), func(tx *store.Tx) (err error) { a, err = EnsureAuthority(tx, time.Now); return err }); err != nil {
		t.Fatal(err)
	}
	return a
}

func FuzzSign(f *testing.F) {
	key := newKey(f)
	for _, names := range [][]string{{"localhost"}, {"localhost", "127.0.0.1"}, {"other"}, nil} {
		block, _ := pem.Decode([]byte(request(f, key, names...)))
		f.Add(block.Bytes)
	}
	f.Add([]byte{})
	a := newAuthority(f)
	f.Fuzz(func(t *testing.T, der []byte) {
		text, err := a.sign(string(pemBlock("CERTIFICATE REQUEST", der)), publicNames, publicAddresses)
		_, _ = a.sign(string(der), publicNames, publicAddresses)
		if err != nil {
			return
		}
		block, _ := pem.Decode([]byte(text))
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range c.DNSNames {
			if n != "localhost" {
				t.Errorf("it names %q", n)
			}
		}
		if c.IsCA || len(c.URIs)+len(c.EmailAddresses) > 0 {
			t.Errorf("it is more than a server's: CA %v, %v %v", c.IsCA, c.URIs, c.EmailAddresses)
		}
	})
}
