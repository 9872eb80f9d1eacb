// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

// writers are those of answers that are under way: one holds a head with a piece of
// a body, so that they leave together, and no more than fits into a TLS record.
var writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 16<<10) }}

// framing are the headers that say where an answer ends, which no handler knows.
var framing = map[string]bool{"Connection": true, "Content-Length": true, "Transfer-Encoding": true, "Trailer": true}

// beginHead writes the head but for its end: how long the body is may not be known.
func (a *answer) beginHead() {
	version := "HTTP/1.1 "
	if a.http10 {
		version = "HTTP/1.0 "
	}
	a.w.WriteString(version)
	a.w.WriteString(strconv.Itoa(a.status))
	a.w.WriteByte(' ')
	text := http.StatusText(a.status)
	if text == "" {
		text = "status code " + strconv.Itoa(a.status)
	}
	a.w.WriteString(text)
	a.w.WriteString("\r\n")
	var some [16]string
	names := some[:0]
	for name := range a.header {
		if !framing[name] && httpguts.ValidHeaderFieldName(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range a.header[name] {
			field(a.w, name, oneLine(v))
		}
	}
	if _, ok := a.header["Date"]; !ok {
		a.w.WriteString("Date: ")
		a.w.Write(time.Now().UTC().AppendFormat(a.w.AvailableBuffer(), http.TimeFormat))
		a.w.WriteString("\r\n")
	}
	a.closing = a.closing || httpguts.HeaderValuesContainsToken(a.header["Connection"], "close")
}

// endHead says how the body ends, and whether the connection does.
func (a *answer) endHead() {
	a.framed = true
	if !a.closing && !a.body.ended.Load() && !a.body.pass() {
		a.closing = true
	}
	switch {
	case !a.bodied() && a.status == http.StatusNoContent:
	case a.length >= 0:
		field(a.w, "Content-Length", strconv.FormatInt(a.length, 10))
	case !a.bodied(), a.method == http.MethodHead:
	case a.http10:
		a.closing = true // that is its end
	default:
		a.chunked = true
		field(a.w, "Transfer-Encoding", "chunked")
	}
	switch {
	case a.closing:
		field(a.w, "Connection", "close")
	case a.http10:
		field(a.w, "Connection", "keep-alive")
	}
	a.w.WriteString("\r\n")
}

// oneLine returns a header's value without what would end it.
func oneLine(v string) string {
	if strings.ContainsAny(v, "\r\n") {
		v = strings.NewReplacer("\r", " ", "\n", " ").Replace(v)
	}
	return strings.Trim(v, " \t")
}
