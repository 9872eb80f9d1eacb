// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/services"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a gateway with everything around it: a control that speaks the
// channel, an agent that passes sockets, the services. Its networks are on
// loopback: 127.0.0.0/8 holds addresses enough for endpoints and callers.
type world struct {
	t    testing.TB
	dir  string
	log  *lines
	ca   *authority
	feed *fakeFeed

	mu        sync.Mutex
	forwarded []forwarded
	answer    func(http.ResponseWriter, *http.Request, forwarded)
	signs     func(endpoint string) bool
	control   *http.Server

	agent  chan message // to pass
	Public string       // address of the public entry
	status string       // path
	port   uint16       // of the network's listener
}

// forwarded is a request as control gets it.
type forwarded struct {
	hoststate.Forwarded
	Body string
}

// message is what the agent passes.
type message struct {
	head string
	file *os.File
}

const timeout = 10 * time.Second // no test waits that long

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldWith(t, usualPatience())
}

func newWorldWith(t testing.TB, p patience) *world {
	t.Helper()
	w := &world{
		t: t, dir: t.TempDir(), log: new(lines), ca: newAuthority(t), feed: newFakeFeed(),
		signs: func(string) bool { return true }, agent: make(chan message),
	}
	w.answer = func(rw http.ResponseWriter, _ *http.Request, f forwarded) {
		rw.Header().Set("X-Amzn-Requestid", f.Facts.RequestID)
		rw.Header().Set("Content-Type", "text/xml;charset=UTF-8")
		fmt.Fprintf(rw, "<answer>%s</answer>", f.Body)
	}
	w.status = filepath.Join(w.dir, "gateway.sock")
	w.startControl()
	w.startAgent()
	w.startServices()
	w.startGateway(p)
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func listen(w *world, network, addr string) net.Listener {
	w.t.Helper()
	l, err := net.Listen(network, addr)
	w.check(err)
	return l
}

// startControl serves the control socket until the test ends.
func (w *world) startControl() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/feed", w.feed.serve)
	mux.HandleFunc("POST /v1/report", w.feed.report)
	mux.HandleFunc("POST /v1/certificate", w.certificate)
	mux.HandleFunc("POST /v1/forward", w.forward)
	s := &http.Server{Handler: mux}
	w.control = s
	l := listen(w, "unix", w.path("control.sock"))
	ended := make(chan struct{})
	go func() { defer close(ended); s.Serve(l) }()
	w.t.Cleanup(func() { s.Close(); <-ended })
}

// stopControl ends control as if it had been killed; its socket file goes too.
func (w *world) stopControl() { w.control.Close() }

func (w *world) certificate(rw http.ResponseWriter, r *http.Request) {
	var q struct{ Endpoint, CSR string }
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	ok := w.signs(q.Endpoint)
	w.mu.Unlock()
	if !ok {
		http.Error(rw, "not for you", http.StatusForbidden)
		return
	}
	chain, err := w.ca.sign([]byte(q.CSR))
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	json.NewEncoder(rw).Encode(map[string]string{"certificate": string(chain)})
}

func (w *world) forward(rw http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	head, body, _ := bytes.Cut(b, []byte("\n"))
	f := forwarded{Body: string(body)}
	if err := json.Unmarshal(head, &f.Forwarded); err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	w.forwarded = append(w.forwarded, f)
	answer := w.answer
	w.mu.Unlock()
	answer(rw, r, f)
}

// last returns the last request that control got.
func (w *world) last() forwarded {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.forwarded) == 0 {
		w.t.Fatal("nothing was forwarded")
	}
	return w.forwarded[len(w.forwarded)-1]
}

// count returns how many requests control got.
func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.forwarded)
}

func (w *world) set(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// startAgent passes the sockets it is told to, to one gateway.
func (w *world) startAgent() {
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: w.path("agent-gateway.sock"), Net: "unixpacket"})
	w.check(err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c, err := l.AcceptUnix()
		if err != nil {
			return
		}
		defer c.Close()
		for m := range w.agent {
			var oob []byte
			if m.file != nil {
				oob = unix.UnixRights(int(m.file.Fd()))
			}
			if _, _, err := c.WriteMsgUnix([]byte(m.head), oob, nil); err != nil {
				w.t.Error(err)
			}
			if m.file != nil {
				m.file.Close()
			}
		}
	}()
	w.t.Cleanup(func() { close(w.agent); l.Close(); <-ended })
}

func (w *world) startServices() {
	l := listen(w, "unix", w.path("services.sock"))
	w.run(func(ctx context.Context) error {
		return services.Run(ctx, services.Options{Listener: l, AllowedUIDs: []int{os.Getuid()}, Log: slog.New(slog.DiscardHandler)})
	})
}

func (w *world) startGateway(p patience) {
	public := listen(w, "tcp", "127.0.0.1:0")
	w.Public = public.Addr().String()
	o := Options{
		Host: "host-1", ControlSocket: w.path("control.sock"), AgentSocket: w.path("agent-gateway.sock"), ServicesSocket: w.path("services.sock"),
		Status: listen(w, "unix", w.status), Public: public, AllowedUIDs: []int{os.Getuid()}, Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	g := newGateway(o)
	g.patience = p
	w.run(g.run)
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("log of the gateway:\n%s", w.log)
		}
	})
}

// run runs f until the test ends, and waits for it.
func (w *world) run(f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				w.t.Error(err)
			}
		case <-time.After(timeout):
			w.t.Error("does not end")
		}
	})
}

// network hands over a TCP listener on every loopback address and returns its port.
func (w *world) network(id string) uint16 {
	w.t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{})
	w.check(err)
	f, err := l.File()
	w.check(err)
	l.Close()
	w.agent <- message{fmt.Sprintf(`{"network":%q,"vni":7,"kind":"tcp"}`, id), f}
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// apply sends units and waits until the gateway has them.
func (w *world) apply(units ...hoststate.Unit) { w.step(hoststate.Delta{}, units...) }

func (w *world) step(d hoststate.Delta, units ...hoststate.Unit) {
	w.t.Helper()
	for _, u := range units {
		d.Set = append(d.Set, hoststate.Seal(u))
	}
	revision := w.feed.send(d)
	w.eventually(fmt.Sprintf("revision %d is reported", revision), func() error {
		if r := w.feed.last(); r.Position.Revision < revision {
			return fmt.Errorf("at %d", r.Position.Revision)
		}
		return nil
	})
}

// eventually waits for what happens soon.
func (w *world) eventually(what string, f func() error) {
	w.t.Helper()
	end := time.Now().Add(timeout)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(time.Millisecond)
	}
}

// endpoint is an endpoint of the network at a loopback address.
func (w *world) endpoint(id, service, addr string, names ...string) *hoststate.Endpoint {
	return &hoststate.Endpoint{
		ID: id, Network: "vpc-a", VNI: 7, Account: "123456789012", Region: "ap-northeast-1", Service: service,
		Names: names, Addresses: []netip.Addr{netip.MustParseAddr(addr)}, Ports: []uint16{w.port},
	}
}

const ec2Name = "ec2.ap-northeast-1.amazonaws.com"

// withEndpoint is a world with vpc-a and its endpoint for EC2 at 127.0.1.50.
func withEndpoint(t testing.TB) (*world, *hoststate.Endpoint) {
	t.Helper()
	w := newWorld(t)
	w.port = w.network("vpc-a")
	e := w.endpoint("vpce-1", "ec2", "127.0.1.50", ec2Name, "vpce-1.ec2.ap-northeast-1.vpce.amazonaws.com")
	w.apply(&hoststate.Network{ID: "vpc-a", VNI: 7}, e)
	return w, e
}

// client calls from the source to the address, whatever the URL's host.
func (w *world) client(source, addr string) *http.Client {
	tr := &http.Transport{
		DisableCompression: true,
		TLSClientConfig:    &tls.Config{RootCAs: w.ca.pool},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
			return d.DialContext(ctx, "tcp", addr)
		},
	}
	w.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: timeout}
}

// at is an address with the port of the network's listener.
func (w *world) at(addr string) string { return net.JoinHostPort(addr, fmt.Sprint(w.port)) }

// raw opens a TLS connection to the endpoint.
func (w *world) raw(addr string) *tls.Conn {
	w.t.Helper()
	c, err := tls.Dial("tcp", w.at(addr), &tls.Config{RootCAs: w.ca.pool, ServerName: ec2Name})
	w.check(err)
	w.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(timeout))
	return c
}

// scope is an Authorization header that says whom it is for.
func scope(service string) string {
	return fmt.Sprintf("AWS4-HMAC-SHA256 Credential=AKID/20261124/ap-northeast-1/%s/aws4_request, SignedHeaders=host;x-amz-date, Signature=00", service)
}

// describe is a form that asks EC2 something.
const describe = "Action=DescribeAvailabilityZones&Version=2016-11-15"

func post(w *world, c *http.Client, url, service, body string) (int, http.Header, string, error) {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewBufferString(body))
	w.check(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if service != "" {
		req.Header.Set("Authorization", scope(service))
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(b), err
}

// gatewayStatus reads the status.
func (w *world) gatewayStatus() (s hoststate.GatewayStatus) {
	w.t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", w.status)
	}}}
	resp, err := c.Get("http://gateway/v1/status")
	w.check(err)
	defer resp.Body.Close()
	w.check(json.NewDecoder(resp.Body).Decode(&s))
	return s
}

// withRequests waits until the status shows n requests: they are written down
// after they are answered.
func (w *world) withRequests(n int) (s hoststate.GatewayStatus) {
	w.t.Helper()
	w.eventually("the status shows the requests", func() error {
		if s = w.gatewayStatus(); len(s.Requests) != n {
			return fmt.Errorf("%d, want %d", len(s.Requests), n)
		}
		return nil
	})
	return s
}

// authority signs what it is asked to.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool

	mu     sync.Mutex
	life   time.Duration
	signed int64
}

func newAuthority(t testing.TB) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &authority{key: key, cert: cert, pool: pool, life: time.Hour}
}

func (a *authority) sign(request []byte) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	block, _ := pem.Decode(request)
	if block == nil {
		return nil, errors.New("no PEM")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, err
	}
	a.signed++
	template := &x509.Certificate{SerialNumber: big.NewInt(1 + a.signed), NotBefore: time.Now().Add(-time.Second), NotAfter: time.Now().Add(a.life), DNSNames: csr.DNSNames, IPAddresses: csr.IPAddresses, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, csr.PublicKey, a.key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

// fakeFeed is control's side of the feed.
type fakeFeed struct {
	mu       sync.Mutex
	deltas   []hoststate.Delta
	changed  chan struct{}
	reports  []hoststate.Report
	closed   map[string]bool
	refusals map[string]string
}

func newFakeFeed() *fakeFeed {
	return &fakeFeed{changed: make(chan struct{}), closed: map[string]bool{}, refusals: map[string]string{}}
}

func (f *fakeFeed) send(d hoststate.Delta) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	d.Position = hoststate.Position{Incarnation: "one", Revision: int64(len(f.deltas) + 1)}
	d.Full = d.Full || len(f.deltas) == 0
	f.deltas = append(f.deltas, d)
	close(f.changed)
	f.changed = make(chan struct{})
	return d.Position.Revision
}

func (f *fakeFeed) serve(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("role") != "gateway" || r.URL.Query().Get("host") != "host-1" {
		http.Error(rw, "who?", http.StatusForbidden)
		return
	}
	out := json.NewEncoder(rw)
	for sent := 0; ; {
		f.mu.Lock()
		todo, changed := f.deltas[sent:], f.changed
		f.mu.Unlock()
		for _, d := range todo {
			if out.Encode(d) != nil {
				return
			}
			sent++
		}
		http.NewResponseController(rw).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (f *fakeFeed) report(rw http.ResponseWriter, r *http.Request) {
	var rep hoststate.Report
	if err := json.NewDecoder(r.Body).Decode(&rep); err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, rep)
	for _, id := range rep.Closed {
		f.closed[id] = true
	}
	for k, v := range rep.Refused {
		f.refusals[k] = v
	}
}

func (f *fakeFeed) last() (r hoststate.Report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.reports); n > 0 {
		r = f.reports[n-1]
	}
	return r
}

func (f *fakeFeed) isClosed(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed[id]
}

// lines is a log that a test can look at.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
