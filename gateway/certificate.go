// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// certificate is what an endpoint shows its callers: one certificate for all its
// names, whichever of them a caller asks for.
type certificate struct {
	endpoint string   // "" is the public entry
	ips      []net.IP // besides names

	kept bool // somebody keeps it current; looked at by [keeper.want] alone

	mu    sync.Mutex
	names []string

	changed chan struct{} // the names are others
	gone    chan struct{} // nobody needs it any more
	ready   chan struct{} // the first one is there
	current atomic.Pointer[tls.Certificate]
}

func newCertificate(endpoint string, names []string, ips []net.IP) *certificate {
	return &certificate{
		endpoint: endpoint, ips: ips, names: names,
		changed: make(chan struct{}, 1), gone: make(chan struct{}), ready: make(chan struct{}),
	}
}

// stop says that nobody needs the certificate any more. It is called once.
func (c *certificate) stop() { close(c.gone) }

// rename makes names those of the next certificate. The one before serves until
// it is there.
func (c *certificate) rename(names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Equal(c.names, names) {
		return
	}
	c.names = names
	select {
	case c.changed <- struct{}{}:
	default: // the keeper will see these names with those before
	}
}

func (c *certificate) wanted() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.names
}

func (c *certificate) set(new *tls.Certificate) {
	if c.current.Swap(new) == nil {
		close(c.ready)
	}
}

// firstWait is how long a handshake waits for an endpoint's first certificate,
// which is on its way since the endpoint is there.
const firstWait = 5 * time.Second

func (c *certificate) get(ctx context.Context) (*tls.Certificate, error) {
	if now := c.current.Load(); now != nil {
		return now, nil
	}
	ctx, cancel := context.WithTimeout(ctx, firstWait)
	defer cancel()
	select {
	case <-c.ready:
		return c.current.Load(), nil
	case <-c.gone:
		return nil, errors.New("endpoint is gone")
	case <-ctx.Done():
		return nil, errors.New("no certificate yet")
	}
}

// serverConfig is how an endpoint speaks TLS. Each has its own, so that a session
// is resumed only where it began.
func serverConfig(c *certificate) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			return nil, hello.Conn.(*conn).begin(hello.Context())
		},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.get(hello.Context())
		},
	}
}
