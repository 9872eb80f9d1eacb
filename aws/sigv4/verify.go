// SPDX-License-Identifier: Apache-2.0

package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"enishi.dev/enishi/aws/awserr"
)

// Key is a secret made good for one day, region and service: all that a verifier
// of that service's requests has to know.
type Key [sha256.Size]byte

// DeriveKey returns the key that signs for date (20060102), region and service.
func DeriveKey(secret, date, region, service string) Key {
	k := mac([]byte("AWS4"+secret), date)
	for _, part := range []string{region, service, "aws4_request"} {
		k = mac(k, part)
	}
	return Key(k)
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Verify returns nil if the owner of secret signed the request with this body,
// for about now. The request must be the one that s was parsed from.
func (k *Keys) Verify(s Signed, r *http.Request, secret string, body []byte, now time.Time) error {
	return s.VerifyKey(r, k.derive(scope{secret, s.date, s.Region, s.Service}), body, now)
}

// VerifyKey is Keys.Verify for whoever has but the derived key.
func (s Signed) VerifyKey(r *http.Request, key Key, body []byte, now time.Time) error {
	if err := s.checkTime(now); err != nil {
		return err
	}
	canonical, err := canonicalRequest(r, s, payloadHash(r, s, body))
	if err != nil {
		return err
	}
	want := mac(key[:], s.stringToSign(canonical))
	got, err := hex.DecodeString(s.signature)
	if err != nil || !hmac.Equal(got, want) { // constant time
		return s.mismatch()
	}
	return nil
}

func (s Signed) stringToSign(canonical string) string {
	h := sha256.Sum256([]byte(canonical))
	return algorithm + "\n" + s.Time.UTC().Format(timeFormat) + "\n" +
		s.date + "/" + s.Region + "/" + s.Service + "/aws4_request\n" + hex.EncodeToString(h[:])
}

// mismatch words a wrong signature as the service does.
func (s Signed) mismatch() error {
	if s.Service == "ec2" {
		return NoSuchKey(s.Service)
	}
	return awserr.New("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
}

// checkTime allows five minutes between the clocks, fifteen for S3; a presigned
// request holds from its time for as long as it says.
func (s Signed) checkTime(now time.Time) error {
	skew := 5 * time.Minute
	if s.Service == "s3" {
		skew = 15 * time.Minute
	}
	late := skew
	if s.Presigned {
		late = s.Expires
	}
	switch age := now.Sub(s.Time); {
	case age > late && s.Presigned, age > late && s.Service == "ec2":
		return awserr.New("RequestExpired", "Request has expired.")
	case age > late:
		return awserr.New("SignatureDoesNotMatch", "Signature expired: %s is now earlier than %s (%s - %d min.)",
			s.Time.UTC().Format(timeFormat), now.Add(-late).UTC().Format(timeFormat), now.UTC().Format(timeFormat), int(late.Minutes()))
	case age < -skew:
		return awserr.New("SignatureDoesNotMatch", "Signature not yet current: %s is still later than %s (%s + %d min.)",
			s.Time.UTC().Format(timeFormat), now.Add(skew).UTC().Format(timeFormat), now.UTC().Format(timeFormat), int(skew.Minutes()))
	}
	return nil
}

// payloadHash is the hash that the signature covers. Only S3 takes the client's
// word for it; everywhere else it is the hash of what came.
func payloadHash(r *http.Request, s Signed, body []byte) string {
	if s.Service == "s3" {
		if h := r.Header.Get("X-Amz-Content-Sha256"); h != "" {
			return h
		}
		if s.Presigned {
			return "UNSIGNED-PAYLOAD"
		}
	}
	h := sha256.Sum256(body)
	return hex.EncodeToString(h[:])
}
