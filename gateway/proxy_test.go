// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"enishi.dev/enishi/http1"
)

func TestTrailersOfARequestArrive(t *testing.T) {
	var got http.Header
	var body string
	path := filepath.Join(t.TempDir(), "u.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	box := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		body, got = string(b), r.Trailer
	}))
	box.Listener = l
	box.Start()
	defer box.Close()
	g := &gateway{services: &http1.Client{Path: path}}
	defer g.services.CloseIdle()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.proxy(&exchange{w: w, r: r, patience: usualPatience()})
	}))
	defer front.Close()
	c, err := net.Dial("tcp", front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// S3's clients send the checksum of a body like this, once they know it.
	io.WriteString(c, "PUT /bucket/key HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: x-amz-checksum-crc32\r\n\r\n"+
		"5\r\nhello\r\n0\r\nx-amz-checksum-crc32: NhCmhg==\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || body != "hello" || got.Get("X-Amz-Checksum-Crc32") != "NhCmhg==" {
		t.Errorf("status %d; body %q, trailers %v", resp.StatusCode, body, got)
	}
}
