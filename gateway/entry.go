// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"enishi.dev/enishi/aws/awserr"
)

// serveEntry accepts at the public entry until ctx ends.
func (g *gateway) serveEntry(ctx context.Context) error {
	var sniffing sync.WaitGroup
	defer sniffing.Wait()
	defer g.Public.Close()
	defer context.AfterFunc(ctx, func() { g.Public.Close() })()
	config := serverConfig(g.entry)
	for {
		nc, err := g.Public.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				nc.Close()
			}
			return ctx.Err()
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("public entry: %w", err)
		case err != nil: // no file or memory is left, or the caller has gone again
			g.Log.Warn("accept at the public entry", "err", err)
			time.Sleep(5 * time.Millisecond)
			continue
		}
		tcp := nc.(*net.TCPConn)
		local, remote, ok := addresses(tcp)
		from := source{"", remote.Addr()}
		if !ok || !g.places.take(from) {
			resetTCP(tcp)
			continue
		}
		c := &conn{TCPConn: tcp, source: remote.Addr(), local: local, leave: func() { g.places.free(from) }}
		sniffing.Go(func() { g.sniff(ctx, c, config) })
	}
}

// sniff waits for the first byte, which tells TLS (a handshake record, 0x16) from
// plain HTTP.
func (g *gateway) sniff(ctx context.Context, c *conn, config *tls.Config) {
	defer context.AfterFunc(ctx, func() { c.SetReadDeadline(time.Unix(1, 0)) })()
	c.SetReadDeadline(time.Now().Add(g.patience.head))
	first := make([]byte, 1)
	if _, err := c.TCPConn.Read(first); err != nil {
		c.Close()
		return
	}
	c.SetReadDeadline(time.Time{})
	c.unread = first
	if c.tls = first[0] == 0x16; c.tls {
		g.queue.push(tls.Server(c, config))
		return
	}
	g.queue.push(c)
}

// checkEntry refuses what a web page made a browser send: names that lead here
// by somebody else's DNS, and requests from other origins.
func checkEntry(r *http.Request, local netip.Addr) *awserr.Error {
	if _, ok := r.Header["Origin"]; ok {
		return awserr.New("AccessDenied", "Requests from web pages are not accepted here.")
	}
	host := strings.ToLower((&url.URL{Host: r.Host}).Hostname())
	if host == "localhost" {
		return nil
	}
	if a, err := netip.ParseAddr(host); err == nil && (a.IsLoopback() || a == local) {
		return nil
	}
	return awserr.New("AccessDenied", "The host %q is not served here.", r.Host)
}
