// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	awsclient "enishi.dev/enishi/aws/client"
	"enishi.dev/enishi/aws/sigv4"
)

// call asks the API of the running enishi for one action.
func call[In, Out any](ctx context.Context, c client, action string, in *In) (*Out, error) {
	h, err := awsclient.Trusting(c.CABundle)
	if err != nil {
		return nil, err
	}
	defer h.CloseIdleConnections()
	return awsclient.EC2[Out](ctx, &awsclient.Client{
		Endpoint: c.Endpoint, Region: c.Region, HTTP: h,
		Credentials: sigv4.Credentials{AccessKeyID: c.AccessKey, Secret: c.SecretKey},
	}, action, in)
}
