// SPDX-License-Identifier: Apache-2.0

package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"sort"
	"strings"
)

// Page says which part of a list a caller asks for.
type Page struct {
	Most      int     // rows; 0 is all
	Token     *string // of the page before; nil for the first
	Selection any     // filters and ids: a token goes with these only
}

// Cut returns the part of rows that is asked for, and the token for the next
// one, nil at the end; ok is false if the token is not one for this call. rows
// are sorted by id; what comes or goes between two pages neither skips nor
// repeats another row.
func Cut[T any](c *Call, p Page, rows []T, id func(T) string) (part []T, next *string, ok bool) {
	if p.Token != nil {
		last, ok := parseToken(*p.Token, p.digest(c))
		if !ok {
			return nil, nil, false
		}
		rows = rows[sort.Search(len(rows), func(i int) bool { return id(rows[i]) > last }):]
	}
	if p.Most == 0 || len(rows) <= p.Most {
		return rows, nil, true
	}
	rows = rows[:p.Most]
	return rows, new(formatToken(id(rows[p.Most-1]), p.digest(c))), true
}

// digest stands for the caller, the call and what was selected.
func (p Page) digest(c *Call) string {
	b, err := json.Marshal([]any{c.Scope(), p.Selection})
	if err != nil {
		panic("page: " + err.Error()) // wire shapes are plain data
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

func formatToken(last, digest string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(digest + last))
}

// parseToken returns the id in the token if it goes with the digest.
func parseToken(token, digest string) (last string, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", false
	}
	return strings.CutPrefix(string(b), digest)
}
