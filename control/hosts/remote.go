// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"enishi.dev/enishi/control/order"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/reach"
)

func hostURI(name string, role hoststate.Role) []*url.URL {
	return []*url.URL{{Scheme: hostScheme, Host: name, Path: "/" + string(role)}}
}

// ServeRemote answers other hosts on the TCP listener until ctx ends. Who they
// are, their certificates say; who has none can only join, and not be many at once.
func (s *Server) ServeRemote(ctx context.Context, l net.Listener) error {
	own, err := s.Authority.serverCertificate()
	if err != nil {
		return fmt.Errorf("control's certificate: %w", err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(s.Authority.cert)
	others := &strangers{limits: s.limits, places: make(chan struct{}, s.limits.strangers), log: s.Log}
	return s.serveOn(ctx, tls.NewListener(l, &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{own},
		ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: clients,
	}), s.remoteHandler(), others.admit)
}

func (s *Server) remoteHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/join", s.joinHost)
	mux.HandleFunc("POST /v1/renew", s.spoken(s.renew, hoststate.RoleAgent))
	mux.HandleFunc("POST /v1/renewed", s.spoken(s.renewed, hoststate.RoleAgent))
	mux.HandleFunc("GET /v1/feed", s.spoken(s.feed, hostRoles...))
	mux.HandleFunc("POST /v1/report", s.spoken(s.report, hostRoles...))
	mux.HandleFunc("POST "+reach.OfferPath, s.spoken(s.offer, hoststate.RoleAgent))
	mux.HandleFunc("POST /v1/console", s.spoken(s.console, hoststate.RoleAgent))
	mux.HandleFunc("POST /v1/forward", s.spoken(s.forward, hoststate.RoleGateway))
	mux.HandleFunc("POST /v1/certificate", s.spoken(s.certificate, hoststate.RoleGateway))
	return mux
}

// serverCertificate is one for control itself, with a key made now and the
// authority behind it: who joins knows that one's fingerprint.
func (a *Authority) serverCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	der, err := a.issue(&x509.Certificate{
		DNSNames: []string{order.ServerName}, NotAfter: a.cert.NotAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, &key.PublicKey)
	return tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}, err
}
