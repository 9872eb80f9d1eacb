// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"bufio"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enishi.dev/enishi/aws/awserr"
)

const sigV4 = "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261124/"

// request reads a request's head; lines end by a bare newline.
func request(t testing.TB, head string) *http.Request {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var heads = []struct {
	name, head string
	want       Head
}{
	{"the scope names service and region", "POST / HTTP/1.1\nHost: 127.0.0.1:4566\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\n" + sigV4 + "ap-northeast-1/ec2/aws4_request, SignedHeaders=host, Signature=00",
		Head{Service: "ec2", Region: "ap-northeast-1", Signed: true, Protocol: EC2}},
	{"the scope beats the host", "POST / HTTP/1.1\nHost: ec2.us-east-1.amazonaws.com\n" + sigV4 + "eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=00",
		Head{Service: "sts", Region: "eu-west-1", Signed: true, Protocol: Query}},
	{"a presigned request", "GET /?Action=GetCallerIdentity&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20261124%2Fus-east-1%2Fsts%2Faws4_request HTTP/1.1\nHost: x",
		Head{Service: "sts", Region: "us-east-1", Signed: true, Action: "GetCallerIdentity", Protocol: Query}},
	{"SigV4A has no region", "GET /k HTTP/1.1\nHost: x\nAuthorization: AWS4-ECDSA-P256-SHA256 Credential=AKID/20261124/s3/aws4_request, Signature=00",
		Head{Service: "s3", Signed: true, Protocol: S3}},
	{"a scope with odd bytes names nothing", "GET / HTTP/1.1\nHost: x\n" + sigV4 + "eu-west-1/e\"c2/aws4_request",
		Head{Signed: true}},
	{"a scope that is cut off names nothing", "GET / HTTP/1.1\nHost: x\nAuthorization: AWS4-HMAC-SHA256 Credential=AKID/2026",
		Head{Signed: true}},
	{"Basic is no signature", "GET / HTTP/1.1\nHost: x\nAuthorization: Basic Credential=a/b/c/ec2/aws4_request", Head{}},
	{"JSON 1.0 by its target", "POST / HTTP/1.1\nHost: x\nX-Amz-Target: DynamoDB_20120810.GetItem\nContent-Type: application/x-amz-json-1.0",
		Head{Service: "dynamodb", Action: "GetItem", Protocol: JSON10}},
	{"JSON 1.1 by its target", "POST / HTTP/1.1\nHost: kms.eu-west-1.amazonaws.com\nX-Amz-Target: TrentService.Encrypt\nContent-Type: application/x-amz-json-1.1",
		Head{Service: "kms", Action: "Encrypt", Protocol: JSON11}},
	{"CBOR by its header", "POST /service/GraniteServiceVersion20100801/operation/PutMetricData HTTP/1.1\nHost: monitoring.eu-west-1.amazonaws.com\nSmithy-Protocol: rpc-v2-cbor",
		Head{Service: "monitoring", Region: "eu-west-1", Action: "PutMetricData", Protocol: CBOR}},
	{"a regional host", "GET / HTTP/1.1\nHost: EC2.ap-northeast-1.amazonaws.com:443", Head{Service: "ec2", Region: "ap-northeast-1", Protocol: EC2}},
	{"a dual-stack host", "GET / HTTP/1.1\nHost: ec2.ap-northeast-1.api.aws", Head{Service: "ec2", Region: "ap-northeast-1", Protocol: EC2}},
	{"a global host", "GET / HTTP/1.1\nHost: sts.amazonaws.com", Head{Service: "sts", Region: "us-east-1", Protocol: Query}},
	{"an endpoint's host", "GET / HTTP/1.1\nHost: vpce-0a-1b-ap-northeast-1a.ec2.ap-northeast-1.vpce.amazonaws.com", Head{Service: "ec2", Region: "ap-northeast-1", Protocol: EC2}},
	{"an endpoint's host of a service with two labels", "GET / HTTP/1.1\nHost: vpce-0a-1b.api.ecr.us-east-1.vpce.amazonaws.com", Head{Service: "ecr", Region: "us-east-1"}},
	{"a bucket's host", "GET /key HTTP/1.1\nHost: my.bucket.s3.eu-west-1.amazonaws.com", Head{Service: "s3", Region: "eu-west-1", Protocol: S3}},
	{"a bucket's global host", "GET /key HTTP/1.1\nHost: bucket.s3.amazonaws.com", Head{Service: "s3", Region: "us-east-1", Protocol: S3}},
	{"a form for nobody known is Query", "POST / HTTP/1.1\nHost: x\nContent-Type: application/x-www-form-urlencoded", Head{Protocol: Query}},
	{"nothing says anything", "GET /favicon.ico HTTP/1.1\nHost: 127.0.0.1:4566", Head{}},
	{"an IPv6 host", "GET / HTTP/1.1\nHost: [::1]:4566", Head{}},
}

func TestRead(t *testing.T) {
	for _, tt := range heads {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Read(request(t, tt.head))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	for _, tt := range heads {
		f.Add(tt.head)
	}
	f.Fuzz(func(t *testing.T, head string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n")))
		if err != nil {
			return
		}
		h := Read(r)
		if h.Signed && h.Service != "" && h.Service != strings.ToLower(h.Service) {
			t.Errorf("service %q", h.Service)
		}
		h.Protocol.WriteError(httptest.NewRecorder(), "id", awserr.New("NotImplemented", "%s", h.Service))
		FormAction([]byte(head))
	})
}

func TestFormAction(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"first", "Action=DescribeVpcs&Version=2016-11-15", "DescribeVpcs"},
		{"last", "Version=2016-11-15&Action=DescribeVpcs", "DescribeVpcs"},
		{"escaped", "Action=%44escribe", "Describe"},
		{"broken", "Action=%4", ""},
		{"part of another", "MyAction=x&X=Action=y", ""},
		{"none", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := FormAction([]byte(tt.body)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOfALongFormTheActionAloneIsKept(t *testing.T) {
	form := append([]byte("Action=DescribeVpcs&X="), make([]byte, 1<<20)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	FormAction(form)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<16 {
		t.Errorf("it took %d bytes", took)
	}
}

func TestWriteError(t *testing.T) {
	e := awserr.New("NotImplemented", `no <such> "thing"`)
	for _, tt := range []struct {
		name     string
		protocol Protocol
		typ      string
		body     string
	}{
		{"EC2", EC2, "text/xml;charset=UTF-8", xml.Header + `<Response><Errors><Error><Code>NotImplemented</Code><Message>no &lt;such&gt; &#34;thing&#34;</Message></Error></Errors><RequestID>id</RequestID></Response>`},
		{"Query", Query, "text/xml", xml.Header + `<ErrorResponse><Error><Type>Receiver</Type><Code>NotImplemented</Code><Message>no &lt;such&gt; &#34;thing&#34;</Message></Error><RequestId>id</RequestId></ErrorResponse>`},
		{"REST-XML", RESTXML, "text/xml", xml.Header + `<ErrorResponse><Error><Type>Receiver</Type><Code>NotImplemented</Code><Message>no &lt;such&gt; &#34;thing&#34;</Message></Error><RequestId>id</RequestId></ErrorResponse>`},
		{"S3", S3, "application/xml", xml.Header + `<Error><Code>NotImplemented</Code><Message>no &lt;such&gt; &#34;thing&#34;</Message><RequestId>id</RequestId></Error>`},
		{"JSON 1.0", JSON10, "application/x-amz-json-1.0", `{"__type":"NotImplemented","message":"no \u003csuch\u003e \"thing\""}`},
		{"JSON 1.1", JSON11, "application/x-amz-json-1.1", `{"__type":"NotImplemented","message":"no \u003csuch\u003e \"thing\""}`},
		{"REST-JSON", RESTJSON, "application/json", `{"message":"no \u003csuch\u003e \"thing\""}`},
		{"CBOR", CBOR, "application/cbor", "\xa2\x79\x00\x06__type\x79\x00\x0eNotImplemented\x79\x00\x07message\x79\x00\x11" + `no <such> "thing"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			tt.protocol.WriteError(w, "id", e)
			resp := w.Result()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			got := []any{resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header.Get("X-Amzn-Requestid"), string(body)}
			if diff := cmp.Diff([]any{501, tt.typ, "id", tt.body}, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if resp.Header.Get("Content-Type") == "application/json" && !json.Valid(body) {
				t.Error("not JSON")
			}
		})
	}
}
