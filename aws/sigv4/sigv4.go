// SPDX-License-Identifier: Apache-2.0

// Package sigv4 verifies and makes AWS Signature Version 4, in the header and
// presigned. It knows no secret but what it is given, and nothing of who may do what.
package sigv4

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"enishi.dev/enishi/aws/awserr"
)

// Signed is what a request says of its own signature. Nothing of it is true
// until [Signed.Verify] says so.
type Signed struct {
	AccessKeyID string
	Region      string
	Service     string
	Token       string // of a session; "" for a long-lived key
	Presigned   bool
	Time        time.Time
	Expires     time.Duration // how long after Time a presigned request holds

	date      string   // of the scope: 20060102
	headers   []string // signed ones, lower case
	signature string
}

const (
	algorithm  = "AWS4-HMAC-SHA256"
	timeFormat = "20060102T150405Z"
	dateFormat = "20060102"
	maxExpires = 7 * 24 * time.Hour
)

// The refusals of this package. Services word some of them their own way: see
// [NoSuchKey] and [Signed.Verify].
func missingToken() error {
	return awserr.New("MissingAuthenticationToken", "Request is missing Authentication Token")
}

func incomplete(format string, args ...any) error {
	return awserr.New("IncompleteSignature", format, args...)
}

// NoSuchKey is how service answers to an access key that nobody has: EC2 in its
// own words (EC2 developer guide, "AuthFailure"), the others in IAM's.
func NoSuchKey(service string) error {
	if service == "ec2" {
		return awserr.New("AuthFailure", "AWS was not able to validate the provided access credentials")
	}
	return awserr.New("InvalidClientTokenId", "The security token included in the request is invalid.")
}

// Parse reads the signature of a request, from its header or its query.
func Parse(r *http.Request) (Signed, error) {
	if auth := r.Header.Get("Authorization"); auth != "" {
		return parseHeader(r, auth)
	}
	if q := r.URL.Query(); q.Get("X-Amz-Algorithm") != "" {
		return parseQuery(q)
	}
	return Signed{}, missingToken()
}

func parseHeader(r *http.Request, auth string) (Signed, error) {
	name, rest, _ := strings.Cut(auth, " ")
	if err := checkAlgorithm(name); err != nil {
		return Signed{}, err
	}
	var s Signed
	var scope, headers string
	for part := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch k {
		case "Credential":
			scope = v
		case "SignedHeaders":
			headers = v
		case "Signature":
			s.signature = v
		}
	}
	for name, v := range map[string]string{"Credential": scope, "SignedHeaders": headers, "Signature": s.signature} {
		if v == "" {
			return Signed{}, incomplete("Authorization header requires '%s' parameter.", name)
		}
	}
	s.Token = r.Header.Get("X-Amz-Security-Token")
	date := r.Header.Get("X-Amz-Date")
	var err error
	if date == "" {
		if s.Time, err = http.ParseTime(r.Header.Get("Date")); err != nil {
			return Signed{}, incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
		}
	} else if s.Time, err = time.Parse(timeFormat, date); err != nil {
		return Signed{}, incomplete("Date must be in ISO-8601 'basic format'. Got '%s'.", date)
	}
	return s, s.setScope(scope, headers)
}

func parseQuery(q map[string][]string) (Signed, error) {
	get := func(k string) string { return strings.Join(q[k], ",") }
	if err := checkAlgorithm(get("X-Amz-Algorithm")); err != nil {
		return Signed{}, err
	}
	s := Signed{Presigned: true, Token: get("X-Amz-Security-Token"), signature: get("X-Amz-Signature")}
	var err error
	if s.Time, err = time.Parse(timeFormat, get("X-Amz-Date")); err != nil {
		return Signed{}, incomplete("Date must be in ISO-8601 'basic format'. Got '%s'.", get("X-Amz-Date"))
	}
	seconds, err := strconv.ParseUint(get("X-Amz-Expires"), 10, 32)
	if s.Expires = time.Duration(seconds) * time.Second; err != nil || s.Expires > maxExpires {
		return Signed{}, incomplete("X-Amz-Expires must be a number of seconds of at most a week. Got '%s'.", get("X-Amz-Expires"))
	}
	return s, s.setScope(get("X-Amz-Credential"), get("X-Amz-SignedHeaders"))
}

func checkAlgorithm(name string) error {
	switch name {
	case algorithm:
		return nil
	case "AWS4-ECDSA-P256-SHA256":
		return incomplete("Signature Version 4A (%s) is not supported: sign for one region with %s.", name, algorithm)
	}
	return incomplete("Unsupported AWS 'algorithm': '%s'.", name)
}

// setScope reads ID/date/region/service/aws4_request and the list of signed headers.
func (s *Signed) setScope(scope, headers string) error {
	f := strings.Split(scope, "/")
	n := len(f)
	if n < 5 || f[n-1] != "aws4_request" || f[0] == "" {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", scope)
	}
	s.AccessKeyID, s.date, s.Region, s.Service = strings.Join(f[:n-4], "/"), f[n-4], f[n-3], f[n-2]
	if s.Time.UTC().Format(dateFormat) != s.date {
		return incomplete("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s'.", s.date, s.Time.UTC().Format(dateFormat))
	}
	s.headers = strings.Split(headers, ";")
	for _, h := range s.headers {
		if h == "host" {
			return nil
		}
	}
	return incomplete("'Host' must be a 'SignedHeader' in the AWS Authorization.")
}
