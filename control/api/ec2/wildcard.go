// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"slices"
	"strings"
)

// pattern is what a value can look like: * is any number of characters, ? is one
// or none (as AWS has it), and a backslash takes away the meaning of what follows
// it. Case counts.
type pattern struct {
	plain string // all of it, where nothing has a meaning
	parts []part
}

// matches reports whether s is what the pattern says.
//
// The time is that of len(p.parts)·len(s), whatever a stranger sends.
func (p pattern) matches(s string) bool {
	if p.parts == nil {
		return p.plain == s
	}
	// at[i]: the first i parts match what of s was read so far.
	at, next := make([]bool, len(p.parts)+1), make([]bool, len(p.parts)+1)
	at[0] = true
	skip(p.parts, at)
	for _, r := range s {
		clear(next)
		for i, p := range p.parts {
			switch {
			case !at[i]:
			case p == anyNumber:
				next[i] = true
			case p == oneOrNone || p == part(r):
				next[i+1] = true
			}
		}
		skip(p.parts, next)
		at, next = next, at
	}
	return at[len(p.parts)]
}

// matchesAny reports whether one of the values is what one of the patterns says.
func matchesAny(patterns []pattern, values []string) bool {
	return slices.ContainsFunc(patterns, func(p pattern) bool { return slices.ContainsFunc(values, p.matches) })
}

// part is a character that is meant, or one of the two below.
type part rune

const (
	anyNumber part = -1
	oneOrNone part = -2
)

// hasWildcard reports whether something in text has a meaning.
func hasWildcard(text string) bool { return strings.ContainsAny(text, `*?\`) }

func parsePatterns(texts []string) []pattern {
	all := make([]pattern, len(texts))
	for i, text := range texts {
		all[i] = parsePattern(text)
	}
	return all
}

func parsePattern(text string) pattern {
	if !hasWildcard(text) {
		return pattern{plain: text}
	}
	var parts []part
	escaped := false
	for _, r := range text {
		switch {
		case escaped:
			parts, escaped = append(parts, part(r)), false
		case r == '\\':
			escaped = true
		case r == '*':
			parts = append(parts, anyNumber)
		case r == '?':
			parts = append(parts, oneOrNone)
		default:
			parts = append(parts, part(r))
		}
	}
	if escaped { // nothing follows: it means itself
		parts = append(parts, '\\')
	}
	return pattern{parts: parts}
}

// skip marks what is reached when wildcards match nothing.
func skip(parts []part, at []bool) {
	for i, p := range parts {
		if at[i] && (p == anyNumber || p == oneOrNone) {
			at[i+1] = true
		}
	}
}
