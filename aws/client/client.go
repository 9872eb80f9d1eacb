// SPDX-License-Identifier: Apache-2.0

// Package client asks the EC2 API, as an SDK does: it signs, sends and reads
// answers and refusals. It knows no action.
package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"enishi.dev/enishi/aws/sigv4"
	"enishi.dev/enishi/aws/wire"
	"enishi.dev/enishi/aws/wire/ec2"
)

// Client asks one endpoint as one principal.
type Client struct {
	Endpoint    string // https://127.0.0.1:4566
	Region      string
	Credentials sigv4.Credentials
	HTTP        *http.Client
}

// Trusting returns an HTTP client that trusts the CA certificates in the file.
func Trusting(file string) (*http.Client, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}, nil
}

// Request is what asks EC2 for one action with in, a pointer to its shape: signed, and
// good for some minutes.
func (c *Client) Request(ctx context.Context, action string, in any) (*http.Request, error) {
	body := wire.EncodeForm(wire.EC2, action, ec2.Version, in).Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint+"/", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return req, sigv4.Sign(req, c.Credentials, c.Region, "ec2", []byte(body), time.Now())
}

// EC2 asks for one action. A refusal is an awserr.Error.
func EC2[Out, In any](ctx context.Context, c *Client, action string, in *In) (*Out, error) {
	req, err := c.Request(ctx, action, in)
	if err != nil {
		return nil, err
	}
	resp, err := c.HTTP.Do(req)
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.Endpoint, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, wire.DecodeError(resp.Body, resp.StatusCode)
	}
	out := new(Out)
	return out, wire.DecodeXML(resp.Body, wire.EC2, action, out)
}
