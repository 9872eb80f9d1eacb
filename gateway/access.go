// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"io"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"enishi.dev/enishi/hoststate"
)

// access is the log of requests, a line of JSON each.
type access struct {
	mu sync.Mutex
	to io.Writer // nil: nowhere
}

// line is what the log says of a request. docs/access-log.md is its contract.
type line struct {
	Time    time.Time  `json:"time"`          // when its head had arrived
	VPC     string     `json:"vpc,omitempty"` // none at the public entry
	VPCE    string     `json:"vpce,omitempty"`
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
	b := line{
		Time: q.Time.UTC(), VPC: q.Network, VPCE: q.Endpoint, Source: q.Source, Service: q.Service, Action: q.Action,
		Status: q.Status, Bytes: bytes, Millis: float64(q.Duration.Microseconds()) / 1000, Request: q.ID,
	}.append(make([]byte, 0, 512))
	a.mu.Lock()
	defer a.mu.Unlock()
	_, err := a.to.Write(append(b, '\n'))
	return err
}

// append adds the line as [json.Marshal] writes it, but for the time that takes: a
// thirtieth of a request.
func (l line) append(b []byte) []byte {
	b = append(b, `{"time":"`...)
	b = l.Time.AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	source, _ := l.Source.MarshalText() // never fails
	for _, f := range []struct {
		name, value string
		always      bool
	}{
		{"vpc", l.VPC, false}, {"vpce", l.VPCE, false}, {"source", string(source), true}, {"service", l.Service, true}, {"action", l.Action, false},
	} {
		if f.always || f.value != "" {
			b = appendField(b, f.name)
			b = appendString(b, f.value)
		}
	}
	b = strconv.AppendInt(appendField(b, "status"), int64(l.Status), 10)
	b = strconv.AppendInt(appendField(b, "bytes"), l.Bytes, 10)
	b = strconv.AppendFloat(appendField(b, "ms"), l.Millis, 'f', -1, 64)
	b = appendString(appendField(b, "request"), l.Request)
	return append(b, '}')
}

func appendField(b []byte, name string) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	return append(b, `":`...)
}

func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c >= 0x7f, c == '"', c == '\\', c == '<', c == '>', c == '&': // a tenant may write anything
			text, _ := json.Marshal(s) // never fails
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
