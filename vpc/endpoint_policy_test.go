// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"encoding/json"
	"strings"
	"testing"

	"enishi.dev/enishi/aws/region"
)

// policies are texts with where the reading of them ends: "" is read to the end.
var policies = []struct{ name, text, want string }{
	{"AWS's default", DefaultEndpointPolicy, ""},
	{"with version, id and Sid", `{"Version":"2012-10-17","Id":"mine","Statement":[{"Sid":"all","Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`, ""},
	{"a statement that is no list", `{"Statement":{"Effect":"Deny","Principal":{"AWS":["1","2"]},"Action":["ec2:*"],"Resource":["*"]}}`, ""},
	{"negations", `{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":"1"},"NotAction":"ec2:*","NotResource":"*"}]}`, ""},
	{"conditions", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"Bool":{"a":true,"b":["true",1]},"Null":{}}}]}`, ""},
	{"no statement", `{"Version":"2012-10-17"}`, "(1,25)"},
	{"no statement in the list", `{"Statement":[]}`, "(1,16)"},
	{"no effect", `{"Statement":[{"Principal":"*","Action":"*","Resource":"*"}]}`, "(1,60)"},
	{"no principal", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, "(1,61)"},
	{"action and its negation", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","NotAction":"*","Resource":"*"}]}`, "(1,93)"},
	{"an element twice", `{"Statement":[{"Effect":"Allow","Effect":"Deny"}]}`, "(1,41)"},
	{"an element in another case", `{"statement":[]}`, "(1,13)"},
	{"another version", `{"Version":"2020-01-01"}`, "(1,24)"},
	{"another principal", `{"Statement":[{"Principal":"me"}]}`, "(1,32)"},
	{"a principal of no sort", `{"Statement":[{"Principal":{}}]}`, "(1,30)"},
	{"an action that is no word", `{"Statement":[{"Action":5}]}`, "(1,26)"},
	{"no action", `{"Statement":[{"Action":[]}]}`, "(1,27)"},
	{"lists in lists", `{"Statement":[[]]}`, "(1,16)"},
	{"a condition without operator", `{"Statement":[{"Condition":{"aws:SourceVpc":"vpc-1"}}]}`, "(1,52)"},
	{"nothing where something should be", `{"Statement":[{"Condition":{"Bool":{"a":null}}}]}`, "(1,45)"},
	{"the line counts", "{\n \"Statement\": [\n  7\n ]\n}", "(3,4)"},
	{"two documents", DefaultEndpointPolicy + "{}", "(10,3)"},
	{"no JSON", "allow", "(1,1)"},
	{"half of it", `{"Statement":[{"Effect":"Allow"`, "(1,32)"},
	{"bytes that are no text", "{\"Id\":\"\xff\"}", "(1,1)"},
	{"too much", `{"Id":"` + strings.Repeat("縁", maxPolicy) + `"}`, "The Policy Document exceeds the maximum size of 20480 characters."},
}

func TestCheckPolicy(t *testing.T) {
	for _, c := range policies {
		t.Run(c.name, func(t *testing.T) {
			got, err := checkPolicy(region.Service{Policy: true}, "ec2", c.text)
			switch {
			case c.want == "":
				wantError(t, err, "")
				if got != c.text {
					t.Errorf("kept as %s", got)
				}
			case strings.HasPrefix(c.want, "("):
				wantError(t, err, "InvalidPolicyDocument: The Policy Document is not valid. Syntax error at position "+c.want)
			default:
				wantError(t, err, "InvalidPolicyDocument: "+c.want)
			}
		})
	}
	t.Run("none is the default one", func(t *testing.T) {
		got, err := checkPolicy(region.Service{}, "ec2", "")
		if wantError(t, err, ""); got != DefaultEndpointPolicy {
			t.Error(got)
		}
	})
}

func TestAServiceWithoutPoliciesTakesFullAccessOnly(t *testing.T) {
	const refused = "InvalidParameter: Service shop only supports the full-access endpoint policy."
	for _, c := range []struct{ name, statement, want string }{
		{"full access", `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`, ""},
		{"full access in other words", `[{"Sid":"all","Effect":"Allow","Principal":{"AWS":"*"},"Action":["*"],"Resource":["*"]}]`, ""},
		{"one action", `{"Effect":"Allow","Principal":"*","Action":"ec2:*","Resource":"*"}`, refused},
		{"denial", `{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}`, refused},
		{"one principal", `{"Effect":"Allow","Principal":{"AWS":"1"},"Action":"*","Resource":"*"}`, refused},
		{"a condition", `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"Bool":{"a":"true"}}}`, refused},
		{"a second statement", `[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]`, refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := checkPolicy(region.Service{}, "shop", `{"Statement":`+c.statement+`}`)
			wantError(t, err, c.want)
		})
	}
}

func FuzzCheckPolicy(f *testing.F) {
	for _, c := range policies {
		if len(c.text) < 1000 { // the fuzzer would spend its time on making a large one smaller
			f.Add(c.text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		end, ok := readPolicy(text)
		if line, column := position(text, end); end < 0 || end > len(text) || line < 1 || column < 1 || column > len(text)+1 {
			t.Errorf("position (%d,%d) after %d of %d bytes", line, column, end, len(text))
		}
		got, err := checkPolicy(region.Service{Policy: true}, "ec2", text)
		switch {
		case err != nil:
			return
		case text == "":
			text = DefaultEndpointPolicy
		case !ok:
			t.Errorf("taken, though it is no policy: %s", text)
		}
		var doc struct{ Statement any }
		if json.Unmarshal([]byte(text), &doc) != nil || doc.Statement == nil {
			t.Errorf("taken, though it has no statement: %s", text)
		}
		if got != text {
			t.Errorf("kept as %s", got)
		}
	})
}
