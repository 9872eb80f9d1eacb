// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// serverOf returns a server of a handler that waits as long as it takes.
func serverOf(h http.HandlerFunc) *Server {
	return &Server{Handler: h, MaxHead: 4 << 10, Log: slog.New(slog.DiscardHandler)}
}

// caller is a connection to a server.
type caller struct {
	net.Conn
	r *bufio.Reader
	t *testing.T
}

func dial(t *testing.T, addr string) *caller {
	t.Helper()
	c, err := net.Dial("unix", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return &caller{c, bufio.NewReader(c), t}
}

func (c *caller) say(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

// hear reads an answer.
func (c *caller) hear() (int, string) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// ended says whether the connection has come to its end.
func (c *caller) ended() bool {
	_, err := c.r.ReadByte()
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

func TestACallerWhoGoesIsNoticed(t *testing.T) {
	for _, tt := range []struct {
		name, sent string
		read       bool // the handler reads the body
	}{
		{"without a body", get, false},
		{"with a body that was read", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab", true},
		{"with a body that breaks off", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inside, noticed := make(chan struct{}), make(chan struct{})
			addr := start(t, serverOf(func(w http.ResponseWriter, r *http.Request) {
				close(inside)
				if tt.read {
					io.Copy(io.Discard, r.Body)
				}
				<-r.Context().Done()
				close(noticed)
			}))
			c := dial(t, addr)
			c.say(tt.sent)
			<-inside
			c.Close()
			<-noticed
		})
	}
}

func TestACallerWhoGoesIsNoticedHoweverLongHeHasWaited(t *testing.T) {
	const patience = 2 * watchAfter
	for name, sent := range map[string]string{
		"without a body": get,
		"with a body":    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab",
	} {
		t.Run(name, func(t *testing.T) {
			inside, noticed := make(chan struct{}), make(chan struct{})
			s := serverOf(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				close(inside)
				<-r.Context().Done()
				close(noticed)
			})
			s.Head, s.Idle, s.Piece = patience, patience, patience
			c := dial(t, start(t, s))
			c.say(sent)
			<-inside
			time.Sleep(3 * patience) // no more than a deadline, which may be kept late
			c.Close()
			select {
			case <-noticed:
			case <-time.After(10 * time.Second):
				t.Fatal("he is waited for") // the handler ends with the server
			}
		})
	}
}

func TestACallerWhoStaysIsServedOn(t *testing.T) {
	addr := start(t, serverOf(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(3 * watchAfter / 2)
		}
		if r.Context().Err() != nil {
			t.Error("the caller is said to have gone")
		}
		io.WriteString(w, r.URL.Path)
	}))
	c := dial(t, addr)
	for _, path := range []string{"/slow", "/quick", "/slow", "/quick"} {
		c.say("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
		if status, body := c.hear(); status != 200 || body != path {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	c.say("GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n") // the next waits meanwhile
	for _, path := range []string{"/slow", "/next"} {
		if status, body := c.hear(); status != 200 || body != path {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
}

func TestWhoeverIsSlowIsNotWaitedFor(t *testing.T) {
	const short = 50 * time.Millisecond
	broken := make(chan error, 1)
	s := serverOf(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		broken <- err
	})
	s.Head, s.Idle, s.Piece = short, short, short
	addr := start(t, s)
	for _, tt := range []struct {
		name, sent string
		answers    int // before the end
		body       bool
	}{
		{"with the first byte", "", 0, false},
		{"with the head", "GET / HTTP/1.1\r\nHost: x\r\nX: ", 0, false},
		{"with the body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab", 1, true},
		{"with the next request", get, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, addr)
			c.say(tt.sent)
			for range tt.answers {
				if status, _ := c.hear(); status != 200 {
					t.Errorf("status %d", status)
				}
				if err := <-broken; tt.body != errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("the body: %v", err)
				}
			}
			if !c.ended() {
				t.Error("the connection goes on")
			}
		})
	}
	t.Run("byte by byte", func(t *testing.T) {
		c := dial(t, addr)
		for begun := time.Now(); ; time.Sleep(short / 5) {
			if _, err := io.WriteString(c, "X"); err != nil {
				break
			}
			if time.Since(begun) > 5*time.Second {
				t.Fatal("a head may come as slowly as it likes")
			}
		}
	})
}

func TestADeadlineIsOneRequestsAlone(t *testing.T) {
	const short = 20 * time.Millisecond
	addr := start(t, serverOf(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		if r.URL.Path == "/hurry" {
			c.SetReadDeadline(time.Now().Add(short))
			c.SetWriteDeadline(time.Now().Add(short))
		}
		io.Copy(w, r.Body)
	}))
	c := dial(t, addr)
	for _, path := range []string{"/hurry", "/", "/hurry", "/"} {
		c.say("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
		if path == "/" {
			time.Sleep(2 * short)
		}
		c.say("body")
		if status, body := c.hear(); status != 200 || body != "body" {
			t.Errorf("%s: %d %q", path, status, body)
		}
		time.Sleep(2 * short)
	}
}

func TestWhoWritesAfterTheHandlerIsTold(t *testing.T) {
	late := make(chan http.ResponseWriter, 3)
	c := dial(t, start(t, serverOf(func(w http.ResponseWriter, r *http.Request) { late <- w })))
	for range 2 {
		c.say(get)
		c.hear()
	}
	w := <-late
	<-late // the first answer has ended for good
	if _, err := w.Write([]byte("late")); err == nil {
		t.Error("it was written")
	}
	if err := http.NewResponseController(w).Flush(); err == nil {
		t.Error("it was sent")
	}
	c.say(get)
	if status, body := c.hear(); status != 200 || body != "" {
		t.Errorf("the next answer: %d %q", status, body)
	}
}

func TestServingEnds(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	s := serverOf(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/wait":
			close(inside)
			<-release
			io.WriteString(w, "late")
		case "/stay":
			close(inside)
			<-r.Context().Done()
		}
	})
	for _, tt := range []struct {
		name    string
		goodbye time.Duration
		path    string
		want    string
	}{
		{"once requests are answered", 10 * time.Second, "/wait", "late"},
		{"after a while even if they are not", 10 * time.Millisecond, "/stay", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inside, release = make(chan struct{}), make(chan struct{})
			s.Goodbye = tt.goodbye
			l := listen(t)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Serve(ctx, l) }()
			addr := l.Addr().String()
			idle, under := dial(t, addr), dial(t, addr)
			idle.say(get)
			idle.hear()
			under.say("GET " + tt.path + " HTTP/1.1\r\nHost: x\r\n\r\n")
			<-inside
			cancel()
			if !idle.ended() {
				t.Error("a connection without a request goes on")
			}
			close(release)
			if tt.want != "" {
				if _, body := under.hear(); body != tt.want {
					t.Errorf("answer %q", body)
				}
			}
			if _, err := io.Copy(io.Discard, under.r); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection goes on")
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAHandlersPanicEndsItsConnectionAlone(t *testing.T) {
	var log strings.Builder
	s := serverOf(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic("a mistake")
		}
	})
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	l := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	bad, good := dial(t, l.Addr().String()), dial(t, l.Addr().String())
	bad.say("GET /panic HTTP/1.1\r\nHost: x\r\n\r\n")
	if !bad.ended() {
		t.Error("the connection goes on")
	}
	good.say(get)
	good.hear()
	cancel()
	<-ended
	if !strings.Contains(log.String(), "a mistake") || !strings.Contains(log.String(), "server_test.go") {
		t.Errorf("log: %s", &log)
	}
}

func TestAHandlerTakesTheConnectionOver(t *testing.T) {
	addr := start(t, serverOf(func(w http.ResponseWriter, r *http.Request) {
		c, b, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		line, _ := b.ReadString('\n')
		io.WriteString(c, "heard "+line)
	}))
	c := dial(t, addr)
	c.say(get + "this\n")
	if b, _ := io.ReadAll(c.r); string(b) != "heard this\n" {
		t.Errorf("%q", b)
	}
}

func TestRequestsOverTLS(t *testing.T) {
	with := httptest.NewUnstartedServer(nil) // for its certificate
	with.StartTLS()
	defer with.Close()
	noticed := make(chan struct{})
	s := serverOf(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || r.TLS.Version != tls.VersionTLS13 {
			t.Errorf("TLS %v", r.TLS)
		}
		if r.URL.Path == "/stay" {
			<-r.Context().Done()
			close(noticed)
		}
		b, _ := io.ReadAll(r.Body)
		w.Write(b)
	})
	s.Head = 5 * time.Second
	l := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, tls.NewListener(l, with.TLS)) }()
	defer func() { cancel(); <-ended }()
	plain := dial(t, l.Addr().String())
	plain.say(get)
	if status, _ := plain.hear(); status != http.StatusBadRequest {
		t.Errorf("plain HTTP is answered with %d", status)
	}
	raw := dial(t, l.Addr().String())
	c := &caller{tls.Client(raw.Conn, &tls.Config{InsecureSkipVerify: true}), nil, t}
	c.r = bufio.NewReader(c.Conn)
	long := strings.Repeat("long", 20<<10)
	for range 2 {
		go io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n14000\r\n"+long+"\r\n0\r\n\r\n")
		if status, body := c.hear(); status != 200 || body != long {
			t.Errorf("status %d, %d bytes", status, len(body))
		}
	}
	c.say("GET /stay HTTP/1.1\r\nHost: x\r\n\r\n")
	time.Sleep(2 * watchAfter)
	c.Close() // says so in TLS first
	<-noticed
}

func TestADeadlineIsNeverEarlyAndSeldomMoved(t *testing.T) {
	var d deadline
	var sets []time.Time
	set := func(t time.Time) error { sets = append(sets, t); return nil }
	for range 1000 {
		d.within(time.Minute)
		d.apply(set)
		if d.set.Before(d.want) || d.set.After(d.want.Add(16*time.Second)) {
			t.Fatalf("%v is set for %v", d.set, d.want)
		}
	}
	if len(sets) != 1 {
		t.Errorf("moved %d times within a moment", len(sets))
	}
	d.within(time.Second)
	d.apply(set)
	d.within(0)
	d.apply(set)
	d.within(0)
	d.apply(set)
	if len(sets) != 3 || sets[1].After(sets[0]) || !sets[2].IsZero() {
		t.Errorf("set to %v", sets)
	}
	d.cut(set)
	d.within(time.Minute)
	d.apply(set)
	if last := sets[len(sets)-1]; len(sets) != 4 || !last.Before(time.Now()) {
		t.Errorf("after the end it is set to %v", last)
	}
}
