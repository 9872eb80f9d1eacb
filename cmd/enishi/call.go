// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"enishi.dev/enishi/aws/sigv4"
	"enishi.dev/enishi/aws/wire"
	"enishi.dev/enishi/aws/wire/ec2"
)

// call asks the EC2 API for one action. A refusal is an awserr.Error.
func call[In, Out any](ctx context.Context, c client, action string, in *In) (*Out, error) {
	body := wire.EncodeForm(wire.EC2, action, ec2.Version, in).Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint+"/", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	cred := sigv4.Credentials{AccessKeyID: c.AccessKey, Secret: c.SecretKey}
	if err := sigv4.Sign(req, cred, c.Region, "ec2", []byte(body), time.Now()); err != nil {
		return nil, err
	}
	h, err := c.http()
	if err != nil {
		return nil, err
	}
	resp, err := h.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.Endpoint, unwrapURL(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, wire.DecodeError(resp.Body, resp.StatusCode)
	}
	out := new(Out)
	return out, wire.DecodeXML(resp.Body, wire.EC2, action, out)
}

// http is a client that trusts the region's CA.
func (c client) http() (*http.Client, error) {
	pem, err := os.ReadFile(c.CABundle)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", c.CABundle)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}, nil
}
