// SPDX-License-Identifier: Apache-2.0

package main

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
	"os"
	"path/filepath"
	"time"
)

// nginx serves in the instance's network, with the machine's files.
func (b *bench) nginx(program, instance string) (stop func(), err error) {
	if err := b.certificate("nginx.bench"); err != nil {
		return nil, err
	}
	conf := filepath.Join(b.dir, "nginx.conf")
	err = os.WriteFile(conf, fmt.Appendf(nil, `daemon off; user root; worker_processes auto; pid %[1]s/nginx.pid; error_log %[1]s/nginx.log;
events { worker_connections 4096; }
http {
  access_log %[1]s/nginx-access.log; client_body_temp_path %[1]s/n1; proxy_temp_path %[1]s/n2; fastcgi_temp_path %[1]s/n3; uwsgi_temp_path %[1]s/n4; scgi_temp_path %[1]s/n5;
  upstream services { server unix:%[2]s/services.sock; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 443 ssl reuseport; ssl_certificate %[1]s/nginx.pem; ssl_certificate_key %[1]s/nginx.key; ssl_protocols TLSv1.3; keepalive_requests 1000000;
    location / { proxy_pass http://services; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }
  }
}
`, b.dir, b.run), 0o644)
	if err != nil {
		return nil, err
	}
	return b.startIn(instance, func() error {
		_, err := os.Stat(filepath.Join(b.dir, "nginx.pid"))
		return err
	}, program, "-c", conf)
}

// certificate writes a key and a certificate for name that vouches for itself, of
// the kind that endpoints have.
func (b *bench) certificate(name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(b.dir, "nginx.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
		os.WriteFile(filepath.Join(b.dir, "nginx.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600),
	)
}
