// SPDX-License-Identifier: Apache-2.0

package apitest

import (
	"fmt"
	"regexp"
	"strings"
)

// hidden is everything random in an answer: ids, tokens for pages, hardware
// addresses, hidden zones, and the eight characters in the names of endpoints, after their id.
var hidden = regexp.MustCompile(`\b([a-z]+(?:-[a-z]+)*)-([0-9a-f]{17})(?:-([a-z0-9]{8})\b)?|\b02(?::[0-9a-f]{2}){5}\b|\bZ0[0-9A-F]{18}\b`)

// shown is what scripts call them.
var shown = regexp.MustCompile(`\b[a-z]+(?:-[a-z]+)*-[0-9]+\b`)

// names gives stable names to what is random.
type names struct {
	byReal, byName map[string]string
	next           map[string]int
	accounts       *strings.Replacer
	replacements   []string
}

func newNames() *names {
	return &names{byReal: map[string]string{}, byName: map[string]string{}, next: map[string]int{}, accounts: strings.NewReplacer()}
}

// account calls the account by its owner.
func (n *names) account(owner, id string) {
	n.byName[owner] = id
	n.replacements = append(n.replacements, id, owner)
	n.accounts = strings.NewReplacer(n.replacements...)
}

// name is the name of what is real, of a kind.
func (n *names) name(kind, real string) string {
	name, ok := n.byReal[real]
	if !ok {
		n.next[kind]++
		name = fmt.Sprintf("%s-%d", kind, n.next[kind])
		n.byReal[real], n.byName[name] = name, real
	}
	return name
}

// hide replaces what is real by its name.
func (n *names) hide(text string) string {
	text = hidden.ReplaceAllStringFunc(text, func(s string) string {
		m := hidden.FindStringSubmatch(s)
		switch {
		case m[1] == "" && s[0] == 'Z':
			return n.name("zone", s)
		case m[1] == "":
			return n.name("mac", s)
		case m[3] != "":
			return n.name(m[1], m[1]+"-"+m[2]) + "-" + n.name("suffix", m[3])
		}
		return n.name(m[1], s)
	})
	return n.accounts.Replace(text)
}

// peek is hide without giving new names.
func (n *names) peek(text string) string {
	return hidden.ReplaceAllStringFunc(text, func(s string) string {
		m := hidden.FindStringSubmatch(s)
		if name, ok := n.byReal[s]; ok {
			return name
		}
		if name, ok := n.byReal[m[1]+"-"+m[2]]; ok {
			return name
		}
		return m[1]
	})
}

// real is the inverse for one name; what is no name is itself.
func (n *names) real(name string) string {
	if real, ok := n.byName[name]; ok {
		return real
	}
	return name
}

// show is the inverse of hide; owners stand for accounts in ARNs too.
func (n *names) show(text string) string {
	for i := 0; i < len(n.replacements); i += 2 {
		text = strings.ReplaceAll(text, ":"+n.replacements[i+1]+":", ":"+n.replacements[i]+":")
	}
	return shown.ReplaceAllStringFunc(n.real(text), n.real)
}
