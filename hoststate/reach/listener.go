// SPDX-License-Identifier: Apache-2.0

package reach

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// Listener accepts what operators on control's machine ask of this host.
type Listener struct {
	Control string // control.sock of this host
	Log     *slog.Logger

	asked chan *Asked
	done  context.Context
}

// Asked is a connection on which one operator speaks.
type Asked struct {
	*Stream
	Asker
}

// Listen returns a listener that accepts until ctx ends. Connections come while
// [Listener.Run] runs.
func Listen(ctx context.Context, control string, log *slog.Logger) *Listener {
	return &Listener{Control: control, Log: log, asked: make(chan *Asked), done: ctx}
}

const (
	firstRetry = 10 * time.Millisecond
	lastRetry  = time.Second
	readyLimit = 5 * time.Second // control says at once who asks
)

// Run offers one connection after the other until ctx ends. That control is away
// the feed says; it is no news here.
func (l *Listener) Run(ctx context.Context) error {
	retry := firstRetry
	for ctx.Err() == nil {
		c, err := l.offer(ctx)
		if err == nil {
			retry = firstRetry
			select {
			case l.asked <- c:
			case <-ctx.Done():
				c.Close()
			}
			continue
		}
		l.Log.Debug("offer a connection to control", "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
		retry = min(2*retry, lastRetry)
	}
	return ctx.Err()
}

// offer waits until somebody asks by a new connection.
func (l *Listener) offer(ctx context.Context) (*Asked, error) {
	c, err := upgrade(ctx, l.Control, "POST", OfferPath)
	if err != nil {
		return nil, err
	}
	a := &Asked{Stream: c}
	_ = c.SetDeadline(time.Now().Add(readyLimit))
	line, err := c.R.ReadSlice('\n')
	if err == nil {
		err = json.Unmarshal(line, &a.Asker)
	}
	if err == nil {
		_, err = c.Write([]byte{Ready})
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("hear who asks: %w", err)
	}
	return a, c.SetDeadline(time.Time{})
}

// Accept waits for the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.asked:
		return c, nil
	case <-l.done.Done():
		return nil, net.ErrClosed
	}
}

// Close does nothing: the listener ends with its context.
func (l *Listener) Close() error { return nil }

// Addr is control's socket.
func (l *Listener) Addr() net.Addr { return &net.UnixAddr{Name: l.Control, Net: "unix"} }
