// SPDX-License-Identifier: Apache-2.0

// Package feed carries units from control to the processes of a host, and
// reports back. It knows the channel (how a stream starts, breaks and resumes,
// what is pending for whom), never what a unit means.
package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"enishi.dev/enishi/hoststate"
	"golang.org/x/sync/errgroup"
)

// Batch is one step of what a host must hold: after it, exactly what control
// wants at Position, but for units that this program does not understand.
type Batch struct {
	Position hoststate.Position
	Full     bool // what is not in Set is gone
	Set      []hoststate.Unit
	Gone     []hoststate.Key
}

// Client follows the feed as one process of a host. The zero Reporter is ready
// for use; its methods may be called from any goroutine, also inside apply.
type Client struct {
	HTTP *http.Client // reaches control whatever the URL's host; see [UnixClient]
	Host string
	Role hoststate.Role
	Log  *slog.Logger
	// Tunnel is this host's address in the network between hosts, if it has one: an
	// agent says it to control.
	Tunnel netip.Addr

	Reporter
}

// Limits of the channel.
const (
	silence    = 15 * time.Second      // control writes an empty line every 5 s
	firstRetry = 10 * time.Millisecond // a control that restarts is back within a second
	lastRetry  = time.Second
	maxDelta   = 1 << 30 // bytes of one delta: a world of some million units
	base       = "http://control"
)

// Run follows the feed until ctx ends, calling apply with each batch, one at a
// time, and reports the position after each that apply returned nil for. A unit
// that alone cannot be made true is no error of apply: it calls Refused and goes
// on. After an error of apply everything is sent again.
func (c *Client) Run(ctx context.Context, apply func(context.Context, Batch) error) error {
	defer c.HTTP.CloseIdleConnections()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.follow(ctx, apply) })
	g.Go(func() error { return c.sendReports(ctx) })
	return g.Wait()
}

// follow opens one stream after the other.
func (c *Client) follow(ctx context.Context, apply func(context.Context, Batch) error) error {
	held := &holding{units: make(map[hoststate.Key]hoststate.Unit)}
	retry := firstRetry
	for {
		n, err := c.stream(ctx, held, apply)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if n > 0 {
			retry = firstRetry
		}
		c.Log.Warn("feed ended, following again", "host", c.Host, "rev", held.position.Revision, "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retry):
		}
		retry = min(2*retry, lastRetry)
	}
}

// stream follows one connection to its end; n counts the batches applied.
func (c *Client) stream(ctx context.Context, held *holding, apply func(context.Context, Batch) error) (n int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer watchdog.Stop()

	q := url.Values{
		"host":        {c.Host},
		"role":        {string(c.Role)},
		"incarnation": {held.position.Incarnation},
		"revision":    {strconv.FormatInt(held.position.Revision, 10)},
	}
	if c.Tunnel.IsValid() {
		q.Set("tunnel", c.Tunnel.String())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/v1/feed?"+q.Encode(), nil)
	if err != nil {
		return 0, err
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return 0, cause(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, refusal(resp)
	}
	c.restart()
	body := &reader{r: resp.Body, watchdog: watchdog}
	for dec := json.NewDecoder(body); ; n++ {
		var d hoststate.Delta
		body.left = maxDelta
		if err := dec.Decode(&d); err != nil {
			return n, fmt.Errorf("read delta: %w", cause(ctx, err))
		}
		watchdog.Stop() // nobody reads while the batch is applied
		if err := c.take(ctx, held, d, apply); err != nil {
			return n, err
		}
		watchdog.Reset(silence)
	}
}

// take applies one delta.
func (c *Client) take(ctx context.Context, held *holding, d hoststate.Delta, apply func(context.Context, Batch) error) error {
	b, refused := held.open(d)
	c.settle(b, refused)
	if err := apply(ctx, b); err != nil {
		held.position = hoststate.Position{}
		return fmt.Errorf("apply revision %d: %w", d.Position.Revision, err)
	}
	held.position = d.Position
	c.reached(d.Position)
	return nil
}

var errSilent = errors.New("control is silent")

// cause prefers the reason why ctx ended to the error that followed from it.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// refusal is the error for an answer other than success.
func refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 512))
	return fmt.Errorf("control answers %s: %s", resp.Status, text)
}

// reader bounds one delta and feeds the watchdog.
type reader struct {
	r        io.Reader
	watchdog *time.Timer
	left     int
}

func (r *reader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errors.New("delta is too large")
	}
	n, err := r.r.Read(p)
	r.left -= n
	if n > 0 {
		r.watchdog.Reset(silence)
	}
	return n, err
}
