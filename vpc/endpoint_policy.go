// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"encoding/json"
	"reflect"
	"strings"
	"unicode/utf8"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/region"
)

const maxPolicy = 20480 // characters, reference 1.7

// DefaultEndpointPolicy is what an interface endpoint has when nothing is asked
// for: AWS's text, to the letter.
const DefaultEndpointPolicy = "{\n  \"Statement\": [\n    {\n      \"Action\": \"*\", \n      \"Effect\": \"Allow\", \n      \"Principal\": \"*\", \n      \"Resource\": \"*\"\n    }\n  ]\n}"

// checkPolicy returns the policy as it is kept: the caller's text, to the letter.
// It has the form of a policy; what its names mean is judged where it is evaluated.
func checkPolicy(s region.Service, serviceName, text string) (string, error) {
	if text == "" {
		return DefaultEndpointPolicy, nil
	}
	if utf8.RuneCountInString(text) > maxPolicy {
		return "", awserr.New("InvalidPolicyDocument", "The Policy Document exceeds the maximum size of %d characters.", maxPolicy)
	}
	if end, ok := readPolicy(text); !ok {
		line, column := position(text, end)
		return "", awserr.New("InvalidPolicyDocument", "The Policy Document is not valid. Syntax error at position (%d,%d)", line, column)
	}
	if !s.Policy && !fullAccess(text) {
		return "", awserr.New("InvalidParameter", "Service %s only supports the full-access endpoint policy.", serviceName)
	}
	return text, nil
}

// position is where in the text the reader was, line and column from 1.
func position(text string, offset int) (line, column int) {
	before := text[:min(offset, len(text))]
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndexByte(before, '\n')
}

// fullAccess says that the policy, which is one, says the same as the default.
func fullAccess(text string) bool {
	var doc struct{ Statement any }
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return false
	}
	if list, ok := doc.Statement.([]any); ok && len(list) == 1 {
		doc.Statement = list[0]
	}
	s, ok := doc.Statement.(map[string]any)
	if !ok {
		return false
	}
	delete(s, "Sid")
	for k, v := range s {
		if list, ok := v.([]any); ok && len(list) == 1 {
			s[k] = list[0]
		}
	}
	if p, ok := s["Principal"].(map[string]any); ok && reflect.DeepEqual(p, map[string]any{"AWS": "*"}) {
		s["Principal"] = "*"
	}
	return reflect.DeepEqual(s, map[string]any{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"})
}
