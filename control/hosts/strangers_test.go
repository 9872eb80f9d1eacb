// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"enishi.dev/enishi/hoststate/reach"
)

// hail connects to control as another machine and begins a request; nil if the connection
// is not taken.
func (w *world) hail(cert *tls.Certificate, head ...string) net.Conn {
	w.t.Helper()
	c, err := w.dialRemote(w.t.Context(), cert)
	if err != nil {
		return nil
	}
	w.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, strings.Join(append(head, "Host: control", "", ""), "\r\n")); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// hear reads an answer's head, and returns its body.
func (w *world) hear(c net.Conn, status int) *bufio.Reader {
	w.t.Helper()
	if c == nil {
		w.t.Fatal("the connection is not taken")
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != status {
		w.t.Fatalf("want %d, got %+v, %v", status, resp, err)
	}
	return bufio.NewReader(resp.Body)
}

// follow opens a stream of the host b and reads its first delta.
func (w *world) follow(cert *tls.Certificate) *bufio.Reader {
	w.t.Helper()
	lines := w.hear(w.hail(cert, "GET /v1/feed?host=b&role=agent HTTP/1.1"), http.StatusOK)
	w.goesOn(lines)
	return lines
}

func (w *world) goesOn(stream *bufio.Reader) {
	w.t.Helper()
	if _, err := stream.ReadString('\n'); err != nil {
		w.t.Errorf("the stream ends: %v", err)
	}
}

func TestABodyIsNotWaitedForAndWhatWaitsGoesOn(t *testing.T) {
	needsRoot(t)
	w := newWorld(t)
	w.limits.piece = 50 * time.Millisecond
	agent := w.enter(w.serveRemote()(nil), "b", w.invite(w.serve(), "b"))["agent"]
	stream := w.follow(agent)
	offer := w.hail(agent, "POST "+reach.OfferPath+" HTTP/1.1", "Content-Length: 0")
	late := w.hail(agent, "POST /v1/report HTTP/1.1", "Content-Length: 10")
	w.hear(late, http.StatusBadRequest)
	for who, c := range map[string]net.Conn{"a host": late, "a stranger": w.hail(nil, "POST /v1/join HTTP/1.1", "Content-Length: 10")} {
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the connection of %s goes on", who)
		}
	}
	time.Sleep(4 * w.limits.piece)
	w.launch(1, "b")
	w.goesOn(stream)
	go func() {
		in := bufio.NewReader(offer)
		for line := ""; !strings.HasPrefix(line, "{"); { // who asks
			var err error
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
		}
		_, _ = offer.Write([]byte{reach.Ready})
		time.Sleep(4 * w.limits.piece)
		_, _ = io.Copy(offer, in)
		offer.Close()
	}()
	c, err := w.reach(t.Context(), "b", reach.Asker{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(io.LimitReader(c, 5)); err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFewStrangersAtOnce(t *testing.T) {
	needsRoot(t)
	w := newWorld(t)
	w.limits.strangers = 2
	agent := w.enter(w.serveRemote()(nil), "b", w.invite(w.serve(), "b"))["agent"]
	taken := func() (c net.Conn) {
		t.Helper()
		for range 1000 { // the one before may not have ended there yet
			if c = w.hail(nil, "GET /nothing HTTP/1.1"); c != nil {
				w.hear(c, http.StatusNotFound)
				return c
			}
			time.Sleep(patience / 1000)
		}
		t.Fatal("there is no place")
		return nil
	}
	var streams []*bufio.Reader
	for range 3 {
		streams = append(streams, w.follow(agent)) // which takes none for long
	}
	first := taken()
	taken()
	if w.hail(nil, "GET /nothing HTTP/1.1") != nil {
		t.Error("a third one is taken")
	}
	w.launch(1, "b")
	for _, stream := range streams {
		w.goesOn(stream)
	}
	first.Close()
	taken()
}

func TestAStrangerDoesNotStay(t *testing.T) {
	needsRoot(t)
	w := newWorld(t)
	w.limits.stay = 500 * time.Millisecond
	agent := w.enter(w.serveRemote()(nil), "b", w.invite(w.serve(), "b"))["agent"]
	stream := w.follow(agent)
	c := w.hail(nil, "GET /nothing HTTP/1.1")
	w.hear(c, http.StatusNotFound)
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("its connection goes on")
	}
	w.launch(1, "b")
	w.goesOn(stream) // its connection is the older one
}
