// SPDX-License-Identifier: Apache-2.0

package sigv4

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const usual = 512 // bytes of a canonical request

// canonicalRequest is the text that both sides hash (IAM user guide, "Create a
// canonical request").
func canonicalRequest(r *http.Request, s Signed, payloadHash string) (string, error) {
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	if s.Service == "s3" { // S3's paths are encoded once, all others' twice
		plain, err := url.PathUnescape(path)
		if err != nil {
			return "", incomplete("The path of the request is malformed.")
		}
		path = plain
	}
	query, err := canonicalQuery(r.URL.RawQuery)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.Grow(usual)
	write := func(parts ...string) {
		for _, p := range parts {
			b.WriteString(p)
		}
	}
	write(r.Method, "\n", escape(path, true), "\n", query, "\n")
	for _, h := range s.headers {
		write(h, ":", headerValue(r, h), "\n")
	}
	write("\n", strings.Join(s.headers, ";"), "\n", payloadHash)
	return b.String(), nil
}

// canonicalQuery sorts and encodes the query's parameters, without the signature.
func canonicalQuery(raw string) (string, error) {
	var params []string
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		name, err1 := url.QueryUnescape(k)
		value, err2 := url.QueryUnescape(v)
		if err1 != nil || err2 != nil {
			return "", incomplete("The query of the request is malformed.")
		}
		if name != "X-Amz-Signature" {
			params = append(params, escape(name, false)+"="+escape(value, false))
		}
	}
	// By name, then by value: '=' would sort after '-', '.' and digits.
	slices.SortFunc(params, func(a, b string) int {
		an, av, _ := strings.Cut(a, "=")
		bn, bv, _ := strings.Cut(b, "=")
		if c := strings.Compare(an, bn); c != 0 {
			return c
		}
		return strings.Compare(av, bv)
	})
	return strings.Join(params, "&"), nil
}

// headerValue is what the request has in a signed header; net/http keeps three
// of them elsewhere.
func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	case "transfer-encoding":
		return strings.Join(r.TransferEncoding, ",")
	}
	var values []string
	for _, v := range r.Header.Values(name) {
		values = append(values, strings.Join(strings.Fields(v), " "))
	}
	return strings.Join(values, ",")
}

// escape is RFC 3986's percent-encoding of all but unreserved characters.
func escape(s string, slash bool) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', strings.IndexByte("-_.~", c) >= 0, slash && c == '/':
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}
