// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"enishi.dev/enishi/aws/sigv4"
	"enishi.dev/enishi/aws/wire"
	wireec2 "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/control/api/apitest"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/iam"
	"enishi.dev/enishi/store"
)

const (
	account  = "123456789012"
	root     = "AKIAROOT"
	somebody = "AKIASOMEBODY"
)

// server answers DescribeVpcs, and three actions that go wrong.
func server(t *testing.T, log *bytes.Buffer, o api.Options) *api.Server {
	t.Helper()
	s := apitest.OpenStore(t)
	err := s.Decide(context.Background(), func(tx *store.Tx) error {
		tx.AccessKeys.Put(iam.AccessKey{ID: root, Secret: "secret", Account: account, ARN: "arn:aws:iam::" + account + ":root", UserID: account})
		tx.AccessKeys.Put(iam.AccessKey{ID: somebody, Secret: "secret", Account: account, ARN: "arn:aws:iam::" + account + ":user/sam", UserID: "AIDASAM"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	type in = wireec2.DescribeVpcsInput
	type out = wireec2.DescribeVpcsOutput
	does := func(f func(*api.Call) (*out, error)) func(context.Context, *api.Call, *in) (*out, error) {
		return func(_ context.Context, c *api.Call, _ *in) (*out, error) { return f(c) }
	}
	o.Store, o.Now = s, func() time.Time { return apitest.Now }
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	o.Services = []api.Service{{Name: "ec2", Version: "2016-11-15", Protocol: wire.EC2, Actions: map[string]api.Action{
		"DescribeVpcs": api.Handle("ec2:DescribeVpcs", does(func(c *api.Call) (*out, error) {
			return &out{NextToken: new(c.Region + " " + c.ARN)}, nil
		})),
		"Panic": api.Handle("ec2:Panic", does(func(*api.Call) (*out, error) { panic("the cause") })),
		"Fail":  api.Handle("ec2:Fail", does(func(*api.Call) (*out, error) { return nil, errors.New("the cause") })),
		"Unavailable": api.Handle("ec2:Unavailable", does(func(*api.Call) (*out, error) {
			return nil, fmt.Errorf("%w (the cause)", store.ErrUnavailable)
		})),
	}}}
	return api.NewServer(o)
}

// request is one that is right in everything; cases make one thing wrong.
type request struct {
	key, secret, region, service string
	method, uri, contentType     string
	form                         url.Values
	body                         string // instead of the form
	age                          time.Duration
	unsigned                     bool
	token                        string
}

func right() request {
	return request{
		key: root, secret: "secret", region: "ap-northeast-1", service: "ec2",
		method: "POST", uri: "/", contentType: "application/x-www-form-urlencoded; charset=utf-8",
		form: url.Values{"Action": {"DescribeVpcs"}, "Version": {"2016-11-15"}},
	}
}

func (q request) send(t *testing.T, s *api.Server) (int, string) {
	t.Helper()
	body := q.body
	if body == "" && q.method != "GET" {
		body = q.form.Encode()
	}
	if q.method == "GET" {
		q.uri += "?" + q.form.Encode()
	}
	host := "ec2." + q.region + ".amazonaws.com"
	r, err := http.NewRequest(q.method, "https://"+host+q.uri, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if q.contentType != "" && q.method != "GET" {
		r.Header.Set("Content-Type", q.contentType)
	}
	if !q.unsigned {
		k := sigv4.Credentials{AccessKeyID: q.key, Secret: q.secret, Token: q.token}
		if err := sigv4.Sign(r, k, q.region, q.service, []byte(body), apitest.Now.Add(-q.age)); err != nil {
			t.Fatal(err)
		}
	}
	status, header, answer := s.ServeForwarded(context.Background(), hoststate.Forwarded{
		Method: q.method, URI: r.URL.RequestURI(), Host: host, Header: r.Header,
		Facts: hoststate.Facts{RequestID: "request-1"},
	}, []byte(body))
	if got := header.Get("X-Amzn-Requestid"); got != "request-1" {
		t.Errorf("request id in the header: %q", got)
	}
	return status, string(answer)
}

func TestServeForwarded(t *testing.T) {
	var log bytes.Buffer
	s := server(t, &log, api.Options{})
	for _, c := range []struct {
		name   string
		change func(*request)
		status int
		want   string // part of the answer
	}{
		{"a signed form is answered, for its region and principal", func(q *request) { q.region = "eu-west-1" },
			200, "<nextToken>eu-west-1 arn:aws:iam::123456789012:root</nextToken>"},
		{"a signed query is answered too", func(q *request) { q.method = "GET" },
			200, "<requestId>request-1</requestId>"},
		{"without a signature", func(q *request) { q.unsigned = true },
			403, "<Code>MissingAuthenticationToken</Code>"},
		{"with another secret", func(q *request) { q.secret = "other" },
			401, "<Code>AuthFailure</Code><Message>AWS was not able to validate the provided access credentials</Message>"},
		{"with a key that nobody has", func(q *request) { q.key = "AKIANOBODY" },
			401, "<Code>AuthFailure</Code>"},
		{"with a session, as there are none", func(q *request) { q.token = "session" },
			401, "<Code>AuthFailure</Code>"},
		{"signed long ago", func(q *request) { q.age = time.Hour },
			400, "<Code>RequestExpired</Code>"},
		{"for a region that AWS does not have", func(q *request) { q.region = "mars-1" },
			401, "<Code>AuthFailure</Code>"},
		{"for a service that is not here", func(q *request) { q.service = "s3" },
			501, "<Code>NotImplemented</Code>"},
		{"by somebody without permissions", func(q *request) { q.key = somebody },
			403, "User: arn:aws:iam::123456789012:user/sam is not authorized to perform: ec2:DescribeVpcs on resource: * because no identity-based policy allows the ec2:DescribeVpcs action"},
		{"a dry run by somebody without permissions", func(q *request) { q.key = somebody; q.form.Set("DryRun", "true") },
			403, "<Code>UnauthorizedOperation</Code>"},
		{"a dry run", func(q *request) { q.form.Set("DryRun", "true") },
			412, "<Code>DryRunOperation</Code>"},
		{"an action that there is not", func(q *request) { q.form.Set("Action", "DescribeMoons") },
			400, "<Code>InvalidAction</Code><Message>The action DescribeMoons is not valid for this web service.</Message>"},
		{"no action", func(q *request) { q.form.Del("Action") },
			400, "<Code>MissingAction</Code>"},
		{"another version", func(q *request) { q.form.Set("Version", "2006-01-01") },
			400, "<Code>NoSuchVersion</Code>"},
		{"no version", func(q *request) { q.form.Del("Version") },
			400, "<Code>MissingParameter</Code>"},
		{"a parameter that the action does not have", func(q *request) { q.form.Set("Colour", "blue") },
			400, "<Code>UnknownParameter</Code>"},
		{"a parameter of the wrong form", func(q *request) { q.form.Set("MaxResults", "many") },
			400, "<Code>InvalidParameterValue</Code>"},
		{"a parameter twice", func(q *request) { q.form["NextToken"] = []string{"a", "b"} },
			400, "<Code>InvalidQueryParameter</Code>"},
		{"a body that is no form", func(q *request) { q.body = "Action=%zz" },
			400, "<Code>MalformedQueryString</Code>"},
		{"another content type", func(q *request) { q.contentType = "application/json" },
			400, "<Code>InvalidRequest</Code>"},
		{"another method", func(q *request) { q.method = "PUT" },
			405, "<Code>InvalidRequest</Code>"},
		{"a body that is too large", func(q *request) { q.body = strings.Repeat("a", 1<<20+1) },
			413, "<Code>RequestEntityTooLarge</Code>"},
		{"an action that panics", func(q *request) { q.form.Set("Action", "Panic") },
			500, "<Code>InternalError</Code><Message>An internal error has occurred</Message>"},
		{"an action that fails", func(q *request) { q.form.Set("Action", "Fail") },
			500, "<Code>InternalError</Code><Message>An internal error has occurred</Message>"},
		{"while nothing can be written", func(q *request) { q.form.Set("Action", "Unavailable") },
			503, "<Code>Unavailable</Code>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			log.Reset()
			q := right()
			c.change(&q)
			status, answer := q.send(t, s)
			if status != c.status || !strings.Contains(answer, c.want) {
				t.Errorf("status %d, want %d; want in the answer: %s\n%s", status, c.status, c.want, answer)
			}
			if strings.Contains(answer, "the cause") {
				t.Errorf("the caller sees the cause: %s", answer)
			}
			if logged := strings.Contains(log.String(), "the cause"); logged != (c.status >= 500 && c.status != 501) {
				t.Errorf("cause in the log: %v\n%s", logged, log.String())
			}
		})
	}
}

func TestServeForwardedFacts(t *testing.T) {
	t.Run("facts that cannot be true refuse the request", func(t *testing.T) {
		var log bytes.Buffer
		s := server(t, &log, api.Options{Believe: func(f hoststate.Facts) error { return errors.New("no such endpoint there") }})
		if status, answer := right().send(t, s); status != 500 || strings.Contains(answer, "endpoint") || !strings.Contains(log.String(), "no such endpoint there") {
			t.Errorf("status %d\n%s\n%s", status, answer, log.String())
		}
	})
	t.Run("a request of nothing is refused", func(t *testing.T) {
		s := api.NewServer(api.Options{})
		for _, f := range []hoststate.Forwarded{{}, {Method: "POST", URI: "http://[::"}, {Method: "POST", URI: "/"}} {
			if status, _, _ := s.ServeForwarded(context.Background(), f, nil); status < 400 {
				t.Errorf("%+v: status %d", f, status)
			}
		}
	})
}
