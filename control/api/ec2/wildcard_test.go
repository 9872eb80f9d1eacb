// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"regexp"
	"strings"
	"testing"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"web", "web", true},
		{"web", "Web", false},
		{"web", "webs", false},
		{"", "", true},
		{"", "web", false},
		{"*", "", true},
		{"w*b", "wb", true},
		{"w*b", "web-db", true},
		{"w*b", "web-d", false},
		{"**b", "web", true},
		{"w?b", "web", true},
		{"w?b", "wb", true}, // ? is one or none
		{"w?b", "weeb", false},
		{"????", "web", true},
		{"??", "web", false},
		{"?b", "éb", true}, // a character, not a byte
		{`\*amazon\?\\`, `*amazon?\`, true},
		{`\*amazon\?\\`, `xamazon?\`, false},
		{`a\b`, "ab", true},
		{`a\`, `a\`, true},
	} {
		if got := parsePattern(c.pattern).matches(c.s); got != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.s, got)
		}
	}
}

// FuzzMatches compares with regular expressions.
func FuzzMatches(f *testing.F) {
	for _, seed := range [][2]string{{"w*b", "web"}, {"w?b", "wb"}, {`\*a\?\\`, `*a?\`}, {"", ""}, {"*?*", "x"}, {`\`, `\`}, {"é?", "é"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		// Bytes that are no text mean U+FFFD for both.
		pattern, s = strings.ToValidUTF8(pattern, "\uFFFD"), strings.ToValidUTF8(s, "\uFFFD")
		parsed := parsePattern(pattern)
		var b strings.Builder
		b.WriteString(regexp.QuoteMeta(parsed.plain))
		for _, p := range parsed.parts {
			switch p {
			case anyNumber:
				b.WriteString(".*")
			case oneOrNone:
				b.WriteString(".?")
			default:
				b.WriteString(regexp.QuoteMeta(string(rune(p))))
			}
		}
		re, err := regexp.Compile("(?s)^(?:" + b.String() + ")$")
		if err != nil {
			t.Skip("longer than a regular expression may be")
		}
		if got, want := parsed.matches(s), re.MatchString(s); got != want {
			t.Errorf("%q matches %q: %v, want %v", pattern, s, got, want)
		}
	})
}
