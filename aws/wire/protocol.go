// SPDX-License-Identifier: Apache-2.0

// Package wire speaks EC2-query and Query, AWS's form-and-XML protocols, both as
// server and as client, for shapes whose fields are tagged with their names (see
// gen). It knows no action and no meaning.
package wire

// Protocol is how one service speaks.
type Protocol struct {
	flat      bool   // EC2-query: lists in forms are Name.1, in XML <item>
	namespace string // of answers
}

// The services' protocols.
var (
	EC2   = Protocol{flat: true, namespace: "http://ec2.amazonaws.com/doc/2016-11-15/"}
	ELB   = Protocol{namespace: "http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/"}
	ELBv2 = Protocol{namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"}
	STS   = Protocol{namespace: "https://sts.amazonaws.com/doc/2011-06-15/"}
)

// item is the element of a list in XML.
func (p Protocol) item() string {
	if p.flat {
		return "item"
	}
	return "member"
}
