// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
	seen *lines // the access log
	ca   *authority
	feed *fakeFeed

	mu        sync.Mutex
	forwarded []forwarded
	answer    func(http.ResponseWriter, *http.Request, forwarded)
	signs     func(endpoint string) bool
	control   *http.Server
	gateway   *gateway

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
		t: t, dir: t.TempDir(), log: new(lines), seen: new(lines), ca: newAuthority(t), feed: newFakeFeed(),
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
	head, body, err := hoststate.ReadForwarded(b)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	f := forwarded{Forwarded: head, Body: string(body)}
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
		Access: w.seen,
	}
	g := newGateway(o)
	g.patience = p
	w.gateway = g
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
	served := func() int { return strings.Count(w.log.String(), "serving socket") }
	before := served()
	w.agent <- message{fmt.Sprintf(`{"network":%q,"vni":7,"kind":"tcp"}`, id), f}
	w.eventually("the socket is served", func() error {
		if served() == before {
			return errors.New("it is not")
		}
		return nil
	})
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// handOver gives the gateway a socket of vpc-a, as the agent does: made by this
// thread, where it listens at every address on the port.
func (w *world) handOver(port int) error {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{Port: port})
	if err != nil {
		return err
	}
	defer l.Close()
	f, err := l.File()
	if err != nil {
		return err
	}
	w.agent <- message{`{"network":"vpc-a","vni":7,"kind":"tcp"}`, f}
	return nil
}
