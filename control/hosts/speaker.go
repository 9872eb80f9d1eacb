// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/peer"
)

// speaker is who is at the other end: one host, and as what of it he may speak.
type speaker struct {
	host  string
	roles []hoststate.Role
	key   []byte // by which it is known, nil over a unix socket
	old   bool   // another key is about to take that one's place
}

// speaker says who sends the request: over a unix socket a user of this host, over
// TLS the host that its certificate names.
func (s *Server) speaker(r *http.Request) (speaker, error) {
	if r.TLS != nil {
		return s.certified(r.TLS)
	}
	p, ok := peer.From(r.Context())
	switch {
	case ok && p.UID == 0:
		return speaker{host: s.LocalHost, roles: hostRoles}, nil
	case ok && p.UID == s.GatewayUID:
		return speaker{host: s.LocalHost, roles: []hoststate.Role{hoststate.RoleGateway}}, nil
	}
	return speaker{}, fmt.Errorf("uid %d may not speak for %s", p.UID, s.LocalHost)
}

const hostScheme = "enishi-host"

// certified is the speaker that a verified certificate names. Its key must be the
// one with which the host joined last, or what that one was renewed by. A connection
// does not outlive its certificate.
func (s *Server) certified(c *tls.ConnectionState) (speaker, error) {
	if len(c.VerifiedChains) == 0 {
		return speaker{}, errors.New("who has no certificate may not speak for a host")
	}
	cert := c.PeerCertificates[0]
	for _, u := range cert.URIs {
		role := hoststate.Role(strings.TrimPrefix(u.Path, "/"))
		if u.Scheme != hostScheme || !slices.Contains(hostRoles, role) {
			continue
		}
		h, _ := s.Store.View().Hosts.Get(u.Host)
		key := digest(cert.RawSubjectPublicKeyInfo)
		switch {
		case !bytes.Equal(key, h.Key) && !bytes.Equal(key, h.Next):
			return speaker{}, fmt.Errorf("host %q is not known by this key", u.Host)
		case !s.Authority.now().Before(cert.NotAfter):
			return speaker{}, fmt.Errorf("the certificate of host %q ended at %s", u.Host, cert.NotAfter)
		}
		return speaker{u.Host, []hoststate.Role{role}, key, h.Next != nil && bytes.Equal(key, h.Key)}, nil
	}
	return speaker{}, fmt.Errorf("the certificate of %s may not speak for a host", cert.Subject)
}

// hostRoles are the processes of a host that get a certificate each.
var hostRoles = []hoststate.Role{hoststate.RoleAgent, hoststate.RoleGateway}

// digest stands for a token, a public key or a certificate.
func digest(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

// mayBe says whether the sender may speak as this process of this host.
func (s *Server) mayBe(r *http.Request, name string, role hoststate.Role) error {
	w, err := s.speaker(r)
	switch {
	case err != nil:
		return err
	case name != w.host:
		return fmt.Errorf("host %q is not known here: the sender is %s", name, w.host)
	case !slices.Contains(w.roles, role):
		return fmt.Errorf("the sender may not speak as %q", role)
	}
	return nil
}

type speakerKey struct{}

// spoken serves h to hosts that may speak as one of the roles, and tells it which
// host it is.
func (s *Server) spoken(h http.HandlerFunc, roles ...hoststate.Role) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := s.speaker(r)
		if err != nil || who.old {
			w.Header().Set("Connection", "close") // what comes next comes by the newest certificate
		}
		if err == nil && !slices.ContainsFunc(roles, func(role hoststate.Role) bool { return slices.Contains(who.roles, role) }) {
			err = fmt.Errorf("the sender may not ask for %s", r.URL.Path)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		noStranger(r)
		h(w, r.WithContext(context.WithValue(r.Context(), speakerKey{}, who)))
	}
}

// from is the host whose request [Server.spoken] let in.
func from(r *http.Request) string {
	who, _ := r.Context().Value(speakerKey{}).(speaker)
	return who.host
}

// hostTemplate is a certificate by which a host speaks as the role.
func hostTemplate(name string, role hoststate.Role) *x509.Certificate {
	return &x509.Certificate{
		URIs:        hostURI(name, role),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}
