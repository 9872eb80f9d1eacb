// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"context"
	"net"
	"net/http"
	"time"
)

// UnixClient returns a client whose every request goes to the unix socket at
// path, whatever host its URL names.
func UnixClient(path string) *http.Client {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", path)
		},
		DisableCompression:  true,
		MaxIdleConns:        16,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     30 * time.Second,
	}}
}
