// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"enishi.dev/enishi/accept"
	"enishi.dev/enishi/aws/awserr"
)

// serveEntry accepts at the public entry until ctx ends.
func (g *gateway) serveEntry(ctx context.Context) error {
	var sniffing sync.WaitGroup
	defer sniffing.Wait()
	config := serverConfig(g.entry)
	err := accept.Each(ctx, g.Public, g.Log, func(tcp *net.TCPConn) {
		local, remote, ok := addresses(tcp)
		from := source{"", remote.Addr()}
		if !ok || !g.places.take(from) {
			resetTCP(tcp)
			return
		}
		c := &conn{TCPConn: tcp, source: remote.Addr(), local: local, leave: func() { g.places.free(from) }}
		sniffing.Go(func() { g.sniff(ctx, c, config) })
	})
	if err != nil {
		return fmt.Errorf("public entry: %w", err)
	}
	return nil
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
