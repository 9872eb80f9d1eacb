// SPDX-License-Identifier: Apache-2.0

package services

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs the services and returns a client of them.
func start(t *testing.T) *http.Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "services.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{Listener: l, AllowedUIDs: []int{os.Getuid()}, Log: slog.New(slog.DiscardHandler)})
	}()
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &http.Client{Transport: tr}
}

func scope(service string) string {
	return fmt.Sprintf("AWS4-HMAC-SHA256 Credential=AKID/20261124/eu-west-1/%s/aws4_request, SignedHeaders=host, Signature=00", service)
}

func TestWhatIsNotThere(t *testing.T) {
	c := start(t)
	for _, tt := range []struct {
		name        string
		header      map[string]string
		contentType string
		body        string // but for the request id
	}{
		{"S3 answers in S3's format", map[string]string{"Authorization": scope("s3")}, "application/xml",
			`<Error><Code>NotImplemented</Code><Message>The service s3 is not available here.</Message><RequestId>ID</RequestId></Error>`},
		{"SNS in Query's", map[string]string{"Authorization": scope("sns")}, "text/xml",
			`<ErrorResponse><Error><Type>Receiver</Type><Code>NotImplemented</Code><Message>The service sns is not available here.</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
		{"DynamoDB in JSON 1.0", map[string]string{"Authorization": scope("dynamodb"), "X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}, "application/x-amz-json-1.0",
			`{"__type":"NotImplemented","message":"The service dynamodb is not available here."}`},
		{"KMS in JSON 1.1, unsigned", map[string]string{"X-Amz-Target": "TrentService.ListKeys", "Content-Type": "application/x-amz-json-1.1"}, "application/x-amz-json-1.1",
			`{"__type":"NotImplemented","message":"The service kms is not available here."}`},
		{"Lambda in REST-JSON", map[string]string{"Authorization": scope("lambda")}, "application/json",
			`{"message":"The service lambda is not available here."}`},
		{"a request for nobody", nil, "application/json", `{"message":"Request is missing Authentication Token"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodPost, "http://services/", strings.NewReader("body"))
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range tt.header {
				req.Header.Set(k, v)
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
			id := resp.Header.Get("X-Amzn-Requestid")
			if len(id) != 36 {
				t.Errorf("request id %q", id)
			}
			body := strings.TrimPrefix(strings.ReplaceAll(string(b), id, "ID"), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
			status := http.StatusNotImplemented
			if tt.header == nil {
				status = http.StatusForbidden
			}
			got := []any{resp.StatusCode, resp.Header.Get("Content-Type"), body}
			if diff := cmp.Diff([]any{status, tt.contentType, tt.body}, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestWhatIsThereAnswers(t *testing.T) {
	h := handler{log: slog.New(slog.DiscardHandler), table: map[string]http.Handler{
		"echo": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) }),
	}}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", scope("echo"))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusTeapot {
		t.Errorf("status %d", w.Code)
	}
}

func TestWhatATenantAsksAddsNothingToTheLog(t *testing.T) {
	var log strings.Builder
	h := handler{log: slog.New(slog.NewTextHandler(&log, nil))}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	if log.Len() > 0 {
		t.Errorf("it says %s", &log)
	}
}
