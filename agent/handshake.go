// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"enishi.dev/enishi/datapath"
	"enishi.dev/enishi/hoststate"
)

var probeAddresses = []netip.Prefix{
	netip.PrefixFrom(datapath.ProbeAddr4, datapath.ProbeAddr4.BitLen()),
	netip.PrefixFrom(datapath.ProbeAddr6, datapath.ProbeAddr6.BitLen()),
}

// target is one name at one address of an endpoint.
type target struct {
	vni  uint32
	to   netip.AddrPort
	name string
}

// targets lists all that an endpoint has to answer for.
func targets(e *hoststate.Endpoint) (all []target) {
	for _, addr := range e.Addresses {
		for _, port := range e.Ports {
			for _, name := range e.Names {
				if rest, ok := strings.CutPrefix(name, "*."); ok {
					name = "probe." + rest // any name under it
				}
				all = append(all, target{e.VNI, netip.AddrPortFrom(addr, port), name})
			}
		}
	}
	return all
}

// roots is the region's CA, by which endpoints prove themselves.
func (a *Agent) roots() (*x509.CertPool, error) {
	pem, err := os.ReadFile(a.layout.ca())
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", a.layout.ca())
	}
	return pool, nil
}

// handshake completes TLS with the target.
func (p *prober) handshake(ctx context.Context, t target, roots *x509.CertPool) error {
	ctx, cancel := context.WithTimeout(ctx, probeDeadline)
	defer cancel()
	f, local, err := p.socket(t.to.Addr())
	if err != nil {
		return err
	}
	// The data plane learns from the local port into which network the connection
	// goes, so it is told before the first packet, and until after the last.
	if err := p.a.dp.AddProbe(local, t.vni); err != nil {
		return errors.Join(err, f.Close())
	}
	defer func() {
		if err := p.a.dp.RemoveProbe(local); err != nil {
			p.a.Log.Warn("remove probe", "port", local, "err", err)
		}
	}()
	c, err := connect(ctx, f, t.to)
	if err != nil {
		return err
	}
	defer c.Close()
	// HandshakeContext would close the connection when ctx ends, and what is then
	// still on its way would be answered from a port that is nobody's any more. So
	// ctx cuts the handshake short, and the connection is parted with all the same.
	cut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(cut)
		_ = c.SetDeadline(time.Unix(1, 0))
	})
	session := tls.Client(c, &tls.Config{RootCAs: roots, ServerName: t.name, MinVersion: tls.VersionTLS12,
		CurvePreferences: []tls.CurveID{tls.X25519}}) // the cheapest: nothing is said
	err = session.Handshake()
	if !stop() {
		<-cut
		err = errors.Join(ctx.Err(), err)
	}
	part(session, c.(*net.TCPConn))
	return err
}

// parting is how long the other side may take to say goodbye.
const parting = 200 * time.Millisecond

// part ends a connection so that nothing more comes over it. A side that does not
// answer is left by a reset.
func part(session *tls.Conn, c *net.TCPConn) {
	_ = session.CloseWrite()
	_ = c.CloseWrite()
	_ = c.SetReadDeadline(time.Now().Add(parting))
	_, _ = io.Copy(io.Discard, c)
}
