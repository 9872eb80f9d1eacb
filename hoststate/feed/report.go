// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"enishi.dev/enishi/hoststate"
)

// heartbeat is how often a process is heard even when it has nothing to say:
// control stops waiting for one that is silent for 5 s.
const heartbeat = 2 * time.Second

// signal wakes the sender. The lock is held.
func (r *Reporter) signal() {
	select {
	case r.waker() <- struct{}{}:
	default: // it will see this with the rest
	}
}

func (r *Reporter) waker() chan struct{} {
	if r.wake == nil {
		r.wake = make(chan struct{}, 1)
	}
	return r.wake
}

// reached makes p the position of the reports from now on.
func (r *Reporter) reached(p hoststate.Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.position = p
	r.signal()
}

// restart makes the next report a full one.
func (r *Reporter) restart() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.full, r.met = true, true
}

// pending returns the next report and forgets the news that it carries. Nothing
// means anything without a position: until the first batch holds, which may take a
// while, a control that was met only hears that this process is alive.
func (r *Reporter) pending() (rep hoststate.Report, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.position == (hoststate.Position{}) {
		return rep, r.met
	}
	f := r.news
	if r.full {
		f = r.all
	}
	rep = hoststate.Report{
		Position:  r.position,
		Full:      r.full,
		Refused:   maps.Clone(f.refused),
		Ready:     maps.Clone(f.ready),
		Closed:    slices.Sorted(maps.Keys(f.closed)),
		Instances: maps.Clone(f.instances),
	}
	r.news, r.full = facts{}, false
	return rep, true
}

// sendReports sends news as they come, one report at a time.
func (c *Client) sendReports(ctx context.Context) error {
	c.mu.Lock()
	wake := c.waker()
	c.mu.Unlock()
	retry := firstRetry
	for {
		wait := heartbeat
		if rep, ok := c.pending(); ok {
			if err := c.post(ctx, rep); err != nil {
				c.restart() // what was lost is in the next one
				c.Log.Debug("report not sent", "host", c.Host, "err", err)
				wait, retry = retry, min(2*retry, lastRetry)
			} else {
				retry = firstRetry
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		case <-time.After(wait):
		}
	}
}

// post sends one report.
func (c *Client) post(ctx context.Context, rep hoststate.Report) error {
	rep.Host, rep.Role = c.Host, c.Role
	return c.send(ctx, "/v1/report", rep)
}

// Console tells control what an instance's script has written. It is not tried
// again.
func (c *Client) Console(ctx context.Context, instance string, output []byte) error {
	return c.send(ctx, "/v1/console", hoststate.Console{Host: c.Host, Instance: instance, Output: output})
}

func (c *Client) send(ctx context.Context, path string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return refusal(resp)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<10))
	return err
}
