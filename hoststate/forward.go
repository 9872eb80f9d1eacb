// SPDX-License-Identifier: Apache-2.0

package hoststate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Forwarded is a request that a gateway hands on to control: what the tenant asked,
// unchanged, and what the network knows of it.
type Forwarded struct {
	Method string
	URI    string // as in the request line: path and raw query
	Host   string
	Header http.Header
	Facts  Facts
}

// Facts is what the network knows of a request. They travel only on the channel
// between a gateway and control, which knows its peer; never in a tenant's header.
type Facts struct {
	Host      string     `json:"-"`                 // whose gateway says so: control knows its peer
	RequestID string     `json:"requestId"`         // a UUID made by the gateway, in its log and in the answer
	Network   string     `json:"network,omitempty"` // "" at the public entry
	Endpoint  string     `json:"endpoint,omitempty"`
	Source    netip.Addr `json:"source"` // the caller's address as its connection has it
	TLS       bool       `json:"tls"`
}

// Append adds the message that carries the request, but for its body, which follows
// byte for byte: a line of JSON with the facts, and the head as HTTP/1.1 has it, with
// nothing made another or left out.
func (f Forwarded) Append(b []byte) ([]byte, error) {
	facts, err := json.Marshal(f.Facts)
	if err != nil {
		return nil, err
	}
	b = append(append(b, facts...), '\n')
	if strings.ContainsAny(f.Method, " \r\n") || strings.ContainsAny(f.URI, " \r\n") {
		return nil, fmt.Errorf("request line %q %q", f.Method, f.URI)
	}
	b = append(append(b, f.Method...), ' ')
	b = append(append(b, f.URI...), " HTTP/1.1\r\n"...)
	if b, err = appendField(b, "Host", f.Host); err != nil {
		return nil, err
	}
	for name, vs := range f.Header {
		for _, v := range vs {
			if b, err = appendField(b, name, v); err != nil {
				return nil, err
			}
		}
	}
	return append(b, "\r\n"...), nil
}

func appendField(b []byte, name, value string) ([]byte, error) {
	if strings.ContainsAny(name, ":\r\n") || strings.ContainsAny(value, "\r\n") {
		return nil, fmt.Errorf("header %q: %q", name, value)
	}
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...), nil
}

// ReadForwarded is the reverse of [Forwarded.Append]: the request and its body,
// which is a part of the message.
func ReadForwarded(message []byte) (f Forwarded, body []byte, err error) {
	facts, rest, found := cut(message, "\n")
	if !found {
		return f, nil, errors.New("the line with the facts is missing or too long")
	}
	if err := json.Unmarshal(facts, &f.Facts); err != nil {
		return f, nil, fmt.Errorf("facts: %w", err)
	}
	head, body, found := cut(rest, "\r\n\r\n")
	if !found {
		return f, nil, errors.New("the head has no end, or is too long")
	}
	line, fields, _ := strings.Cut(string(head), "\r\n")
	words := strings.Split(line, " ")
	if len(words) != 3 || words[2] != "HTTP/1.1" {
		return f, nil, fmt.Errorf("the request line is %.100q", line)
	}
	f.Method, f.URI = words[0], words[1]
	host, fields, _ := strings.Cut(fields, "\r\n")
	if f.Host, found = strings.CutPrefix(host, "Host: "); !found {
		return f, nil, errors.New("the host is missing")
	}
	f.Header, err = readFields(fields)
	return f, body, err
}

// readFields reads headers, whose names are as the gateway has them.
func readFields(fields string) (http.Header, error) {
	n := strings.Count(fields, "\r\n") + 1
	h, values := make(http.Header, n), make([]string, 0, n)
	for fields != "" {
		var field string
		field, fields, _ = strings.Cut(fields, "\r\n")
		name, value, found := strings.Cut(field, ": ")
		if !found {
			return nil, fmt.Errorf("the header %.100q", field)
		}
		if h[name] != nil {
			h[name] = append(h[name], value)
			continue
		}
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	return h, nil
}

// mostHead is how long the facts, and the head, may be: the gateway's own limits
// are lower.
const mostHead = 256 << 10

// cut cuts the message behind what ends its beginning, if that is not too long.
func cut(message []byte, end string) (before, after []byte, found bool) {
	before, after, found = bytes.Cut(message, []byte(end))
	return before, after, found && len(before) < mostHead
}
