// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi.dev/enishi/aws/sigv4"
	"enishi.dev/enishi/hoststate"
)

// exchangeRaw writes bytes to the endpoint and returns all that comes back.
func exchangeRaw(w *world, request string) string {
	w.t.Helper()
	c := w.raw("127.0.1.50")
	_, err := io.WriteString(c, strings.ReplaceAll(request, "\n", "\r\n"))
	w.check(err)
	b, err := io.ReadAll(c)
	w.check(err)
	return string(b)
}

func TestRequestsArriveByteForByte(t *testing.T) {
	w, _ := withEndpoint(t)
	body := "Action=DescribeVpcs&x=\x00\xff%2f\n{}"
	const target = "/a//b/%2e%2E/c%20d+e;f=%7A/../?q=%2F&b&a=1&a=%00?"
	c := w.raw("127.0.1.50")
	head := "POST " + target + " HTTP/1.1\r\nhost: EC2.ap-northeast-1.amazonaws.com:443\r\nx-AMZ-date: 20261124T000000Z\r\n" +
		"X-Two:  first \r\nX-Two: second,third\r\nEmpty:\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	if _, err := io.WriteString(c, head+fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body))+body); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil || string(answer) != "<answer>"+body+"</answer>" {
		t.Errorf("answer %q, %v", answer, err)
	}
	f := w.last()
	want := forwarded{Body: body}
	want.Method, want.URI, want.Host, want.Facts = "POST", target, "EC2.ap-northeast-1.amazonaws.com:443", f.Facts
	want.Header = http.Header{
		"X-Amz-Date": {"20261124T000000Z"}, "X-Two": {"first", "second,third"}, "Empty": {""},
		"Content-Type": {"application/x-www-form-urlencoded"}, "Content-Length": {fmt.Sprint(len(body))},
	}
	if diff := cmp.Diff(want, f, cmp.Comparer(func(a, b forwarded) bool { return fmt.Sprint(a) == fmt.Sprint(b) })); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestASignatureSurvives(t *testing.T) {
	w, _ := withEndpoint(t)
	body := "Action=DescribeVpcs&Version=2016-11-15"
	req, err := http.NewRequest(http.MethodPost, "https://"+ec2Name+"/?z=1&a=%20b", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	req.Host = ec2Name
	now := time.Now()
	if err := sigv4.Sign(req, sigv4.Credentials{AccessKeyID: "AKID", Secret: "secret", Token: "token"}, "ap-northeast-1", "ec2", []byte(body), now); err != nil {
		t.Fatal(err)
	}
	resp, err := w.client("127.0.0.10", w.at("127.0.1.50")).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	f := w.last()
	back, err := http.ReadRequest(bufio.NewReader(strings.NewReader(f.Method + " " + f.URI + " HTTP/1.1\r\nHost: " + f.Host + "\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	back.Header = f.Header
	signed, err := sigv4.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	if err := signed.Verify(back, "secret", []byte(f.Body), now); err != nil {
		t.Error(err)
	}
}

func TestAnswersComeBackAsTheyWere(t *testing.T) {
	w, _ := withEndpoint(t)
	w.set(func() {
		w.answer = func(rw http.ResponseWriter, _ *http.Request, _ forwarded) {
			h := rw.Header()
			h["X-Two"] = []string{"a", "b"}
			h.Set("Location", "/elsewhere")
			h.Set("Keep-Alive", "timeout=1")
			rw.WriteHeader(http.StatusTemporaryRedirect)
			io.WriteString(rw, "body")
		}
	})
	c := w.client("127.0.0.10", w.at("127.0.1.50"))
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	status, header, body, err := post(w, c, "https://"+ec2Name+"/", "ec2", describe)
	if err != nil {
		t.Fatal(err)
	}
	id := w.last().Facts.RequestID
	got := []any{status, header["X-Two"], header.Get("Location"), header.Get("Keep-Alive"), header.Get("X-Amzn-Requestid"), body}
	if diff := cmp.Diff([]any{307, []string{"a", "b"}, "/elsewhere", "", id, "body"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestAnAnswerThatBreaksOffIsNotTakenForWhole(t *testing.T) {
	w, _ := withEndpoint(t)
	w.set(func() {
		w.answer = func(rw http.ResponseWriter, _ *http.Request, _ forwarded) {
			io.WriteString(rw, "half")
			http.NewResponseController(rw).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	_, _, body, err := post(w, w.client("127.0.0.10", w.at("127.0.1.50")), "https://"+ec2Name+"/", "ec2", describe)
	if err == nil {
		t.Errorf("body %q without an error", body)
	}
}

func TestWrongService(t *testing.T) {
	w, _ := withEndpoint(t)
	sts := w.endpoint("vpce-sts", "sts", "127.0.1.51", "sts.ap-northeast-1.amazonaws.com")
	kms := w.endpoint("vpce-kms", "kms", "127.0.1.52", "kms.ap-northeast-1.amazonaws.com")
	w.apply(sts, kms)
	for _, tt := range []struct {
		name, addr, host, scope string
		target                  string
		status                  int
		want                    string
	}{
		{"EC2 says that it cannot validate", "127.0.1.50", ec2Name, scope("sts"), "", 401,
			"<Code>AuthFailure</Code><Message>AWS was not able to validate the provided access credentials</Message>"},
		{"STS says who the right one is", "127.0.1.51", sts.Names[0], scope("ec2"), "", 403,
			"<Code>SignatureDoesNotMatch</Code><Message>Credential should be scoped to correct service: &#39;sts&#39;</Message>"},
		{"KMS says it in JSON", "127.0.1.52", kms.Names[0], scope("ec2"), "TrentService.ListKeys", 403,
			`{"__type":"InvalidSignatureException","message":"Credential should be scoped to correct service: 'kms'"}`},
		{"another region is refused", "127.0.1.51", sts.Names[0], strings.Replace(scope("sts"), "ap-northeast-1", "us-east-1", 1), "", 403,
			"<Code>SignatureDoesNotMatch</Code><Message>Credential should be scoped to a valid region.</Message>"},
		{"a service of the box is answered by the box", "127.0.1.52", kms.Names[0], scope("kms"), "TrentService.ListKeys", 501,
			`{"__type":"NotImplemented","message":"The service kms is not available here."}`},
		{"whom a request without a signature is for, the endpoint says", "127.0.1.50", "x.example.com", "", "", 200, "<answer>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := w.client("127.0.0.10", w.at(tt.addr))
			c.Transport.(*http.Transport).TLSClientConfig.ServerName = map[string]string{"127.0.1.50": ec2Name, "127.0.1.51": sts.Names[0], "127.0.1.52": kms.Names[0]}[tt.addr]
			req, err := http.NewRequest(http.MethodPost, "https://"+tt.host+"/", strings.NewReader(describe))
			if err != nil {
				t.Fatal(err)
			}
			if tt.scope != "" {
				req.Header.Set("Authorization", tt.scope)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if tt.target != "" {
				req.Header.Set("X-Amz-Target", tt.target)
				req.Header.Set("Content-Type", "application/x-amz-json-1.1")
			}
			resp, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || !strings.Contains(string(b), tt.want) {
				t.Errorf("status %d, want %d; body %s, want %s", resp.StatusCode, tt.status, b, tt.want)
			}
			if resp.Header.Get("X-Amzn-Requestid") == "" {
				t.Error("no request id")
			}
		})
	}
}

func TestControlIsNotThere(t *testing.T) {
	w, _ := withEndpoint(t)
	c := w.client("127.0.0.10", w.at("127.0.1.50"))
	t.Run("a restart is ridden out", func(t *testing.T) {
		w.stopControl()
		answered := make(chan error, 1)
		go func() {
			status, _, _, err := post(w, c, "https://"+ec2Name+"/", "ec2", describe)
			if err == nil && status != 200 {
				err = fmt.Errorf("status %d", status)
			}
			answered <- err
		}()
		time.Sleep(30 * time.Millisecond) // so that it has met nobody
		w.startControl()
		if err := <-answered; err != nil {
			t.Error(err)
		}
	})
	t.Run("what was sent is not sent twice", func(t *testing.T) {
		w.set(func() {
			w.forwarded = nil
			w.answer = func(rw http.ResponseWriter, _ *http.Request, _ forwarded) { panic(http.ErrAbortHandler) }
		})
		status, header, body, err := post(w, c, "https://"+ec2Name+"/", "ec2", describe)
		if err != nil {
			t.Fatal(err)
		}
		want := "<Code>Unavailable</Code>"
		if status != 503 || !strings.Contains(body, want) || header.Get("X-Amzn-Requestid") == "" || w.count() != 1 {
			t.Errorf("sent %d times, status %d, body %s", w.count(), status, body)
		}
	})
}

func TestSizes(t *testing.T) {
	w, _ := withEndpoint(t)
	c := w.client("127.0.0.10", w.at("127.0.1.50"))
	for _, tt := range []struct {
		name   string
		size   int
		status int
	}{
		{"a body within the limit", maxBody, 200},
		{"one byte more", maxBody + 1, 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, _, body, err := post(w, c, "https://"+ec2Name+"/", "ec2", strings.Repeat("x", tt.size))
			if err != nil {
				t.Fatal(err)
			}
			if status != tt.status {
				t.Errorf("status %d, want %d: %.200s", status, tt.status, body)
			}
			if status == 200 && len(body) != tt.size+len("<answer></answer>") {
				t.Errorf("answer of %d bytes", len(body))
			}
		})
	}
	t.Run("a head that is too long", func(t *testing.T) {
		got := exchangeRaw(w, "GET / HTTP/1.1\nHost: x\nX: "+strings.Repeat("x", 2*maxHead)+"\n\n")
		if !strings.HasPrefix(got, "HTTP/1.1 431 ") {
			t.Errorf("answer %.100s", got)
		}
	})
}

func TestSmuggling(t *testing.T) {
	w, _ := withEndpoint(t)
	const hidden = "GET /hidden HTTP/1.1\nHost: x\n\n"
	for _, tt := range []struct {
		name, request string
		status        string
		requests      int // that control sees
	}{
		{"both lengths, chunked ends first: what follows is not read", "POST / HTTP/1.1\nHost: x\nContent-Length: 40\nTransfer-Encoding: chunked\n\n0\n\n" + hidden, "200", 1},
		{"both lengths, the other way round", "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\nContent-Length: 0\n\n3\nabc\n0\n\n" + hidden, "200", 1},
		{"two lengths that differ", "POST / HTTP/1.1\nHost: x\nContent-Length: 0\nContent-Length: 31\n\n" + hidden, "400", 0},
		{"a length with a sign", "POST / HTTP/1.1\nHost: x\nContent-Length: +3\n\nabc" + hidden, "400", 0},
		{"an encoding that is not chunked", "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: gzip, chunked\n\n0\n\n" + hidden, "501", 0},
		{"chunked written oddly", "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: xchunked\n\n0\n\n" + hidden, "501", 0},
		{"a header name with a space", "POST / HTTP/1.1\nHost: x\nContent-Length : 3\n\nabc" + hidden, "400", 0},
		{"a folded header", "POST / HTTP/1.1\nHost: x\nX: a\n Content-Length: 3\nConnection: close\n\n", "200", 1},
		{"two hosts", "GET / HTTP/1.1\nHost: x\nHost: y\n\n" + hidden, "400", 0},
		{"no host", "GET / HTTP/1.1\n\n" + hidden, "400", 0},
		{"a target with a scheme", "GET http://elsewhere/ HTTP/1.1\nHost: x\nConnection: close\n\n", "400", 0},
		{"CONNECT", "CONNECT elsewhere:443 HTTP/1.1\nHost: x\nConnection: close\n\n", "400", 0},
		{"the asterisk", "OPTIONS * HTTP/1.1\nHost: x\nConnection: close\n\n", "200", 0}, // net/http answers it
		{"a fragment", "GET /a#b HTTP/1.1\nHost: x\nConnection: close\n\n", "400", 0},
		{"a version that is none", "GET / HTTP/9.9\nHost: x\n\n", "505", 0},
		{"HTTP/2 spoken blindly", "PRI * HTTP/2.0\n\nSM\n\n", "400", 0},
		{"no HTTP at all", "\x00\x01\x02\n\n", "400", 0},
		{"a header that is no UTF-8", "GET / HTTP/1.1\nHost: x\nX: \xff\nConnection: close\n\n", "400", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.set(func() { w.forwarded = nil })
			got := exchangeRaw(w, tt.request)
			if !strings.HasPrefix(got, "HTTP/1.1 "+tt.status+" ") || strings.Count(got, "HTTP/1.1 ") != 1 {
				t.Errorf("want one answer %s, got\n%s", tt.status, got)
			}
			if w.count() != tt.requests {
				t.Errorf("control saw %d requests, want %d", w.count(), tt.requests)
			}
		})
	}
}

func TestWhoeverIsSlowIsNotWaitedFor(t *testing.T) {
	w := newWorldWith(t, patience{head: 50 * time.Millisecond, idle: 50 * time.Millisecond, body: 50 * time.Millisecond})
	w.port = w.network("vpc-a")
	w.apply(&hoststate.Network{ID: "vpc-a", VNI: 7}, w.endpoint("vpce-1", "ec2", "127.0.1.50", ec2Name), w.endpoint("vpce-2", "kms", "127.0.1.51", ec2Name))
	for _, tt := range []struct{ name, addr, send, want string }{
		{"between requests", "127.0.1.50", "", ""},
		{"with a request's head", "127.0.1.50", "GET / HTTP/1.1\r\nHost: x\r\nX: ", ""},
		{"with a form", "127.0.1.50", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", "HTTP/1.1 408 "},
		{"with a chunk", "127.0.1.50", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "HTTP/1.1 408 "},
		{"with a body for the box", "127.0.1.51", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", "HTTP/1.1 408 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := w.raw(tt.addr)
			if _, err := io.WriteString(c, tt.send); err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(c)
			if errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(string(b), tt.want) || tt.want == "" && len(b) > 0 {
				t.Errorf("answer %q, %v", b, err)
			}
		})
	}
	t.Run("with a TLS handshake", func(t *testing.T) {
		if got := call(w, w.at("127.0.1.50")); got != "closed" {
			t.Errorf("the connection is %s", got)
		}
	})
	t.Run("with the first byte at the public entry", func(t *testing.T) {
		if got := call(w, w.Public); got != "closed" {
			t.Errorf("the connection is %s", got)
		}
	})
}

func FuzzHead(f *testing.F) {
	f.Add([]byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"))
	f.Add([]byte("GET /?Action=X HTTP/1.1\r\nHost: x\r\nAuthorization: " + scope("ec2") + "\r\n\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
	f.Add([]byte("\x16\x03\x01"))
	w, _ := withEndpoint(f)
	f.Fuzz(func(t *testing.T, request []byte) {
		c, err := tls.Dial("tcp", w.at("127.0.1.50"), &tls.Config{RootCAs: w.ca.pool, ServerName: ec2Name})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(2 * usualPatience().head))
		if _, err := c.Write(request); err != nil {
			return
		}
		c.CloseWrite()
		b, err := io.ReadAll(c)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("no end after %q: %q", request, b)
		}
		if len(b) > 0 && !bytes.HasPrefix(b, []byte("HTTP/1.")) {
			t.Errorf("answer %q", b)
		}
	})
}
