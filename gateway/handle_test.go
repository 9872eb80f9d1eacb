// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi.dev/enishi/aws/sigv4"
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
	if err := new(sigv4.Keys).Verify(signed, back, "secret", []byte(f.Body), now); err != nil {
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
