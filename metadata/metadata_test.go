// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"enishi.dev/enishi/hoststate"
)

// clock is a time that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newServer() (*Server, *clock) {
	c := &clock{time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	return New([32]byte{1}, c.now), c
}

func instance(id string) *hoststate.Metadata {
	return &hoststate.Metadata{Instance: id, Hops: 1, UserData: []byte("#!/bin/sh\n\xff"), Files: map[string]string{
		"meta-data/instance-id": id, "meta-data/placement/region": "ap-northeast-1", "meta-data/placement/availability-zone": "ap-northeast-1a",
		"meta-data/tags/instance/Name": "web", "dynamic/instance-identity/document": "{}",
	}}
}

// ask sends one request, with headers as "Name: value".
func ask(s *Server, from *hoststate.Metadata, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for _, h := range headers {
		name, v, _ := strings.Cut(h, ": ")
		r.Header.Add(name, v)
	}
	w := httptest.NewRecorder()
	s.Serve(w, Request{Request: r, From: from, Hops: func(uint8) {}})
	return w
}

const sixHours = "X-aws-ec2-metadata-token-ttl-seconds: 21600"

func TestPaths(t *testing.T) {
	s, _ := newServer()
	for path, want := range map[string]string{
		"/":                                      strings.Join(versions, "\n"),
		"/latest":                                "dynamic\nmeta-data\nuser-data",
		"/latest/":                               "dynamic\nmeta-data\nuser-data",
		"/2021-03-23/":                           "dynamic\nmeta-data\nuser-data",
		"/latest/meta-data/":                     "instance-id\nplacement/\ntags/",
		"/latest/meta-data":                      "instance-id\nplacement/\ntags/",
		"/latest//meta-data//":                   "instance-id\nplacement/\ntags/",
		"/latest/meta-data/instance-id":          "i-1",
		"/1.0/meta-data/instance-id":             "i-1",
		"/latest/meta-data/placement/":           "availability-zone\nregion",
		"/latest/meta-data/placement":            "availability-zone\nregion",
		"/latest/meta-data/tags/instance/":       "Name",
		"/latest/meta-data/tags/instance/%4eame": "web",
		"/latest/dynamic/":                       "instance-identity/",
		"/latest/dynamic/instance-identity":      "document",
		"/latest/user-data":                      "#!/bin/sh\n\xff",
	} {
		if w := ask(s, instance("i-1"), "GET", path); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %q, want %q", path, w.Code, w.Body, want)
		}
	}
	for _, path := range []string{"/latest/meta-data/nothing", "/latest/meta-data/instance", "/latest/meta-data/instance-id/x", "/2026-01-01/", "/latest/../latest/", "/latest/iam",
		"/meta-data/instance-id", "/latest/meta-data/iam/security-credentials/", "/" + strings.Repeat("x", maxPath)} {
		w := ask(s, instance("i-1"), "GET", path)
		if w.Code != 404 || !strings.Contains(w.Body.String(), "<h1>404 - Not Found</h1>") || w.Header().Get("Content-Type") != "text/html" {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
	none := instance("i-1")
	none.UserData = nil
	if w := ask(s, none, "GET", "/latest/user-data"); w.Code != 404 {
		t.Errorf("user data that there is not: %d", w.Code)
	}
	if w := ask(s, none, "GET", "/latest/"); w.Body.String() != "dynamic\nmeta-data" {
		t.Errorf("without user data: %q", w.Body)
	}
	if w := ask(s, none, "HEAD", "/latest/meta-data/instance-id"); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "3" {
		t.Errorf("HEAD: %d %q %v", w.Code, w.Body, w.Header())
	}
}

func TestTokens(t *testing.T) {
	s, c := newServer()
	strict := instance("i-1")
	strict.TokenRequired = true
	w := ask(s, strict, "PUT", "/latest/api/token", sixHours)
	token := w.Body.String()
	if w.Code != 200 || w.Header().Get(headerTTL) != "21600" || len(token) != 56 {
		t.Fatalf("%d %q %v", w.Code, token, w.Header())
	}
	with := headerToken + ": " + token
	const path = "/latest/meta-data/instance-id"
	other, _ := newServer()
	other.key[0]++
	for _, x := range []struct {
		name    string
		s       *Server
		from    *hoststate.Metadata
		headers []string
		want    int
	}{
		{"with its token", s, strict, []string{with}, 200},
		{"without one, where one is required", s, strict, nil, 401},
		{"without one, where none is", s, instance("i-1"), nil, 200},
		{"a bad one, where none is required", s, instance("i-1"), []string{headerToken + ": x"}, 401},
		{"an empty one", s, instance("i-1"), []string{headerToken + ": "}, 401},
		{"two", s, strict, []string{with, with}, 401},
		{"another instance's", s, instance("i-2"), []string{with}, 401},
		{"another server's", other, strict, []string{with}, 401},
		{"one that was changed", s, strict, []string{headerToken + ": B" + token[1:]}, 401},
		{"one that was lengthened", s, strict, []string{with + "A"}, 401},
	} {
		t.Run(x.name, func(t *testing.T) {
			if w := ask(x.s, x.from, "GET", path, x.headers...); w.Code != x.want {
				t.Errorf("%d, want %d", w.Code, x.want)
			}
		})
	}
	t.Run("it ends", func(t *testing.T) {
		c.at = c.at.Add(6*time.Hour - time.Millisecond)
		if w := ask(s, strict, "GET", path, with); w.Code != 200 {
			t.Errorf("before: %d", w.Code)
		}
		c.at = c.at.Add(time.Millisecond)
		if w := ask(s, strict, "GET", path, with); w.Code != 401 {
			t.Errorf("after: %d", w.Code)
		}
	})
}

func TestWhoGetsNoToken(t *testing.T) {
	s, _ := newServer()
	const ttl = "X-aws-ec2-metadata-token-ttl-seconds: "
	for _, x := range []struct {
		method, path string
		headers      []string
		want         int
	}{
		{"PUT", "/latest/api/token", []string{ttl + "1"}, 200},
		{"PUT", "/latest/api/token/", []string{ttl + "1"}, 200},
		{"PUT", "/latest/api/token", nil, 400},
		{"PUT", "/latest/api/token", []string{ttl + "0"}, 400},
		{"PUT", "/latest/api/token", []string{ttl + "21601"}, 400},
		{"PUT", "/latest/api/token", []string{ttl + "-1"}, 400},
		{"PUT", "/latest/api/token", []string{ttl + "+1"}, 400},
		{"PUT", "/latest/api/token", []string{ttl + "1.5"}, 400},
		{"PUT", "/latest/api/token", []string{ttl + "99999999999999999999"}, 400},
		{"PUT", "/latest/api/token", []string{sixHours, sixHours}, 400},
		{"PUT", "/latest/api/token", []string{sixHours, "X-Forwarded-For: 10.0.0.1"}, 403},
		{"PUT", "/latest/api/token", []string{sixHours, "x-forwarded-for: "}, 403},
		{"GET", "/latest/api/token", []string{sixHours}, 405},
		{"POST", "/latest/api/token", []string{sixHours}, 405},
		{"PUT", "/latest/meta-data/instance-id", []string{sixHours}, 405},
		{"DELETE", "/latest/meta-data/", nil, 405},
	} {
		if w := ask(s, instance("i-1"), x.method, x.path, x.headers...); w.Code != x.want {
			t.Errorf("%s %s %q: %d, want %d", x.method, x.path, x.headers, w.Code, x.want)
		}
	}
}

func TestOptions(t *testing.T) {
	s, _ := newServer()
	t.Run("the token's answer goes as far as the instance lets it, others are free", func(t *testing.T) {
		m := instance("i-1")
		m.Hops = 3
		var hops []uint8
		for _, method := range []string{"PUT", "GET"} {
			r := httptest.NewRequest(method, "/latest/api/token", nil)
			r.Header.Set(headerTTL, "60")
			w := httptest.NewRecorder()
			s.Serve(w, Request{Request: r, From: m, Hops: func(n uint8) { hops = append(hops, n) }})
			if method == http.MethodPut && w.Header().Get("Connection") != "close" {
				t.Error("another request could follow")
			}
		}
		if len(hops) != 1 || hops[0] != 3 {
			t.Errorf("%v", hops)
		}
	})
	t.Run("one that is off says nothing", func(t *testing.T) {
		m := instance("i-1")
		m.Off = true
		for _, method := range []string{"GET", "PUT"} {
			if w := ask(s, m, method, "/latest/api/token", sixHours); w.Code != 403 {
				t.Errorf("%s: %d", method, w.Code)
			}
		}
	})
	t.Run("IPv6 only where it is on", func(t *testing.T) {
		m := instance("i-1")
		for on, want := range map[bool]int{false: 403, true: 200} {
			m.IPv6 = on
			w := httptest.NewRecorder()
			s.Serve(w, Request{Request: httptest.NewRequest("GET", "/latest/", nil), From: m, IPv6: true})
			if w.Code != want {
				t.Errorf("on %t: %d", on, w.Code)
			}
		}
	})
}
