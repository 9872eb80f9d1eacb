// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/region"
	"enishi.dev/enishi/aws/sigv4"
	"enishi.dev/enishi/iam"
)

// identify finds out who signed, for which service and region, and that it is
// true. Everything that the request says of itself comes after this.
func (r *exchange) identify(ctx context.Context) error {
	req, err := r.httpRequest()
	if err != nil {
		return err
	}
	signed, err := sigv4.Parse(req)
	if err != nil {
		return err
	}
	versions := r.s.services[signed.Service]
	if len(versions) == 0 {
		return awserr.New("NotImplemented", "The service %s is not offered here.", signed.Service)
	}
	r.service, r.call.Service = &versions[0], signed.Service
	if !region.Known(signed.Region) {
		return awserr.New("AuthFailure", "Credential should be scoped to a valid region, not '%s'.", signed.Region)
	}
	r.call.Region = signed.Region
	key, err := r.verify(ctx, req, signed)
	if err != nil {
		return err
	}
	r.call.Caller = Caller{Account: key.Account, ARN: key.ARN, UserID: key.UserID, AccessKeyID: key.ID}
	return nil
}

// verify is the key that signed the request.
func (r *exchange) verify(ctx context.Context, req *http.Request, signed sigv4.Signed) (iam.AccessKey, error) {
	if r.s.o.AnyCredentials != nil {
		return r.s.o.AnyCredentials(ctx, signed.AccessKeyID)
	}
	key, ok := r.s.o.Store.View().AccessKeys.Get(signed.AccessKeyID)
	if !ok || signed.Token != "" { // there are no sessions yet
		return key, sigv4.NoSuchKey(signed.Service)
	}
	return key, r.s.keys.Verify(signed, req, key.Secret, r.body, r.s.o.Now())
}

// httpRequest is the tenant's request as its signature sees it.
func (r *exchange) httpRequest() (*http.Request, error) {
	u, err := url.ParseRequestURI(r.forwarded.URI)
	if err != nil || !strings.HasPrefix(r.forwarded.URI, "/") {
		return nil, awserr.New("InvalidRequest", "The request URI is malformed.")
	}
	header := r.forwarded.Header
	if header == nil {
		header = http.Header{}
	}
	return &http.Request{
		Method: r.forwarded.Method, URL: u, RequestURI: r.forwarded.URI, Host: r.forwarded.Host,
		Header: header, ContentLength: int64(len(r.body)),
	}, nil
}
