// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"

	"enishi.dev/enishi/aws/client"
	"enishi.dev/enishi/aws/sigv4"
)

// connect reads client.json of a running enishi. Its client keeps one
// connection: what is measured is not its handshake.
func connect(text []byte) (*client.Client, error) {
	var c struct {
		Endpoint  string `json:"endpoint"`
		Region    string `json:"region"`
		AccessKey string `json:"accessKeyId"`
		SecretKey string `json:"secretAccessKey"`
		CABundle  string `json:"caBundle"`
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, err
	}
	h, err := client.Trusting(c.CABundle)
	if err != nil {
		return nil, err
	}
	return &client.Client{
		Endpoint: c.Endpoint, Region: c.Region, HTTP: h,
		Credentials: sigv4.Credentials{AccessKeyID: c.AccessKey, Secret: c.SecretKey},
	}, nil
}

// call asks for one action.
func call[Out, In any](ctx context.Context, w *world, action string, in *In) (*Out, error) {
	return client.EC2[Out](ctx, w.api, action, in)
}
