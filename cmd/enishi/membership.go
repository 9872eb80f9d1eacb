// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"enishi.dev/enishi/cmd/parts"
	"enishi.dev/enishi/control/order"
)

// membershipFile, in the data directory, is by what this machine is a host.
const membershipFile = "host.json"

// membership is a machine's place among the hosts.
type membership struct {
	order.Joined
	Name   string `json:"name"`
	CAHash string `json:"caSha256"`
	Key    string `json:"key"`   // PEM
	Token  string `json:"token"` // SHA-256 of the one it joined with
}

// member reads who this machine is, or joins. The same command line can be given
// again: with a token that was used here, the machine is what it became by it.
func (o joinOptions) member(ctx context.Context) (membership, error) {
	sum := sha256.Sum256([]byte(o.token))
	token, path := hex.EncodeToString(sum[:]), filepath.Join(o.dataDir, membershipFile)
	var m membership
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return m, err
	default:
		if err := json.Unmarshal(b, &m); err != nil {
			return m, fmt.Errorf("%s: %w", path, err)
		}
		_, end, err := m.holds()
		if err != nil {
			return m, fmt.Errorf("%s: %w", path, err)
		}
		if same := m.Name == o.name && m.CAHash == o.ca && (o.token == "" || m.Token == token); same && time.Now().Before(end) {
			return m, nil
		} else if same {
			return m, fmt.Errorf("by what this machine is host %s ended at %s: give another --token, from `enishi host add %s`", o.name, end.Local().Format(time.DateTime), o.name)
		}
	}
	if o.token == "" {
		return m, fmt.Errorf("%s does not say that this machine is host %s of that region: give --token, from `enishi host add %s`", path, o.name, o.name)
	}
	if m, err = o.join(ctx); err != nil {
		return m, err
	}
	m.Token = token
	return m, writeMembership(o.dataDir, m)
}

// writeMembership puts the file in place at once and whole, for root alone.
func writeMembership(dir string, m membership) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp := filepath.Join(dir, membershipFile+".new")
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, membershipFile))
}

// join has a new key signed. The token is sent to nobody but the region's control.
func (o joinOptions) join(ctx context.Context) (membership, error) {
	m := membership{Name: o.name, CAHash: o.ca}
	var csr string
	var err error
	if m.Key, csr, err = newHostKey(); err != nil {
		return m, err
	}
	d := tls.Dialer{Config: pinned(o.ca)}
	err = askControl(ctx, func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", o.control) },
		"/v1/join", order.Join{Name: o.name, Token: o.token, CSR: csr}, &m.Joined)
	if err != nil {
		return m, fmt.Errorf("control at %s: %w", o.control, err)
	}
	return m, nil
}

// pinned trusts the control whose region's CA has the fingerprint.
func pinned(ca string) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection does it, by the fingerprint
		VerifyConnection: func(c tls.ConnectionState) error {
			for _, cert := range c.PeerCertificates[1:] {
				if sum := sha256.Sum256(cert.Raw); hex.EncodeToString(sum[:]) == ca {
					roots := x509.NewCertPool()
					roots.AddCert(cert)
					_, err := c.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: order.ServerName})
					return err
				}
			}
			return errors.New("it is not of the region whose CA has the fingerprint --ca-sha256")
		},
	}
}

// relay is how this machine's processes reach control.
func (m membership) relay() (*relay, error) {
	as, err := m.configs()
	return &relay{as: as}, err
}

// configs are by what agent and gateway speak, by their users.
func (m membership) configs() (map[int]*tls.Config, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(m.CA)) {
		return nil, errors.New("the region's CA certificate is damaged")
	}
	as := map[int]*tls.Config{}
	for uid, cert := range map[int]string{0: m.Agent, parts.GatewayUID: m.Gateway} {
		c, err := tls.X509KeyPair([]byte(cert), []byte(m.Key))
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		as[uid] = &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: order.ServerName, Certificates: []tls.Certificate{c}}
	}
	return as, nil
}

// holds is from when to when its certificates do.
func (m membership) holds() (from, to time.Time, err error) {
	block, _ := pem.Decode([]byte(m.Agent))
	if block == nil {
		return from, to, errors.New("it holds no certificate")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return from, to, err
	}
	return c.NotBefore, c.NotAfter, nil
}
