// SPDX-License-Identifier: Apache-2.0

package feed_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/feed"
)

const patience = 10 * time.Second

// control is one that does as tests say, and a client that follows it.
type control struct {
	*feed.Client
	t       *testing.T
	conns   chan *connection
	batches chan feed.Batch
	fail    chan error // what apply says to the next batch
	stop    func() error

	mu      sync.Mutex
	reports []hoststate.Report
	refuse  int           // so many reports more
	held    chan struct{} // hears of each report, which then waits
	let     chan struct{}
}

// connection is one stream, as control has it.
type connection struct {
	t     *testing.T
	query url.Values
	lines chan any // delta, or text as it is; nil refuses
	ended chan struct{}
}

func start(t *testing.T) *control {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	c := &control{t: t, conns: make(chan *connection), batches: make(chan feed.Batch), fail: make(chan error, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/feed", c.feed)
	mux.HandleFunc("POST /v1/report", c.report)
	socket := filepath.Join(t.TempDir(), "control.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(mux)
	srv.Listener.Close()
	srv.Listener = l
	srv.Start()
	c.Client = &feed.Client{HTTP: feed.UnixClient(socket), Host: "h", Role: hoststate.RoleAgent, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx, c.apply) }()
	c.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		c.letReports()
		_ = c.stop()
		srv.Close()
	})
	return c
}

func (c *control) apply(ctx context.Context, b feed.Batch) error {
	var err error
	select { // before the test hears of the batch: what it says then is for the next
	case err = <-c.fail:
	default:
	}
	select {
	case c.batches <- b:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *control) feed(w http.ResponseWriter, r *http.Request) {
	s := &connection{t: c.t, query: r.URL.Query(), lines: make(chan any), ended: make(chan struct{})}
	select {
	case c.conns <- s:
	case <-r.Context().Done():
		return
	}
	for {
		select {
		case <-r.Context().Done():
			return
		case <-s.ended:
			return
		case line := <-s.lines:
			switch line := line.(type) {
			case nil:
				http.Error(w, "not now", http.StatusServiceUnavailable)
				return
			case string:
				fmt.Fprint(w, line)
			default:
				_ = json.NewEncoder(w).Encode(line)
			}
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func (c *control) report(w http.ResponseWriter, r *http.Request) {
	var rep hoststate.Report
	if err := json.NewDecoder(r.Body).Decode(&rep); err != nil {
		c.t.Error(err)
	}
	c.mu.Lock()
	held, let := c.held, c.let
	c.mu.Unlock()
	if held != nil {
		select {
		case held <- struct{}{}:
		default:
		}
		<-let
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse > 0 {
		c.refuse--
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	c.reports = append(c.reports, rep)
	w.WriteHeader(http.StatusNoContent)
}

// holdReports has reports wait until letReports; the channel hears of the first.
func (c *control) holdReports() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held, c.let = make(chan struct{}, 1), make(chan struct{})
	return c.held
}

func (c *control) letReports() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.let != nil {
		close(c.let)
	}
	c.held, c.let = nil, nil
}

func (c *control) refuseReports(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = n
}

// untilReport waits for a report, and forgets it and those before it.
func (c *control) untilReport(what string, ok func(hoststate.Report) bool) hoststate.Report {
	c.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		c.mu.Lock()
		for i, r := range c.reports {
			if ok(r) {
				c.reports = c.reports[i+1:]
				c.mu.Unlock()
				return r
			}
		}
		c.mu.Unlock()
	}
	c.t.Fatalf("not reported: %s; but %+v", what, c.reports)
	return hoststate.Report{}
}

func (c *control) lastReport() hoststate.Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.reports) == 0 {
		return hoststate.Report{}
	}
	return c.reports[len(c.reports)-1]
}

func receive[T any](t *testing.T, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("not within %s: %s", patience, what)
	}
	return v
}

func (c *control) connection() *connection {
	c.t.Helper()
	return receive(c.t, "a connection", c.conns)
}

func (c *control) wantBatch(want feed.Batch) {
	c.t.Helper()
	if diff := cmp.Diff(want, receive(c.t, "a batch", c.batches)); diff != "" {
		c.t.Fatalf("(-want +got)\n%s", diff)
	}
}

func (s *connection) send(lines ...any) {
	s.t.Helper()
	for _, line := range lines {
		select {
		case s.lines <- line:
		case <-time.After(patience):
			s.t.Fatal("the stream has ended")
		}
	}
}

func (s *connection) end() { close(s.ended) }

func (s *connection) refuse() { s.lines <- nil }
