// SPDX-License-Identifier: Apache-2.0

package apitest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"enishi.dev/enishi/iam"
)

// sign returns the headers of a POST of a form, signed. It is written from AWS's
// description alone, so that it can find a mistake in how we verify.
func sign(k iam.AccessKey, service, region, host string, body []byte) http.Header {
	const form, signed = "application/x-www-form-urlencoded; charset=utf-8", "content-type;host;x-amz-date"
	date, at := Now.Format("20060102"), Now.Format("20060102T150405Z")
	scope := date + "/" + region + "/" + service + "/aws4_request"
	canonical := "POST\n/\n\ncontent-type:" + form + "\nhost:" + host + "\nx-amz-date:" + at + "\n\n" + signed + "\n" + sum(body)
	key := []byte("AWS4" + k.Secret)
	for _, part := range []string{date, region, service, "aws4_request"} {
		key = mac(key, part)
	}
	signature := hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+at+"\n"+scope+"\n"+sum([]byte(canonical))))
	return http.Header{
		"Content-Type":  {form},
		"X-Amz-Date":    {at},
		"Authorization": {"AWS4-HMAC-SHA256 Credential=" + k.ID + "/" + scope + ", SignedHeaders=" + signed + ", Signature=" + signature},
	}
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
