// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"io"
	"net/netip"
	"sync"
	"time"

	"enishi.dev/enishi/hoststate"
)

// access is the log of requests through endpoints, a line of JSON each.
type access struct {
	mu sync.Mutex
	to io.Writer // nil: nowhere
}

// line is what the log says of a request. docs/access-log.md is its contract.
type line struct {
	Time    time.Time  `json:"time"` // when its head had arrived
	VPC     string     `json:"vpc"`
	VPCE    string     `json:"vpce"`
	Source  netip.Addr `json:"source"`
	Service string     `json:"service"`
	Action  string     `json:"action,omitempty"`
	Status  int        `json:"status"`
	Bytes   int64      `json:"bytes"`
	Millis  float64    `json:"ms"`
	Request string     `json:"request"`
}

// write adds the line of a request that was answered with a body of so many
// bytes. Lines are whole, whoever writes beside it.
func (a *access) write(q hoststate.Request, bytes int64) error {
	if a.to == nil {
		return nil
	}
	b, err := json.Marshal(line{
		Time: q.Time.UTC(), VPC: q.Network, VPCE: q.Endpoint, Source: q.Source, Service: q.Service, Action: q.Action,
		Status: q.Status, Bytes: bytes, Millis: float64(q.Duration.Microseconds()) / 1000, Request: q.ID,
	})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	_, err = a.to.Write(append(b, '\n'))
	return err
}
