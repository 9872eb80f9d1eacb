// SPDX-License-Identifier: Apache-2.0

package ec2

import "strings"

// matches reports whether s is what the pattern says: * is any number of
// characters, ? is one or none (as AWS has it), and a backslash takes away the
// meaning of what follows it. Case counts.
//
// The time is that of len(pattern)·len(s), whatever a stranger sends.
func matches(pattern, s string) bool {
	if !strings.ContainsAny(pattern, `*?\`) {
		return pattern == s
	}
	parts := parsePattern(pattern)
	// at[i]: the first i parts match what of s was read so far.
	at := make([]bool, len(parts)+1)
	at[0] = true
	skip(parts, at)
	for _, r := range s {
		next := make([]bool, len(parts)+1)
		for i, p := range parts {
			switch {
			case !at[i]:
			case p == anyNumber:
				next[i] = true
			case p == oneOrNone || p == part(r):
				next[i+1] = true
			}
		}
		skip(parts, next)
		at = next
	}
	return at[len(parts)]
}

// part is a character that is meant, or one of the two below.
type part rune

const (
	anyNumber part = -1
	oneOrNone part = -2
)

func parsePattern(pattern string) []part {
	var parts []part
	escaped := false
	for _, r := range pattern {
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
	return parts
}

// skip marks what is reached when wildcards match nothing.
func skip(parts []part, at []bool) {
	for i, p := range parts {
		if at[i] && (p == anyNumber || p == oneOrNone) {
			at[i+1] = true
		}
	}
}
