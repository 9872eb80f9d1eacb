// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"enishi.dev/enishi/control/body"
	"enishi.dev/enishi/control/order"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
)

// tokenLife is how long an invitation holds.
const tokenLife = time.Hour

// isHostName says whether s can be a label of a DNS name.
func isHostName(s string) bool {
	return s != "" && len(s) <= 63 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && s[0] != '-' && s[len(s)-1] != '-'
}

// addHost invites a machine. One that has joined by the name goes on until another
// takes its place.
func (s *Server) addHost(w http.ResponseWriter, r *http.Request) {
	var o order.Host
	if !body.Read(w, r, body.Short, &o) {
		return
	}
	switch {
	case s.RemoteAddress == "":
		http.Error(w, "no host can reach control: start `enishi up` with --hosts-listen", http.StatusBadRequest)
		return
	case !isHostName(o.Name) || o.Name == s.LocalHost:
		http.Error(w, fmt.Sprintf("%q cannot be the name of another host: want lower-case letters, digits and hyphens, not %q", o.Name, s.LocalHost), http.StatusBadRequest)
		return
	}
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	token := base64.RawURLEncoding.EncodeToString(b[:])
	var until time.Time
	err := s.Store.Decide(r.Context(), func(tx *store.Tx) error {
		h, _ := tx.Hosts.Get(o.Name)
		until = tx.Now().Add(tokenLife)
		h.Name, h.Token, h.Expires = o.Name, digest([]byte(token)), until
		tx.Hosts.Put(h)
		return nil
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	answer(w, order.Invitation{Name: o.Name, Control: s.RemoteAddress, CA: hex.EncodeToString(digest(s.Authority.cert.Raw)), Token: token, Expires: until})
}

// listHosts lists the local host and all that were invited.
func (s *Server) listHosts(w http.ResponseWriter, _ *http.Request) {
	live := s.LiveHosts()
	v := s.Store.View()
	own, _ := v.Hosts.Get(s.LocalHost)
	out := []order.HostEntry{{Name: s.LocalHost, Joined: true, Live: slices.Contains(live, s.LocalHost), Tunnel: own.Tunnel}}
	for h := range v.Hosts.All() {
		if h.Name != s.LocalHost {
			out = append(out, order.HostEntry{Name: h.Name, Joined: h.Key != nil, Live: slices.Contains(live, h.Name), Tunnel: h.Tunnel})
		}
	}
	answer(w, out)
}

var errInvitation = errors.New("the token is not one of this host, was used, or is too old: ask for another by `enishi host add`")

// joinHost makes the machine that has the token the host: its key is the host's,
// and no earlier one is.
func (s *Server) joinHost(w http.ResponseWriter, r *http.Request) {
	var o order.Join
	csr, ok := readRequest(w, r, &o, &o.CSR)
	if !ok {
		return
	}
	err := s.Store.Decide(r.Context(), func(tx *store.Tx) error {
		h, _ := tx.Hosts.Get(o.Name)
		if h.Token == nil || subtle.ConstantTimeCompare(h.Token, digest([]byte(o.Token))) != 1 || !tx.Now().Before(h.Expires) {
			return errInvitation
		}
		h.Token, h.Expires, h.Key, h.Next = nil, time.Time{}, digest(csr.RawSubjectPublicKeyInfo), nil
		tx.Hosts.Put(h)
		return nil
	})
	switch {
	case errors.Is(err, errInvitation):
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	s.Log.Info("host joined", "host", o.Name)
	s.answerCertificates(w, o.Name, csr)
}

// readRequest reads an order with its CSR, which is where csr points; or else says
// what is wrong with it.
func readRequest(w http.ResponseWriter, r *http.Request, order any, csr *string) (*x509.CertificateRequest, bool) {
	if !body.Read(w, r, 64<<10, order) {
		return nil, false
	}
	out, err := parseRequest(*csr)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
	return out, err == nil
}

// answerCertificates signs the request's key for each role of the host.
func (s *Server) answerCertificates(w http.ResponseWriter, host string, csr *x509.CertificateRequest) {
	out := order.Joined{CA: s.Authority.PEM()}
	for role, to := range map[hoststate.Role]*string{hoststate.RoleAgent: &out.Agent, hoststate.RoleGateway: &out.Gateway} {
		t := hostTemplate(host, role)
		t.NotAfter = s.Authority.now().Add(certificateLife)
		der, err := s.Authority.issue(t, csr.PublicKey)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		*to = string(pemBlock("CERTIFICATE", der))
	}
	answer(w, out)
}

// setTunnel notes the outer address that a host's agent says it has. No two hosts
// have the same one.
func (s *Server) setTunnel(ctx context.Context, host, address string) error {
	var tunnel netip.Addr
	if address != "" {
		var err error
		if tunnel, err = netip.ParseAddr(address); err != nil || !hoststate.CanTunnel(tunnel) {
			return fmt.Errorf("tunnel address %q is not one of IPv4", address)
		}
	}
	if h, _ := s.Store.View().Hosts.Get(host); h.Tunnel == tunnel {
		return nil
	}
	return s.Store.Decide(ctx, func(tx *store.Tx) error {
		for other := range tx.Hosts.All() {
			if tunnel.IsValid() && other.Name != host && other.Tunnel == tunnel {
				return fmt.Errorf("tunnel address %s is host %s's", tunnel, other.Name)
			}
		}
		h, known := tx.Hosts.Get(host)
		if !known && host != s.LocalHost {
			return fmt.Errorf("host %q was removed", host)
		}
		h.Name, h.Tunnel = host, tunnel
		tx.Hosts.Put(h)
		return nil
	})
}
