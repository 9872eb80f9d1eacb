// SPDX-License-Identifier: Apache-2.0

// Package reach is the way from control to the agents of other hosts: an agent
// offers connections to control, and control gives each to one operator, who then
// speaks HTTP with the agent. It knows how connections are made and joined; what is
// asked by them is the agent's and the operator's.
package reach

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// OfferPath is where an agent offers a connection. Control answers with 101 when
// somebody asks, then says an [Asker] in a line of JSON, and the agent says [Ready].
const OfferPath = "/v1/offer"

// AgentPath is where an operator asks control for a connection to the host's agent.
func AgentPath(host string) string { return "/v1/hosts/" + url.PathEscape(host) + "/agent" }

// Protocol is what both upgrade to.
const Protocol = "enishi-reach"

// Head is the answer that turns a request into a connection.
const Head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + Protocol + "\r\n\r\n"

// Ready is what an agent says before it serves: whoever waits for it knows that the
// connection leads somewhere.
const Ready = '\n'

// Asker is who uses a connection, as control's machine knows it: root there, or the
// user who started `enishi up`.
type Asker struct {
	Root bool `json:"root"`
}

// Dial returns a connection to the host's agent, by the control that listens on the
// unix socket.
func Dial(ctx context.Context, control, host string) (*Stream, error) {
	return upgrade(ctx, control, http.MethodGet, AgentPath(host))
}

// Stream is a connection whose first bytes were read ahead.
type Stream struct {
	net.Conn
	R *bufio.Reader
}

func (s *Stream) Read(p []byte) (int, error) { return s.R.Read(p) }

// upgrade makes a request that control answers by a connection. It waits as long as
// ctx does.
func upgrade(ctx context.Context, control, method, path string) (s *Stream, err error) {
	c, err := new(net.Dialer).DialContext(ctx, "unix", control)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() && err == nil {
			err = ctx.Err()
		}
		if err != nil {
			c.Close()
		}
	}()
	if _, err = fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: control\r\nConnection: Upgrade\r\nUpgrade: %s\r\nContent-Length: 0\r\n\r\n", method, path, Protocol); err != nil {
		return nil, err
	}
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return &Stream{c, r}, nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
	return nil, errors.New(strings.TrimSpace(string(text)))
}

// Join copies between two connections until one ends or ctx does; then both are
// closed.
func Join(ctx context.Context, a, b net.Conn) {
	closeBoth := func() { a.Close(); b.Close() }
	defer context.AfterFunc(ctx, closeBoth)()
	back := make(chan struct{})
	go func() {
		defer close(back)
		defer closeBoth()
		_, _ = io.Copy(a, b)
	}()
	_, _ = io.Copy(b, a)
	closeBoth()
	<-back
}
