// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// keeper gets certificates from control, and gets others before they end. All
// are for one key, which lives as long as the process and never leaves it.
type keeper struct {
	control *http.Client
	log     *slog.Logger
	key     *ecdsa.PrivateKey
	refused func(endpoint, reason string) // an empty reason takes it back

	fresh chan *certificate // that nobody keeps yet
	slots chan struct{}     // bounds how many are asked for at once
}

var loopback = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}

func newKeeper(control *http.Client, log *slog.Logger) (*keeper, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return &keeper{
		control: control, log: log, key: key,
		refused: func(string, string) {},
		fresh:   make(chan *certificate), slots: make(chan struct{}, 8),
	}, nil
}

// run keeps first, and what is wanted later, until ctx ends.
func (k *keeper) run(ctx context.Context, first ...*certificate) error {
	var g errgroup.Group
	for _, c := range first {
		g.Go(func() error { return k.keep(ctx, c) })
	}
	for {
		select {
		case c := <-k.fresh:
			g.Go(func() error { return k.keep(ctx, c) })
		case <-ctx.Done():
			return g.Wait()
		}
	}
}

// want has c kept for names from now on. It is called by one goroutine.
func (k *keeper) want(ctx context.Context, c *certificate, names []string) error {
	c.rename(names)
	if c.kept {
		return nil
	}
	select {
	case k.fresh <- c:
		c.kept = true
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keep gets one certificate after the other, until nobody needs them.
func (k *keeper) keep(ctx context.Context, c *certificate) error {
	const first, last = 10 * time.Millisecond, 2 * time.Second
	retry, told := first, ""
	for {
		cert, err := k.get(ctx, c)
		wait := retry
		if err == nil {
			c.set(cert)
			wait, retry = renewal(cert.Leaf, time.Now()), first
		} else {
			retry = min(2*retry, last)
		}
		if ctx.Err() == nil {
			told = k.tell(c, err, told)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.gone:
			return nil
		case <-c.changed:
		case <-time.After(wait):
		}
	}
}

// renewal is how long cert serves before another is asked for.
func renewal(cert *x509.Certificate, now time.Time) time.Duration {
	life := cert.NotAfter.Sub(cert.NotBefore)
	return max(time.Second, cert.NotBefore.Add(life*2/3).Sub(now))
}

// tell reports a refusal by control, and takes it back. That control is not there
// is no news to it. It returns what control has been told.
func (k *keeper) tell(c *certificate, err error, told string) string {
	if err != nil {
		k.log.Warn("no certificate", "vpce", c.endpoint, "err", err)
	}
	reason := ""
	if no, ok := errors.AsType[refusal](err); ok {
		reason = no.Error()
	} else if err != nil {
		return told
	}
	if reason != told && c.endpoint != "" {
		k.refused(c.endpoint, reason)
	}
	return reason
}
