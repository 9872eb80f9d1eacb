// SPDX-License-Identifier: Apache-2.0

package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"enishi.dev/enishi/aws/awserr"
)

// tokenLife is how long AWS remembers a ClientToken.
const tokenLife = 24 * time.Hour

// token is a ClientToken that was used.
type token struct {
	Key   string    `json:"key"`  // hash of scope and token: both are a caller's bytes
	Hash  string    `json:"hash"` // of the request
	ID    string    `json:"id"`   // what the request made
	Until time.Time `json:"until"`
}

// until sorts like the time does.
func (t *token) until() string { return t.Until.UTC().Format("2006-01-02T15:04:05.000") }

// Once runs f unless the token was used in this scope (account, region and
// action) within 24 hours; then it returns the id of that time, if the request
// is the same, else awserr IdempotentParameterMismatch. Without a token f runs.
func (tx *Tx) Once(clientToken, scope string, request any, f func() (id string, err error)) (id string, err error) {
	if clientToken == "" {
		return f()
	}
	b, err := json.Marshal(request)
	if err != nil {
		return "", fmt.Errorf("hash request: %w", err)
	}
	t := token{Key: hash(scope, clientToken), Hash: hash(string(b)), Until: tx.now.Add(tokenLife)}
	if before, ok := tx.tokens.Get(t.Key); ok && tx.now.Before(before.Until) {
		if before.Hash != t.Hash {
			return "", awserr.New("IdempotentParameterMismatch",
				"The request uses the same client token as a previous, but non-identical request. Do not reuse a client token with different requests, unless the requests are identical")
		}
		return before.ID, nil
	}
	if t.ID, err = f(); err != nil {
		return "", err
	}
	tx.forgetTokens()
	tx.tokens.Put(t)
	return t.ID, nil
}

// forgetTokens drops the two oldest tokens if their time has passed: with every
// new one at most two go, so that they never pile up and no decision is slow.
func (tx *Tx) forgetTokens() {
	t := tx.tokens.t
	oldest := make([]token, 0, 2)
	for v := range t.rows.LowerBound(tx.tokens.w.txn, t.by["until"].Query("")) {
		if len(oldest) == cap(oldest) || tx.now.Before(v.Until) {
			break
		}
		oldest = append(oldest, *v)
	}
	for _, v := range oldest {
		tx.tokens.Delete(v.Key)
	}
}

func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
