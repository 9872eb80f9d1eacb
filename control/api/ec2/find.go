// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"unicode"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// resource is a row that somebody owns: every one that embeds vpc.Meta.
type resource interface{ Base() vpc.Meta }

// required returns the value of a parameter that must be there; name is how
// AWS's errors spell it.
func required(name string, p *string) (string, error) {
	if p == nil || *p == "" {
		return "", awserr.New("MissingParameter", "The request must contain the parameter %s", name)
	}
	return *p, nil
}

// clientToken returns the token that makes a request's repetition harmless, if it has one.
func clientToken(p *string) (string, error) {
	t := value(p)
	if len(t) > 64 || strings.ContainsFunc(t, func(r rune) bool { return r > unicode.MaxASCII }) {
		return "", awserr.New("InvalidClientToken", "The client token is not valid: it may have at most 64 ASCII characters.")
	}
	return t, nil
}

// value is *p, or nothing.
func value[T any](p *T) T {
	if p == nil {
		var none T
		return none
	}
	return *p
}

// howMany of several ways to say something are used.
func howMany(used ...bool) int {
	n := 0
	for _, is := range used {
		if is {
			n++
		}
	}
	return n
}

// owns reports whether the row is the caller's, in the request's region. What is
// not does not exist for the caller.
func owns[T resource](c *api.Call, row T) bool {
	m := row.Base()
	return m.Account == c.Account && m.Region == c.Region
}

// find returns the caller's row with the id, or AWS's error for that kind of id.
func find[T resource](t store.Table[T], c *api.Call, kind vpc.IDKind, id string) (T, error) {
	if _, err := vpc.ParseID[string](kind, id); err != nil {
		var none T
		return none, err
	}
	row, ok := t.Get(id)
	if !ok || !owns(c, row) {
		var none T
		return none, kind.NotFound(id)
	}
	return row, nil
}

// need is find for a parameter that must be there.
func need[T resource](t store.Table[T], c *api.Call, kind vpc.IDKind, name string, id *string) (T, error) {
	s, err := required(name, id)
	if err != nil {
		var none T
		return none, err
	}
	return find(t, c, kind, s)
}

// list returns the caller's rows with the ids, or all of the caller's if there
// are none; by id, each once.
func list[T resource](t store.Table[T], c *api.Call, kind vpc.IDKind, ids []string) ([]T, error) {
	if len(ids) == 0 {
		return slices.Collect(t.By("account", c.Owner())), nil
	}
	var rows []T
	for _, id := range slices.Compact(slices.SortedFunc(slices.Values(ids), cmp.Compare)) {
		row, err := find(t, c, kind, id)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// count is how many rows there are that keep says yes to.
func count[T any](rows iter.Seq[T], keep func(T) bool) int {
	n := 0
	for row := range rows {
		if keep(row) {
			n++
		}
	}
	return n
}
