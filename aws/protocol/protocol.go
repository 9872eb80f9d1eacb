// SPDX-License-Identifier: Apache-2.0

// Package protocol tells AWS's protocols apart: whom a request is for, by its
// head alone, and how a refusal looks to the client that sent it. Nothing it says
// of a request is verified; it is good for routing and for logs.
package protocol

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
)

// Protocol is one of the ways in which AWS's services speak.
type Protocol int

// The protocols.
const (
	RESTJSON Protocol = iota
	RESTXML
	S3 // REST-XML with an error format of its own
	Query
	EC2 // Query with an error format of its own
	JSON10
	JSON11
	CBOR // rpc-v2-cbor
)

// Head is what a request's head says of it.
type Head struct {
	Service  string // as signatures name it: ec2, sts, s3; "" when nothing says
	Region   string // "" when nothing says
	Signed   bool   // it carries a signature, or what looks like one
	Action   string // "" when only the body says, or the path
	Protocol Protocol
}

// Read reads a request's head. The credential scope says whom a request is for,
// else X-Amz-Target, else the host.
func Read(r *http.Request) Head {
	q := query(r.URL)
	h := readScope(r, q)
	target := r.Header.Get("X-Amz-Target")
	if h.Service == "" {
		h.Service = targetService(target)
	}
	if host, region := readHost(r.Host); h.Service == "" {
		h.Service, h.Region = host, region
	}
	h.Protocol = Of(r, h.Service)
	_, h.Action, _ = strings.Cut(target, ".")
	if h.Action == "" {
		h.Action = q.Get("Action")
	}
	if h.Action == "" && h.Protocol == CBOR {
		h.Action = r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	}
	return h
}

// query reads what can be read of a query string.
func query(u *url.URL) url.Values {
	if u.RawQuery == "" {
		return nil
	}
	return u.Query()
}

// FormAction returns the action that a form names, "" if it names none. It is for
// the bodies of [Query] and [EC2] requests, of which it keeps nothing.
func FormAction(body []byte) string {
	for len(body) > 0 {
		var field []byte
		field, body, _ = bytes.Cut(body, []byte("&"))
		if v, ok := bytes.CutPrefix(field, []byte("Action=")); ok {
			action, err := url.QueryUnescape(string(v))
			if err != nil {
				return ""
			}
			return action
		}
	}
	return ""
}

// Of returns the protocol in which a service would take r to speak.
func Of(r *http.Request, service string) Protocol {
	contentType := r.Header.Get("Content-Type")
	switch {
	case strings.EqualFold(r.Header.Get("Smithy-Protocol"), "rpc-v2-cbor"):
		return CBOR
	case r.Header.Get("X-Amz-Target") != "" && strings.Contains(contentType, "json-1.0"):
		return JSON10
	case r.Header.Get("X-Amz-Target") != "":
		return JSON11
	}
	if p, ok := protocols[service]; ok {
		return p
	}
	if strings.HasPrefix(contentType, "application/x-www-form-urlencoded") || query(r.URL).Has("Action") {
		return Query
	}
	return RESTJSON
}

// protocols are those of services that do not say it in every request.
var protocols = map[string]Protocol{
	"ec2":                  EC2,
	"s3":                   S3,
	"s3express":            S3,
	"s3-object-lambda":     S3,
	"s3-outposts":          S3,
	"cloudfront":           RESTXML,
	"route53":              RESTXML,
	"autoscaling":          Query,
	"cloudformation":       Query,
	"elasticache":          Query,
	"elasticbeanstalk":     Query,
	"elasticloadbalancing": Query,
	"email":                Query,
	"iam":                  Query,
	"monitoring":           Query,
	"rds":                  Query,
	"redshift":             Query,
	"sns":                  Query,
	"sts":                  Query,
}
