// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"sort"
	"strings"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/control/api"
)

// paging is what a caller says of pages, and what the call allows.
type paging struct {
	MaxResults *int32
	NextToken  *string
	Selection  any // filters and ids: a token goes with these only
	Fewest     int // 0: 5
	Most       int // 0: 1000
}

const fewestResults = 5

// page returns the part of rows that is asked for, and the token for the next
// one, nil at the end. rows are sorted by id; what comes or goes between two
// pages neither skips nor repeats another row.
func page[T any](c *api.Call, p paging, rows []T, id func(T) string) ([]T, *string, error) {
	most, err := p.limit()
	if err != nil {
		return nil, nil, err
	}
	if p.NextToken != nil {
		last, ok := parseToken(*p.NextToken, p.digest(c))
		if !ok {
			return nil, nil, awserr.New("InvalidParameterValue",
				"Value ( %s ) for parameter NextToken is invalid. The token is invalid.", *p.NextToken)
		}
		rows = rows[sort.Search(len(rows), func(i int) bool { return id(rows[i]) > last }):]
	}
	if most == 0 || len(rows) <= most {
		return rows, nil, nil
	}
	rows = rows[:most]
	return rows, new(formatToken(id(rows[most-1]), p.digest(c))), nil
}

// limit is how many rows a page has; 0 is all.
func (p paging) limit() (int, error) {
	if p.MaxResults == nil {
		return 0, nil
	}
	most := p.Most
	if most == 0 {
		most = 1000
	}
	fewest := p.Fewest
	if fewest == 0 {
		fewest = fewestResults
	}
	n := int(*p.MaxResults)
	if n < fewest {
		return 0, awserr.New("InvalidParameterValue",
			"Value ( %d ) for parameter maxResults is invalid. Expecting a value greater than %d.", n, fewest)
	}
	return min(n, most), nil
}

// digest stands for the caller, the call and what was selected.
func (p paging) digest(c *api.Call) string {
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
