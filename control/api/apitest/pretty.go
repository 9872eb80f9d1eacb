// SPDX-License-Identifier: Apache-2.0

package apitest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
)

// element is a piece of an answer.
type element struct {
	name     string
	text     string
	children []*element
}

// parse reads an answer; it is nil if that is no XML.
func parse(body []byte) *element {
	d := xml.NewDecoder(bytes.NewReader(body))
	root := &element{}
	open := []*element{root}
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) && len(root.children) == 1 {
			return root.children[0]
		}
		if err != nil {
			return nil
		}
		top := open[len(open)-1]
		switch t := t.(type) {
		case xml.StartElement:
			e := &element{name: t.Name.Local}
			top.children = append(top.children, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			top.text += string(t)
		}
	}
}

// pretty is an answer as scripts show it: a line for each value, without what is
// the same in all answers, lists sorted by what their items say.
func pretty(body []byte, n *names) string {
	root := parse(body)
	if root == nil {
		return string(body)
	}
	var b strings.Builder
	for _, e := range root.children {
		if e.name != "requestId" && e.name != "ResponseMetadata" {
			e.hideTokens(n)
			e.arrange(n)
			e.write(&b, "", n)
		}
	}
	return b.String()
}

func (e *element) hideTokens(n *names) {
	if e.name == "nextToken" && e.text != "" {
		e.text = n.name("token", e.text)
	}
}

// arrange sorts lists by what their items say, ids that were not seen yet left out.
func (e *element) arrange(n *names) {
	lists := 0
	for _, c := range e.children {
		c.arrange(n)
		if c.name == "item" || c.name == "member" {
			lists++
		}
	}
	if lists == len(e.children) {
		slices.SortStableFunc(e.children, func(a, b *element) int {
			return strings.Compare(n.peek(strings.Join(flat(a), " ")), n.peek(strings.Join(flat(b), " ")))
		})
	}
}

func (e *element) write(b *strings.Builder, indent string, n *names) {
	if len(e.children) == 0 {
		text := n.hide(strings.ReplaceAll(e.text, "\n", "\\n"))
		b.WriteString(strings.TrimRight(indent+e.name+": "+text, " ") + "\n")
		return
	}
	b.WriteString(indent + e.name + "\n")
	for _, c := range e.children {
		c.write(b, indent+"  ", n)
	}
}

// items is how many items the answer's longest list has, and its token.
func items(body []byte) (n int, token string) {
	root := parse(body)
	if root == nil {
		return 0, ""
	}
	for _, e := range root.children {
		if e.name == "nextToken" {
			token = e.text
		}
		if len(e.children) > 0 && e.children[0].name == "item" {
			n = max(n, len(e.children))
		}
	}
	return n, token
}
