// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// refusal is control's answer to a certificate request that it will not sign.
type refusal string

func (r refusal) Error() string { return string(r) }

// get asks control for a certificate.
func (k *keeper) get(ctx context.Context, c *certificate) (*tls.Certificate, error) {
	select {
	case k.slots <- struct{}{}:
		defer func() { <-k.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: c.wanted(), IPAddresses: c.ips}, k.key)
	if err != nil {
		return nil, fmt.Errorf("make certificate request: %w", err)
	}
	chain, err := k.ask(ctx, c.endpoint, csr)
	if err != nil {
		return nil, fmt.Errorf("get certificate: %w", err)
	}
	return k.parse(chain)
}

const maxChain = 1 << 20

func (k *keeper) ask(ctx context.Context, endpoint string, csr []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	body, err := json.Marshal(map[string]string{
		"endpoint": endpoint,
		"csr":      string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr})),
	})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control/v1/certificate", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := k.control.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxChain))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		text := fmt.Sprintf("control answers %s: %.200s", resp.Status, bytes.TrimSpace(answer))
		if resp.StatusCode/100 == 4 {
			return nil, refusal(text)
		}
		return nil, errors.New(text)
	}
	var out struct {
		Certificate string `json:"certificate"`
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return nil, err
	}
	return []byte(out.Certificate), nil
}

// parse reads a chain and checks that its first certificate is for our key.
func (k *keeper) parse(chain []byte) (*tls.Certificate, error) {
	cert := &tls.Certificate{PrivateKey: k.key}
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			cert.Certificate = append(cert.Certificate, block.Bytes)
		}
	}
	if len(cert.Certificate) == 0 {
		return nil, errors.New("read certificate: there is none")
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	if !k.key.PublicKey.Equal(leaf.PublicKey) {
		return nil, errors.New("read certificate: it is for another key")
	}
	cert.Leaf = leaf
	return cert, nil
}
