// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"enishi.dev/enishi/aws/awserr"
)

// Limits on a form. AWS's largest requests stay far below them.
const (
	maxParameters = 20000
	maxDepth      = 16
	maxIndex      = 1 << 20
)

// node is a form as a tree: A.B.1=x is x under A, B, 1.
type node struct {
	name     string // the whole name, as in the form
	value    string
	set      bool // the form has this very name
	used     bool // some member of the shape took the value
	children map[string]*node
}

// tree parses the names of a form. Each list of values is one value: a form that
// repeats a name has been refused before.
func tree(form url.Values) (*node, error) {
	if len(form) > maxParameters {
		return nil, awserr.New("InvalidParameterValue", "The request has more than %d parameters", maxParameters)
	}
	root := new(node)
	for name, values := range form {
		if strings.Count(name, ".") >= maxDepth {
			return nil, unknown(name)
		}
		n := root
		for rest, more := name, true; more; {
			var part string
			part, rest, more = strings.Cut(rest, ".")
			n = n.child(part)
		}
		n.name, n.set = name, true
		if len(values) > 0 {
			n.value = values[0]
		}
	}
	return root, nil
}

func (n *node) child(part string) *node {
	c := n.children[part]
	if c == nil {
		if n.children == nil {
			n.children = make(map[string]*node, 1)
		}
		c = new(node)
		n.children[part] = c
	}
	return c
}

// at walks down a dotted name; nil if the form has nothing there.
func (n *node) at(name string) *node {
	for more := true; more && n != nil; {
		var part string
		part, name, more = strings.Cut(name, ".")
		n = n.children[part]
	}
	return n
}

// elements are the children numbered 1 and up, in order. Gaps are skipped, as
// AWS does; what is no such number stays unused, and so is refused.
func (n *node) elements() []*node {
	type numbered struct {
		i int
		n *node
	}
	var found []numbered
	for part, c := range n.children {
		i, err := strconv.Atoi(part)
		if err == nil && i >= 1 && i <= maxIndex && strconv.Itoa(i) == part {
			found = append(found, numbered{i, c})
		}
	}
	slices.SortFunc(found, func(a, b numbered) int { return cmp.Compare(a.i, b.i) })
	nodes := make([]*node, len(found))
	for i, f := range found {
		nodes[i] = f.n
	}
	return nodes
}

// leftover is the first name, in alphabetical order, that no member took; "" if none.
func (n *node) leftover() string {
	first := ""
	if n.set && !n.used {
		first = n.name
	}
	for _, c := range n.children {
		if name := c.leftover(); name != "" && (first == "" || name < first) {
			first = name
		}
	}
	return first
}

func unknown(name string) error {
	return awserr.New("UnknownParameter", "The parameter %s is not recognized", name)
}
