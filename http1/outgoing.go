// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// Request is what a client sends: what is given, and nothing made up beside it.
type Request struct {
	Method string
	Target string // as it stands in the request line
	Host   string
	Header http.Header // but for those of one connection
	Body   io.Reader   // nil: none
	Length int64       // of the body; negative: until its end
	// Trailer has the names of what comes after a body of unknown length, and their
	// values once that is read.
	Trailer http.Header
}

// writeHead writes the request line and the headers.
func (r *Request) writeHead(w *bufio.Writer) error {
	for _, s := range []string{r.Method, r.Target, r.Host} {
		if strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
			return fmt.Errorf("http1: %q does not fit into a request's head", s)
		}
	}
	w.WriteString(r.Method)
	w.WriteByte(' ')
	w.WriteString(r.Target)
	w.WriteString(" HTTP/1.1\r\n")
	field(w, "Host", r.Host)
	told := false
	for name, vs := range EndToEnd(r.Header) {
		if name == "Content-Length" {
			told = true
			continue
		}
		for _, v := range vs {
			field(w, name, oneLine(v))
		}
	}
	switch {
	case r.Body != nil && r.Length < 0:
		field(w, "Transfer-Encoding", "chunked")
		if len(r.Trailer) > 0 {
			field(w, "Trailer", strings.Join(slices.Sorted(maps.Keys(r.Trailer)), ","))
		}
	case r.Body != nil && r.Length > 0:
		field(w, "Content-Length", strconv.FormatInt(r.Length, 10))
	case told || r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch:
		field(w, "Content-Length", "0")
	}
	_, err := w.WriteString("\r\n")
	return err
}

// writeBody writes the body, as the head has announced it.
func (r *Request) writeBody(w *bufio.Writer, body io.Reader) error {
	if r.Length >= 0 {
		n, err := io.Copy(w, io.LimitReader(body, r.Length))
		if err == nil && n < r.Length {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	if err := writeChunks(w, body); err != nil {
		return err
	}
	for name, vs := range r.Trailer {
		for _, v := range vs {
			field(w, name, oneLine(v))
		}
	}
	_, err := w.WriteString("\r\n")
	return err
}

// writeChunks sends a body as it comes, but for the line that ends its trailers.
func writeChunks(w *bufio.Writer, body io.Reader) error {
	buf := make([]byte, 32<<10)
	for {
		err := w.Flush() // first of all the head: there may be an answer to that
		if err != nil {
			return err
		}
		n, err := body.Read(buf)
		if n > 0 {
			_ = chunk(w, buf[:n]) // Flush says it again
		}
		if err == io.EOF {
			_, err = w.WriteString("0\r\n")
			return err
		}
		if err != nil {
			return err
		}
	}
}

// chunk writes a piece of a body (RFC 9112, 7.1).
func chunk(w *bufio.Writer, p []byte) error {
	w.WriteString(strconv.FormatInt(int64(len(p)), 16))
	w.WriteString("\r\n")
	w.Write(p)
	_, err := w.WriteString("\r\n") // an earlier one comes again
	return err
}

// field writes a header; an error comes with the next flush.
func field(w *bufio.Writer, name, value string) {
	w.WriteString(name)
	w.WriteString(": ")
	w.WriteString(value)
	w.WriteString("\r\n")
}

// EndToEnd yields the headers but those that concern one connection (RFC 9110, 7.6.1).
func EndToEnd(h http.Header) iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		listed := listed(h["Connection"])
		for name, vs := range h {
			switch name {
			case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
				continue
			}
			if !slices.Contains(listed, name) && !yield(name, vs) {
				return
			}
		}
	}
}

// listed are the headers that a Connection header names.
func listed(connection []string) []string {
	var names []string
	for _, v := range connection {
		for name := range strings.SplitSeq(v, ",") {
			names = append(names, textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name)))
		}
	}
	return names
}
