// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// answering is a server whose connections are counted.
type answering struct {
	*Client
	accepted atomic.Int64
	server   *http.Server
}

func newAnswering(t *testing.T, handle http.HandlerFunc) *answering {
	t.Helper()
	a := &answering{Client: &Client{Path: filepath.Join(t.TempDir(), "u.sock")}}
	a.listen(t, handle)
	t.Cleanup(a.CloseIdle)
	return a
}

func (a *answering) listen(t *testing.T, handle http.HandlerFunc) {
	t.Helper()
	l, err := net.Listen("unix", a.Path)
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
	resp, err := a.Do(ctx, &Request{Method: http.MethodPost, Target: "/", Host: "box", Body: body, Length: length})
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
		resp, err := a.Do(t.Context(), &Request{Method: http.MethodGet, Target: "/", Host: "box"})
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

func TestAServerThatWasStartedAgainIsReached(t *testing.T) {
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
		for range 16 {
			w.WriteHeader(http.StatusProcessing)
		}
	})
	if got, err := a.ask(t.Context(), 1, strings.NewReader("x")); err == nil {
		t.Errorf("answer %q", got)
	}
}
