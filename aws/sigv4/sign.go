// SPDX-License-Identifier: Apache-2.0

package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// Credentials sign requests.
type Credentials struct {
	AccessKeyID string
	Secret      string
	Token       string // of a session, or ""
}

// Sign adds a signature to r, which will be sent with body. r.Host must be set.
func Sign(r *http.Request, c Credentials, region, service string, body []byte, now time.Time) error {
	now = now.UTC()
	r.Header.Set("X-Amz-Date", now.Format(timeFormat))
	s := Signed{
		AccessKeyID: c.AccessKeyID, Region: region, Service: service, Time: now,
		date: now.Format(dateFormat), headers: []string{"content-type", "host", "x-amz-date"},
	}
	if c.Token != "" {
		r.Header.Set("X-Amz-Security-Token", c.Token)
		s.headers = append(s.headers, "x-amz-security-token")
	}
	hash := sha256.Sum256(body)
	canonical, err := canonicalRequest(r, s, hex.EncodeToString(hash[:]))
	if err != nil {
		return err
	}
	key := DeriveKey(c.Secret, s.date, region, service)
	r.Header.Set("Authorization", algorithm+" Credential="+strings.Join([]string{c.AccessKeyID, s.date, region, service, "aws4_request"}, "/")+
		", SignedHeaders="+strings.Join(s.headers, ";")+", Signature="+hex.EncodeToString(mac(key[:], s.stringToSign(canonical))))
	return nil
}
