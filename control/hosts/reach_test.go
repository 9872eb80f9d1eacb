// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"enishi.dev/enishi/hoststate/reach"
)

// offering is an agent of the local host, which answers with its name.
func offering(t *testing.T, control, name string) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	l := reach.Listen(ctx, control, quiet)
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			root := "somebody"
			if c.(*reach.Asked).Root {
				root = "root"
			}
			_, _ = io.WriteString(c, name+" hears "+root)
			c.Close()
		}
	}()
	return func() { cancel(); <-ended }
}

func TestAnAgentIsReached(t *testing.T) {
	needsRoot(t)
	w := newWorld(t)
	socket := w.listen()
	reached := func(who reach.Asker) string {
		t.Helper()
		c, err := w.reach(t.Context(), "local", who)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		b, err := io.ReadAll(c)
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	stop := offering(t, socket, "one")
	for range 3 {
		if got := reached(reach.Asker{Root: true}); got != "one hears root" {
			t.Error(got)
		}
	}
	if got := reached(reach.Asker{}); got != "one hears somebody" {
		t.Error(got)
	}
	stop() // its offer is worth nothing from now on
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := w.reach(ctx, "local", reach.Asker{}); err == nil || !strings.Contains(err.Error(), "host local is not heard") {
		t.Errorf("an agent that is gone: %v", err)
	}
	defer offering(t, socket, "another")()
	if got := reached(reach.Asker{Root: true}); got != "another hears root" {
		t.Error(got)
	}
}

func TestAnOfferThatNobodyServesIsNotGiven(t *testing.T) {
	needsRoot(t)
	w := newWorld(t)
	socket := w.listen()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST "+reach.OfferPath+" HTTP/1.1\r\nHost: control\r\nContent-Length: 0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	go func() { // and says something else when somebody asks
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "x")
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if got, err := w.reach(ctx, "local", reach.Asker{}); err == nil {
		got.Close()
		t.Error("it was given")
	}
}

func TestWhoReachesAgents(t *testing.T) {
	needsRoot(t)
	w := newWorld(t)
	w.launch(1, "b")
	w.launch(2, "removed")
	local, remote := w.serve(), w.serveRemote()
	b := w.enter(remote(nil), "b", w.invite(local, "b"))
	for name, c := range map[string]struct {
		path string
		code int
		says string
	}{
		"where an instance is":                {"/v1/where?instance=i-1", 200, `{"host":"b"}`},
		"where an interface is":               {"/v1/where?interface=eni-i-1", 200, `{"host":"b"}`},
		"what is nowhere":                     {"/v1/where?instance=i-3", 200, `{"host":""}`},
		"what a host had that was removed":    {"/v1/where?instance=i-2", 200, `{"host":""}`},
		"this machine's agent is at hand":     {"/v1/hosts/local/agent", 400, "agent.sock"},
		"a host that there is not":            {"/v1/hosts/c/agent", 400, `there is no host "c"`},
		"a host that has never offered a way": {"/v1/hosts/b/agent", 503, "host b is not heard"},
	} {
		t.Run(name, func(t *testing.T) {
			if code, text := ask(t, local, "GET", c.path, nil); code != c.code || !strings.Contains(text, c.says) {
				t.Errorf("%d: %s", code, text)
			}
		})
	}
	for path, code := range map[string]int{"GET /v1/hosts/b/agent": 404, "GET /v1/where?instance=i-1": 404} {
		method, path, _ := strings.Cut(path, " ")
		if got, text := ask(t, remote(b["agent"]), method, path, nil); got != code {
			t.Errorf("another host asks for %s: %d %s", path, got, text)
		}
	}
	if got, text := ask(t, remote(b["gateway"]), "POST", reach.OfferPath, nil); got != 403 {
		t.Errorf("a gateway offers: %d %s", got, text)
	}
}
