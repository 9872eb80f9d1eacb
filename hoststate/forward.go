// SPDX-License-Identifier: Apache-2.0

package hoststate

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
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
	Host      string     // whose gateway says so: control knows its peer, and it is not told
	RequestID string     // a UUID made by the gateway, in its log and in the answer
	Network   string     // "" at the public entry
	Endpoint  string     // "" at the public entry, and at a public service
	Source    netip.Addr // the caller's address as its connection has it
	TLS       bool
}

// What facts are called in a message.
const (
	factRequest, factNetwork, factEndpoint, factSource, factTLS = "Request", "Network", "Endpoint", "Source", "TLS"
)

// Append adds the message that carries the request, but for its body, which follows
// byte for byte: the facts, a line each as a header has it, an empty line, and the
// head as HTTP/1.1 has it, with nothing made another or left out.
func (f Forwarded) Append(b []byte) ([]byte, error) {
	for _, w := range []string{f.Method, f.URI} {
		if strings.ContainsAny(w, " \r\n") {
			return nil, fmt.Errorf("%q does not fit into a request line", w)
		}
	}
	b, err := f.Facts.append(b)
	if err != nil {
		return nil, err
	}
	b = append(append(b, "\r\n"...), f.Method...)
	b = append(append(append(b, ' '), f.URI...), " HTTP/1.1\r\n"...)
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

func (f Facts) append(b []byte) ([]byte, error) {
	source, err := f.Source.MarshalText()
	if err != nil {
		return nil, err
	}
	for _, l := range [][2]string{
		{factRequest, f.RequestID}, {factNetwork, f.Network}, {factEndpoint, f.Endpoint},
		{factSource, string(source)}, {factTLS, strconv.FormatBool(f.TLS)},
	} {
		if b, err = appendField(b, l[0], l[1]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// readFacts reads them, whatever else is said there.
func readFacts(lines http.Header) (f Facts, err error) {
	one := func(name string) string {
		if vs := lines[name]; len(vs) == 1 {
			return vs[0]
		}
		return ""
	}
	f = Facts{RequestID: one(factRequest), Network: one(factNetwork), Endpoint: one(factEndpoint)}
	if err := f.Source.UnmarshalText([]byte(one(factSource))); err != nil {
		return f, err
	}
	f.TLS, err = strconv.ParseBool(one(factTLS))
	return f, err
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
	const end = "\r\n\r\n"
	facts, rest, found := cut(message, end)
	if !found {
		return f, nil, errors.New("the facts have no end, or are too long")
	}
	lines, err := readFields(string(facts))
	if err == nil {
		f.Facts, err = readFacts(lines)
	}
	if err != nil {
		return f, nil, fmt.Errorf("facts: %w", err)
	}
	head, body, found := cut(rest, end)
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
