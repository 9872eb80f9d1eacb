// SPDX-License-Identifier: Apache-2.0

package sigv4_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/sigv4"
)

// The vectors of AWS's own signature suite share a key, a scope and a time.
const (
	suiteKey    = "AKIDEXAMPLE"
	suiteSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	suiteScope  = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
)

var suiteTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

func request(t testing.TB, text string) (*http.Request, []byte) {
	t.Helper()
	head, rest, _ := strings.Cut(text, "\n\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + rest)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, body
}

func TestVectorsOfAWS(t *testing.T) {
	for _, c := range []struct{ name, text, headers, signature string }{
		{"get-vanilla", "GET / HTTP/1.1\nHost: example.amazonaws.com\nX-Amz-Date: 20150830T123600Z\n",
			"host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-vanilla-query-order-key-case", "GET /?Param2=value2&Param1=value1 HTTP/1.1\nHost: example.amazonaws.com\nX-Amz-Date: 20150830T123600Z\n",
			"host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"post-x-www-form-urlencoded", "POST / HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\nHost: example.amazonaws.com\nX-Amz-Date: 20150830T123600Z\nContent-Length: 13\n",
			"content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := c.text + "Authorization: AWS4-HMAC-SHA256 Credential=" + suiteScope + ", SignedHeaders=" + c.headers + ", Signature=" + c.signature + "\n\n"
			if strings.HasPrefix(text, "POST") {
				text += "Param1=value1"
			}
			r, body := request(t, text)
			s, err := sigv4.Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			if s.AccessKeyID != suiteKey || s.Region != "us-east-1" || s.Service != "service" {
				t.Errorf("parsed %+v", s)
			}
			if err := new(sigv4.Keys).Verify(s, r, suiteSecret, body, suiteTime); err != nil {
				t.Error(err)
			}
		})
	}
}

// signed is a request of our own making, and its body.
func signed(t testing.TB, service string, at time.Time) (*http.Request, []byte) {
	t.Helper()
	body := []byte("Action=DescribeVpcs&Version=2016-11-15&Filter.1.Name=tag%3Aa+b")
	r, err := http.NewRequest("POST", "https://ec2.ap-northeast-1.amazonaws.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if err := sigv4.Sign(r, sigv4.Credentials{AccessKeyID: suiteKey, Secret: suiteSecret, Token: "token"}, "ap-northeast-1", service, body, at); err != nil {
		t.Fatal(err)
	}
	return r, body
}

func TestWhoeverChangesASignedRequestIsFoundOut(t *testing.T) {
	var keys sigv4.Keys // what it remembers of one case is of no harm in the next
	for _, c := range []struct {
		name, service string
		change        func(r *http.Request, body *[]byte, secret *string, now *time.Time)
		want          string
	}{
		{"nobody did", "ec2", func(*http.Request, *[]byte, *string, *time.Time) {}, ""},
		{"four minutes late", "ec2", func(_ *http.Request, _ *[]byte, _ *string, now *time.Time) { *now = now.Add(4 * time.Minute) }, ""},
		{"another secret", "ec2", func(_ *http.Request, _ *[]byte, s *string, _ *time.Time) { *s = "x" }, "AuthFailure"},
		{"another secret, another service", "sts", func(_ *http.Request, _ *[]byte, s *string, _ *time.Time) { *s = "x" }, "SignatureDoesNotMatch"},
		{"the body", "ec2", func(_ *http.Request, b *[]byte, _ *string, _ *time.Time) { *b = []byte("Action=DeleteVpc") }, "AuthFailure"},
		{"the host", "ec2", func(r *http.Request, _ *[]byte, _ *string, _ *time.Time) { r.Host = "evil" }, "AuthFailure"},
		{"the path", "ec2", func(r *http.Request, _ *[]byte, _ *string, _ *time.Time) { r.URL.Path = "/x" }, "AuthFailure"},
		{"the query", "ec2", func(r *http.Request, _ *[]byte, _ *string, _ *time.Time) { r.URL.RawQuery = "a=b" }, "AuthFailure"},
		{"a signed header", "ec2", func(r *http.Request, _ *[]byte, _ *string, _ *time.Time) { r.Header.Set("Content-Type", "text/plain") }, "AuthFailure"},
		{"the session", "ec2", func(r *http.Request, _ *[]byte, _ *string, _ *time.Time) {
			r.Header.Set("X-Amz-Security-Token", "other")
		}, "AuthFailure"},
		{"six minutes late", "ec2", func(_ *http.Request, _ *[]byte, _ *string, now *time.Time) { *now = now.Add(6 * time.Minute) }, "RequestExpired"},
		{"six minutes early", "ec2", func(_ *http.Request, _ *[]byte, _ *string, now *time.Time) { *now = now.Add(-6 * time.Minute) }, "SignatureDoesNotMatch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, body := signed(t, c.service, suiteTime)
			secret, now := suiteSecret, suiteTime
			c.change(r, &body, &secret, &now)
			s, err := sigv4.Parse(r)
			if err == nil {
				err = keys.Verify(s, r, secret, body, now)
			}
			var e *awserr.Error
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (!errors.As(err, &e) || e.Code != c.want):
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestSignaturesThatAreNone(t *testing.T) {
	for name, c := range map[string]struct{ auth, want string }{
		"none":             {"", "MissingAuthenticationToken"},
		"basic":            {"Basic abc", "IncompleteSignature"},
		"version 4A":       {"AWS4-ECDSA-P256-SHA256 Credential=a", "IncompleteSignature"},
		"no signature":     {"AWS4-HMAC-SHA256 Credential=" + suiteScope + ", SignedHeaders=host", "IncompleteSignature"},
		"short scope":      {"AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=00", "IncompleteSignature"},
		"host not signed":  {"AWS4-HMAC-SHA256 Credential=" + suiteScope + ", SignedHeaders=x-amz-date, Signature=00", "IncompleteSignature"},
		"date of the next": {"AWS4-HMAC-SHA256 Credential=K/20150831/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=00", "IncompleteSignature"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := http.NewRequest("GET", "http://h/", nil)
			r.Header.Set("X-Amz-Date", "20150830T123600Z")
			if c.auth != "" {
				r.Header.Set("Authorization", c.auth)
			}
			_, err := sigv4.Parse(r)
			var e *awserr.Error
			if !errors.As(err, &e) || e.Code != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func FuzzParseAndVerify(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential="+suiteScope+", SignedHeaders=host;x-amz-date, Signature=5fa0", "/?a=b&c", "20150830T123600Z")
	f.Add("", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F20150830%2Fr%2Fs%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00", "")
	f.Fuzz(func(t *testing.T, auth, uri, date string) {
		r, err := http.NewRequest("POST", "http://h"+uri, nil)
		if err != nil {
			return
		}
		r.Header.Set("Authorization", auth)
		r.Header.Set("X-Amz-Date", date)
		s, err := sigv4.Parse(r)
		if err == nil {
			err = new(sigv4.Keys).Verify(s, r, "a secret that no input has", nil, suiteTime)
		}
		if err == nil {
			t.Errorf("%q %q verifies", auth, uri)
		}
	})
}
