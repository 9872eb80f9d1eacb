// SPDX-License-Identifier: Apache-2.0

package sigv4_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/sigv4"
)

// TestRequestsOfTheCommandLine verifies what the aws CLI sent, signed with the
// suite's key: testdata has the requests as they came, without unsigned headers.
func TestRequestsOfTheCommandLine(t *testing.T) {
	files, err := filepath.Glob("testdata/*.http")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r, body := request(t, string(text))
			s, err := sigv4.Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := new(sigv4.Keys).Verify(s, r, suiteSecret, body, s.Time.Add(time.Second)); err != nil {
				t.Error(err)
			}
			if s.Service == "s3" { // there the header says what the body is, and the store compares
				return
			}
			if err := new(sigv4.Keys).Verify(s, r, suiteSecret, append(body, '!'), s.Time); err == nil {
				t.Error("another body verifies")
			}
		})
	}
}

// TestExamplesOfS3 has the examples of the S3 API reference, which share
// a key and a day.
func TestExamplesOfS3(t *testing.T) {
	const scope = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	now := time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	header := func(line, more, signed, hash, signature string) string {
		return line + " HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\nX-Amz-Date: 20130524T000000Z\nX-Amz-Content-Sha256: " + hash + "\n" + more +
			"Authorization: AWS4-HMAC-SHA256 Credential=" + scope + ",SignedHeaders=" + signed + ",Signature=" + signature + "\n\n"
	}
	for _, c := range []struct{ name, text string }{
		{"a range of an object", header("GET /test.txt", "Range: bytes=0-9\n", "host;range;x-amz-content-sha256;x-amz-date", empty,
			"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")},
		{"an object with $ in its key", header("PUT /test$file.text", "Date: Fri, 24 May 2013 00:00:00 GMT\nX-Amz-Storage-Class: REDUCED_REDUNDANCY\n",
			"date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
			"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")},
		{"a parameter without a value", header("GET /?lifecycle", "", "host;x-amz-content-sha256;x-amz-date", empty,
			"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")},
		{"a list", header("GET /?max-keys=2&prefix=J", "", "host;x-amz-content-sha256;x-amz-date", empty,
			"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")},
		{"a presigned object", "GET /test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
			"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404" +
			" HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\n\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _ := request(t, c.text)
			s, err := sigv4.Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := new(sigv4.Keys).Verify(s, r, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", nil, now); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHowLongAPresignedRequestHolds(t *testing.T) {
	const query = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=K%2F20150830%2Fr%2Fsts%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
	for _, c := range []struct {
		name, expires string
		age           time.Duration
		want          string // SignatureDoesNotMatch: the time is right, the signature is not looked at before
	}{
		{"until its end", "60", time.Minute, "SignatureDoesNotMatch"},
		{"no longer", "60", time.Minute + time.Second, "RequestExpired"},
		{"a week", "604800", 0, "SignatureDoesNotMatch"},
		{"more than a week", "604801", 0, "IncompleteSignature"},
		{"less than nothing", "-1", 0, "IncompleteSignature"},
		{"for ever", "", 0, "IncompleteSignature"},
		{"what is no number of seconds", "1h30m", 0, "IncompleteSignature"},
		{"a fraction", "0.5", 0, "IncompleteSignature"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _ := request(t, "GET "+query+"&X-Amz-Expires="+c.expires+" HTTP/1.1\nHost: h\n\n")
			s, err := sigv4.Parse(r)
			if err == nil {
				err = new(sigv4.Keys).Verify(s, r, suiteSecret, nil, suiteTime.Add(c.age))
			}
			var e *awserr.Error
			if !errors.As(err, &e) || e.Code != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
