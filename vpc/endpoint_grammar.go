// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// policyReader reads a policy from its beginning to its end and stops at what
// does not belong there: an unknown element, one that comes twice, one that is
// missing. Nothing that it lets pass has two meanings.
type policyReader struct{ d *json.Decoder }

// readPolicy says whether the text has the form of an endpoint policy (IAM's
// grammar), and where the reading ended.
func readPolicy(text string) (end int, ok bool) {
	if !utf8.ValidString(text) {
		return 0, false
	}
	r := policyReader{json.NewDecoder(strings.NewReader(text))}
	if ok = r.open() && r.document(); ok {
		_, err := r.d.Token()
		ok = errors.Is(err, io.EOF)
	}
	return int(r.d.InputOffset()), ok
}

func (r policyReader) document() bool {
	seen, ok := r.members(map[string]func() bool{
		"Version": func() bool { return r.word("2012-10-17", "2008-10-17") },
		"Id":      func() bool { return r.word() },
		"Statement": func() bool {
			return r.oneOrMore(func(t json.Token) bool { return t == json.Delim('{') && r.statement() })
		},
	})
	return ok && seen["Statement"]
}

func (r policyReader) statement() bool {
	seen, ok := r.members(map[string]func() bool{
		"Sid":       func() bool { return r.word() },
		"Effect":    func() bool { return r.word("Allow", "Deny") },
		"Principal": r.principal, "NotPrincipal": r.principal,
		"Action": r.words, "NotAction": r.words,
		"Resource": r.words, "NotResource": r.words,
		"Condition": r.condition,
	})
	for _, either := range []string{"Principal", "Action", "Resource"} {
		ok = ok && seen[either] != seen["Not"+either]
	}
	return ok && seen["Effect"]
}

// principal is "*", or lists by the sort of principal.
func (r policyReader) principal() bool {
	t, err := r.d.Token()
	if err != nil || t != json.Delim('{') {
		return err == nil && t == "*"
	}
	seen, ok := r.members(map[string]func() bool{"AWS": r.words, "Service": r.words, "Federated": r.words, "CanonicalUser": r.words})
	return ok && len(seen) > 0
}

// condition is operators over keys over values, operators and keys of any name.
func (r policyReader) condition() bool {
	return r.open() && r.object(func(string) bool {
		return r.open() && r.object(func(string) bool { return r.oneOrMore(scalar) })
	})
}

// word is a string, one of those that are named if any are.
func (r policyReader) word(allowed ...string) bool {
	t, err := r.d.Token()
	s, ok := t.(string)
	return err == nil && ok && (len(allowed) == 0 || slices.Contains(allowed, s))
}

func (r policyReader) words() bool {
	return r.oneOrMore(func(t json.Token) bool { _, ok := t.(string); return ok })
}

// scalar is a string, a number or a boolean.
func scalar(t json.Token) bool {
	_, bracket := t.(json.Delim)
	return t != nil && !bracket
}

// oneOrMore is one thing, or a list of at least one, by their first tokens.
func (r policyReader) oneOrMore(one func(json.Token) bool) bool {
	t, err := r.d.Token()
	if err != nil || t != json.Delim('[') {
		return err == nil && one(t)
	}
	for n := 0; ; n++ {
		t, err := r.d.Token()
		switch {
		case err != nil:
			return false
		case t == json.Delim(']'):
			return n > 0
		case !one(t):
			return false
		}
	}
}

func (r policyReader) open() bool {
	t, err := r.d.Token()
	return err == nil && t == json.Delim('{')
}

// members is object with members of these names only; it returns which came.
func (r policyReader) members(read map[string]func() bool) (seen map[string]bool, ok bool) {
	seen = map[string]bool{}
	return seen, r.object(func(name string) bool {
		f, ok := read[name]
		seen[name] = true
		return ok && f()
	})
}

// object reads an object's members, each name once, from behind its opening
// brace to its closing one.
func (r policyReader) object(read func(name string) bool) bool {
	seen := map[string]bool{}
	for {
		t, err := r.d.Token()
		if err != nil || t == json.Delim('}') {
			return err == nil
		}
		name, ok := t.(string)
		if !ok || seen[name] {
			return false
		}
		if seen[name] = true; !read(name) {
			return false
		}
	}
}
