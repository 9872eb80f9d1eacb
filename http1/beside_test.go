// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// handle does what a path asks for; both servers have it.
func handle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain") // net/http would guess
	switch r.URL.Path {
	case "/echo":
		b, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "the body broke off", http.StatusBadRequest)
			return
		}
		w.Write(bytes.ReplaceAll(b, []byte("HTTP/"), []byte("http/"))) // what looks like a head is one
	case "/unread":
		io.WriteString(w, "not looked at")
	case "/declared":
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "hello")
	case "/less":
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "hel")
	case "/more":
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "hel")
		io.WriteString(w, "lo and more")
	case "/long":
		io.WriteString(w, strings.Repeat("long", 5000))
	case "/pieces":
		for i := range 3 {
			fmt.Fprintf(w, "piece %d", i)
			http.NewResponseController(w).Flush()
		}
	case "/nothing":
		w.WriteHeader(http.StatusNoContent)
		io.WriteString(w, "which must not be seen")
	case "/unmodified":
		w.WriteHeader(http.StatusNotModified)
	case "/close":
		w.Header().Set("Connection", "close")
	case "/odd":
		w.Header()["X-Odd"] = []string{"one\r\nX-Made-Up: two", " three "}
		w.Header()["X Bad"] = []string{"name"}
		w.WriteHeader(299)
		w.WriteHeader(500)
		w.Header().Set("X-Late", "too late")
	case "/abort":
		w.Header().Set("Content-Length", "50")
		io.WriteString(w, "the beginning")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	default:
		text := fmt.Sprintf("%s %s %s %q %d %v", r.Method, r.RequestURI, r.Host, r.Header["X-A"], r.ContentLength, r.Close)
		io.WriteString(w, strings.ReplaceAll(text, "HTTP/", "http/"))
	}
}

func ours(t testing.TB) string {
	return start(t, &Server{Handler: http.HandlerFunc(handle), Head: 5 * time.Second, Idle: 5 * time.Second, MaxHead: 4 << 10, Log: slog.New(slog.DiscardHandler)})
}

// listen listens at a unix socket: ports would run out while fuzzing.
func listen(t testing.TB) net.Listener {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// start serves until the test ends.
func start(t testing.TB, s *Server) string {
	l := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func theirs(t testing.TB) string {
	l := listen(t)
	s := &http.Server{Handler: http.HandlerFunc(handle), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 5 * time.Second, MaxHeaderBytes: 4 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	ended := make(chan struct{})
	go func() { defer close(ended); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-ended })
	return l.Addr().String()
}

// say sends the bytes, then the end, and returns everything that comes back.
func say(t testing.TB, addr string, sent []byte) []byte {
	c, err := net.Dial("unix", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	_, werr := c.Write(sent)
	if werr == nil {
		c.(*net.UnixConn).CloseWrite()
	}
	got, err := io.ReadAll(c)
	if err != nil && len(got) == 0 && !strings.Contains(err.Error(), "reset") {
		t.Fatalf("for %q: %v", sent, err)
	}
	return got
}

// comparable is what the servers have to agree on: of an answer that a handler gave
// all but its date, of a refusal the status.
func comparable(got []byte) string {
	var out strings.Builder
	for len(got) > 0 {
		head, rest, found := bytes.Cut(got, []byte("\r\n\r\n"))
		lines := strings.Split(string(head), "\r\n")
		if !found || len(lines[0]) < len("HTTP/1.1 200") {
			fmt.Fprintf(&out, "and %q\n", got)
			break
		}
		end := bytes.Index(rest, []byte("HTTP/1."))
		if end < 0 {
			end = len(rest)
		}
		if status, _ := strconv.Atoi(lines[0][9:12]); status >= 400 {
			fmt.Fprintf(&out, "refused with %d\n", status)
		} else {
			old := strings.HasPrefix(lines[0], "HTTP/1.0")
			fields := slices.DeleteFunc(lines[1:], func(l string) bool {
				return strings.HasPrefix(l, "Date: ") || strings.HasPrefix(l, "Content-Type: ") || old && l == "Connection: close" // it goes without saying
			})
			slices.Sort(fields)
			body := rest[:end]
			if slices.Contains(fields, "Transfer-Encoding: chunked") && end > 0 {
				whole, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(body)))
				body = fmt.Appendf(whole, " chunked, to the end: %v", err)
			}
			fmt.Fprintf(&out, "%s %q %q\n", lines[0], fields, body)
		}
		got = rest[end:]
	}
	return out.String()
}

var said = []string{
	"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nX-A: 2\r\n\r\nGET /b HTTP/1.1\r\nHost: y\r\n\r\n",
	"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n",
	"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
	"GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
	"GET /declared HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /long HTTP/1.0\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhello",
	"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhelloGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
	"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: wonders\r\n\r\nhello",
	"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("x", 300000) + "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /declared HTTP/1.1\r\nHost: x\r\n\r\nHEAD /declared HTTP/1.1\r\nHost: x\r\n\r\nHEAD /echo HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"HEAD / HTTP/1.1\r\nHost: x\r\n\r\nHEAD /pieces HTTP/1.1\r\nHost: x\r\n\r\nHEAD /long HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /less HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /more HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /long HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /pieces HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\nGET /unmodified HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /close HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /odd HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /abort HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET / HTTP/1.1\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: x y\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: x\r\nX A: b\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("x", 20<<10) + "\r\n\r\n",
	"GET / HTTP/3.0\r\nHost: x\r\n\r\n",
	"GET / HTTP/1.7\r\nHost: x\r\n\r\n",
	"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET / HTTP/1.1\nHost: x\n\n",
	"\x16\x03\x01\x00\x05hello",
	"",
}

func TestAnswersAreThoseOfNetHTTP(t *testing.T) {
	a, b := ours(t), theirs(t)
	for _, s := range said {
		t.Run(strings.SplitN(s, "\n", 2)[0], func(t *testing.T) {
			if got, want := comparable(say(t, a, []byte(s))), comparable(say(t, b, []byte(s))); got != want {
				t.Errorf("for %.200q\n%s\nnet/http:\n%s", s, got, want)
			}
		})
	}
}

// FuzzBesideNetHTTP looks for requests that net/http's server takes differently.
func FuzzBesideNetHTTP(f *testing.F) {
	for _, s := range said {
		f.Add([]byte(s))
	}
	a, b := ours(f), theirs(f)
	f.Fuzz(func(t *testing.T, s []byte) {
		if differs(s) {
			t.Skip()
		}
		if got, want := comparable(say(t, a, s)), comparable(say(t, b, s)); got != want {
			t.Errorf("for %q\n%s\nnet/http:\n%s", s, got, want)
		}
	})
}

// differs says whether the servers are meant to differ: net/http answers for the
// whole server itself (*), lets HTTP/2 begin, takes an empty host for one, and looks
// for words of Connection and Expect in what are no lists.
func differs(s []byte) bool {
	for line := range bytes.Lines(s) {
		name, value, _ := strings.Cut(strings.ToLower(string(line)), ":")
		value = strings.TrimSpace(value)
		switch name {
		case "host":
			if value == "" {
				return true
			}
		case "connection", "expect":
			if !slices.Contains([]string{"close", "keep-alive", "100-continue", ""}, value) {
				return true
			}
		}
	}
	return bytes.Contains(s, []byte("*")) || bytes.Contains(s, []byte("//")) || bytes.Contains(s, []byte("PRI"))
}
