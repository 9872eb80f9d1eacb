// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"enishi.dev/enishi/control/order"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
)

// serveRemote has the server answer other hosts until the test ends, and returns
// how to reach it with a certificate, or without one.
func (w *world) serveRemote() func(cert *tls.Certificate) *http.Client {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.RemoteAddress = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.ServeRemote(ctx, l) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			w.t.Errorf("it ended with %v", err)
		}
	})
	return func(cert *tls.Certificate) *http.Client {
		return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return w.dialRemote(ctx, cert)
		}}}
	}
}

// dialRemote connects to a server that answers other hosts.
func (w *world) dialRemote(ctx context.Context, cert *tls.Certificate) (net.Conn, error) {
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: order.ServerName}
	config.RootCAs.AppendCertsFromPEM([]byte(w.Authority.PEM()))
	if cert != nil {
		config.Certificates = []tls.Certificate{*cert}
	}
	return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", w.RemoteAddress)
}

// invite returns a token for the host.
func (w *world) invite(local *http.Client, name string) string {
	w.t.Helper()
	code, text := ask(w.t, local, http.MethodPost, "/v1/hosts", asJSON(w.t, order.Host{Name: name}))
	var in order.Invitation
	if err := json.Unmarshal([]byte(text), &in); code != http.StatusOK || err != nil {
		w.t.Fatalf("%d: %s", code, text)
	}
	return in.Token
}

// enter joins as the host, and returns its certificates by role.
func (w *world) enter(anybody *http.Client, name, token string) map[hoststate.Role]*tls.Certificate {
	w.t.Helper()
	key := newKey(w.t)
	code, text := ask(w.t, anybody, http.MethodPost, "/v1/join", asJSON(w.t, order.Join{Name: name, Token: token, CSR: request(w.t, key, "anything")}))
	var j order.Joined
	if err := json.Unmarshal([]byte(text), &j); code != http.StatusOK || err != nil {
		w.t.Fatalf("%d: %s", code, text)
	}
	return map[hoststate.Role]*tls.Certificate{hoststate.RoleAgent: pair(w.t, j.Agent, key), hoststate.RoleGateway: pair(w.t, j.Gateway, key)}
}

func pair(t *testing.T, cert string, key *ecdsa.PrivateKey) *tls.Certificate {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.X509KeyPair([]byte(cert), pemBlock("PRIVATE KEY", der))
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

func TestWhatAnotherHostMay(t *testing.T) {
	needsRoot(t)
	w := newWorld(t)
	local, remote := w.serve(), w.serveRemote()
	b := w.enter(remote(nil), "b", w.invite(local, "b"))
	w.enter(remote(nil), "c", w.invite(local, "c"))
	w.launch(1, "b")
	w.connect("abcd")
	defer w.leave("b", w.join("b", hoststate.RoleGateway, hoststate.Position{}))
	defer w.leave("local", w.join("local", hoststate.RoleGateway, hoststate.Position{}))
	const name = "vpce-1-abcd.ec2.ap-northeast-1.vpce.amazonaws.com"
	// A gateway's certificate of an endpoint is of the same authority.
	key := newKey(t)
	_, text := ask(t, remote(b[hoststate.RoleGateway]), http.MethodPost, "/v1/certificate", asJSON(t, map[string]string{"endpoint": "vpce-1", "csr": request(t, key, name)}))
	var out struct{ Certificate string }
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(text)
	}
	if _, err := remote(pair(t, out.Certificate, key)).Get("http://control/v1/feed?host=b&role=agent"); err == nil {
		t.Error("an endpoint's certificate is taken for a host's")
	}
	message := func(network, endpoint, source string) string {
		return forwarded(t, hoststate.Facts{Network: network, Endpoint: endpoint, Source: netip.MustParseAddr(source)})
	}
	for n, c := range map[string]struct {
		as         *tls.Certificate
		path, body string
		code       int
	}{
		"its agent reports as agent":                  {b["agent"], "POST /v1/report", `{"host":"b","role":"agent"}`, 204},
		"its gateway reports as gateway":              {b["gateway"], "POST /v1/report", `{"host":"b","role":"gateway"}`, 204},
		"its agent does not report as gateway":        {b["agent"], "POST /v1/report", `{"host":"b","role":"gateway"}`, 403},
		"its gateway does not report as agent":        {b["gateway"], "POST /v1/report", `{"host":"b","role":"agent"}`, 403},
		"it does not report as another host":          {b["agent"], "POST /v1/report", `{"host":"c","role":"agent"}`, 403},
		"it does not report as the local host":        {b["agent"], "POST /v1/report", `{"host":"local","role":"agent"}`, 403},
		"it does not follow as another host":          {b["agent"], "GET /v1/feed?host=c&role=agent", "", 403},
		"its gateway does not follow as agent":        {b["gateway"], "GET /v1/feed?host=b&role=agent", "", 403},
		"its agent tells a console":                   {b["agent"], "POST /v1/console", `{"host":"b","instance":"i-1"}`, 204},
		"it tells no console of another host":         {b["agent"], "POST /v1/console", `{"host":"local","instance":"i-1"}`, 403},
		"its gateway tells no console":                {b["gateway"], "POST /v1/console", `{"host":"b"}`, 403},
		"its agent has nothing signed":                {b["agent"], "POST /v1/certificate", `{"endpoint":"vpce-1"}`, 403},
		"its gateway gets no public entry":            {b["gateway"], "POST /v1/certificate", `{"endpoint":""}`, 404},
		"its gateway hands on what its instances ask": {b["gateway"], "POST /v1/forward", message("vpc-1", "vpce-1", "10.0.1.1"), 403}, // AWS's: not signed
		"and nothing from a public entry":             {b["gateway"], "POST /v1/forward", message("", "", "127.0.0.1"), 500},
		"nor as another host":                         {b["gateway"], "POST /v1/forward", "Host: local\r\n" + message("", "", "127.0.0.1"), 500},
		"its agent hands nothing on":                  {b["agent"], "POST /v1/forward", message("", "", "127.0.0.1"), 403},
		"it does not read the first key":              {b["agent"], "GET /v1/bootstrap", "", 404},
		"it does not read the status":                 {b["agent"], "GET /v1/status", "", 404},
		"it invites nobody":                           {b["agent"], "POST /v1/hosts", `{"name":"d"}`, 404},
		"who has no certificate does not follow":      {nil, "GET /v1/feed?host=b&role=agent", "", 403},
		"nor report":                                  {nil, "POST /v1/report", `{"host":"b","role":"agent"}`, 403},
		"nor hand on":                                 {nil, "POST /v1/forward", message("", "", "127.0.0.1"), 403},
	} {
		t.Run(n, func(t *testing.T) {
			method, path, _ := strings.Cut(c.path, " ")
			if code, text := ask(t, remote(c.as), method, path, []byte(c.body)); code != c.code {
				t.Errorf("want %d, got %d: %s", c.code, code, text)
			}
		})
	}
	t.Run("another machine takes its place", func(t *testing.T) {
		w.enter(remote(nil), "b", w.invite(local, "b"))
		if code, text := ask(t, remote(b["agent"]), http.MethodPost, "/v1/report", []byte(`{"host":"b","role":"agent"}`)); code != 403 {
			t.Errorf("%d: %s", code, text)
		}
	})
}

func TestATokenIsGoodOnceForOneName(t *testing.T) {
	needsRoot(t)
	w := newWorld(t)
	local, remote := w.serve(), w.serveRemote()
	join := func(name, token, csr string) (int, string) {
		return ask(t, remote(nil), http.MethodPost, "/v1/join", asJSON(t, order.Join{Name: name, Token: token, CSR: csr}))
	}
	csr := request(t, newKey(t), "x")
	refused := func(why, name, token string) {
		t.Helper()
		if code, text := join(name, token, csr); code != 403 || !strings.Contains(text, "ask for another") {
			t.Errorf("%s: %d %s", why, code, text)
		}
	}
	token := w.invite(local, "b")
	refused("no token", "b", "")
	refused("another token", "b", "x"+token)
	refused("another name", "c", token)
	refused("this host's name", "local", token)
	if code, _ := join("b", token, "no csr"); code != 400 {
		t.Errorf("no csr: %d", code)
	}
	if code, text := join("b", token, csr); code != 200 {
		t.Errorf("the token: %d %s", code, text)
	}
	refused("used", "b", token)
	token = w.invite(local, "b")
	w.decide(func(tx *store.Tx) {
		h, _ := tx.Hosts.Get("b")
		h.Expires = tx.Now().Add(-time.Second)
		tx.Hosts.Put(h)
	})
	refused("too old", "b", token)
	if h, _ := w.Store.View().Hosts.Get("b"); strings.Contains(string(h.Token), token) {
		t.Error("the store has the token itself")
	}
	for _, name := range []string{"", "local", "B", "a/b", "a.b", "-a", strings.Repeat("a", 64)} {
		if code, text := ask(t, local, http.MethodPost, "/v1/hosts", asJSON(t, order.Host{Name: name})); code != 400 {
			t.Errorf("a host called %q: %d %s", name, code, text)
		}
	}
}

func TestAHostSaysWhereItIsReached(t *testing.T) {
	needsRoot(t)
	w := newWorld(t)
	c := w.serve()
	follow := func(address string) (int, func()) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://control/v1/feed?host=local&role=agent&tunnel="+address, nil)
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, func() { cancel(); resp.Body.Close(); c.CloseIdleConnections() }
	}
	w.decide(func(tx *store.Tx) { tx.Hosts.Put(store.Host{Name: "b", Key: []byte{1}}) })
	if err := w.setTunnel(t.Context(), "b", "192.0.2.2"); err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		address string
		code    int
		want    string
	}{
		{"192.0.2.1", 200, "192.0.2.1"}, {"192.0.2.3", 200, "192.0.2.3"},
		{"192.0.2.2", 409, "192.0.2.3"}, // b's
		{"::1", 409, "192.0.2.3"}, {"0.0.0.0", 409, "192.0.2.3"}, {"here", 409, "192.0.2.3"},
		{"", 200, "invalid IP"},
	} {
		code, end := follow(s.address)
		end()
		h, _ := w.Store.View().Hosts.Get("local")
		if code != s.code || h.Tunnel.String() != s.want {
			t.Errorf("%q: want %d and %s, got %d and %s", s.address, s.code, s.want, code, h.Tunnel)
		}
	}
}
