// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// answering is an upstream whose connections are counted.
type answering struct {
	*upstream
	accepted atomic.Int64
	server   *http.Server
}

func newAnswering(t *testing.T, handle http.HandlerFunc) *answering {
	t.Helper()
	a := &answering{upstream: &upstream{path: filepath.Join(t.TempDir(), "u.sock")}}
	a.listen(t, handle)
	t.Cleanup(a.closeIdle)
	return a
}

func (a *answering) listen(t *testing.T, handle http.HandlerFunc) {
	t.Helper()
	l, err := net.Listen("unix", a.path)
	if err != nil {
		t.Fatal(err)
	}
	a.server = &http.Server{Handler: handle, ConnState: func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			a.accepted.Add(1)
		}
	}}
	ended := make(chan struct{})
	server := a.server
	go func() { defer close(ended); server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-ended })
}

// ask posts a body and returns the answer's.
func (a *answering) ask(ctx context.Context, length int64, body io.Reader) (string, error) {
	r, err := http.NewRequest(http.MethodPost, "http://box/", body)
	if err != nil {
		return "", err
	}
	r.ContentLength = length
	resp, err := a.roundTrip(ctx, r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func echoBody(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body) // net/http reads no more once it answers
	w.Write(b)
}

func TestAConnectionIsUsedAgain(t *testing.T) {
	a := newAnswering(t, echoBody)
	for _, body := range []string{"one", "", "three"} {
		got, err := a.ask(t.Context(), int64(len(body)), strings.NewReader(body))
		if got != body || err != nil {
			t.Errorf("%q came back for %q, %v", got, body, err)
		}
	}
	if n := a.accepted.Load(); n != 1 {
		t.Errorf("%d connections for three requests in a row", n)
	}
}

func TestLongBodiesArriveWhole(t *testing.T) {
	a := newAnswering(t, echoBody)
	body := strings.Repeat("long", readAhead)
	for _, length := range []int64{int64(len(body)), -1} {
		got, err := a.ask(t.Context(), length, strings.NewReader(body))
		if got != body || err != nil {
			t.Errorf("of length %d: %d bytes of %d came back, %v", length, len(got), len(body), err)
		}
	}
}

func TestWhatIsLeftOverIsNotUsedAgain(t *testing.T) {
	a := newAnswering(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat("x", 1<<20)) })
	for range 2 {
		r, err := http.NewRequest(http.MethodGet, "http://box/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := a.roundTrip(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 3)); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if n := a.accepted.Load(); n != 2 {
		t.Errorf("%d connections for two answers that were not read", n)
	}
}

func TestAnUpstreamThatWasStartedAgainIsReached(t *testing.T) {
	a := newAnswering(t, echoBody)
	if _, err := a.ask(t.Context(), 1, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	a.server.Close()
	_, err := a.ask(t.Context(), 1, strings.NewReader("x"))
	if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" {
		t.Errorf("with nobody there: %v, want that none was reached", err)
	}
	a.listen(t, echoBody)
	if got, err := a.ask(t.Context(), 1, strings.NewReader("y")); got != "y" || err != nil {
		t.Errorf("answer %q, %v", got, err)
	}
}

func TestAnAnswerMayComeBeforeTheBodysEnd(t *testing.T) {
	a := newAnswering(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // or net/http reads the body first
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, "no")
	})
	body, more := io.Pipe()
	defer more.Close()
	if got, err := a.ask(t.Context(), -1, body); got != "no" || err != nil {
		t.Errorf("answer %q, %v", got, err)
	}
}

func TestWhoeverIsCalledOffReturns(t *testing.T) {
	inside := make(chan struct{})
	a := newAnswering(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // net/http notices a caller who goes only then
		close(inside)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-inside; cancel() }()
	begun := time.Now()
	if _, err := a.ask(ctx, 1, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("after %v: %v", time.Since(begun), err)
	}
}

func TestEndlessNewsIsNoAnswer(t *testing.T) {
	a := newAnswering(t, func(w http.ResponseWriter, r *http.Request) {
		for range 2 * mostNews {
			w.WriteHeader(http.StatusProcessing)
		}
	})
	if got, err := a.ask(t.Context(), 1, strings.NewReader("x")); err == nil {
		t.Errorf("answer %q", got)
	}
}

func TestTrailersOfARequestArrive(t *testing.T) {
	var got http.Header
	var body string
	box := newAnswering(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		body, got = string(b), r.Trailer
	})
	g := &gateway{services: box.upstream}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.proxy(&exchange{w: w, r: r, patience: usualPatience()})
	}))
	defer front.Close()
	c, err := net.Dial("tcp", front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// S3's clients send the checksum of a body like this, once they know it.
	io.WriteString(c, "PUT /bucket/key HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: x-amz-checksum-crc32\r\n\r\n"+
		"5\r\nhello\r\n0\r\nx-amz-checksum-crc32: NhCmhg==\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || body != "hello" || got.Get("X-Amz-Checksum-Crc32") != "NhCmhg==" {
		t.Errorf("status %d; body %q, trailers %v", resp.StatusCode, body, got)
	}
}
