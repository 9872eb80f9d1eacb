// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"encoding/json"
	"errors"
	"strings"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/region"
)

// checkPolicy returns the policy as it is kept: the caller's text, to the letter.
// Whether its statements mean anything is judged where it is evaluated.
func checkPolicy(s region.Service, serviceName, text string) (string, error) {
	if text == "" {
		return DefaultEndpointPolicy, nil
	}
	if !s.Policy {
		return "", awserr.New("InvalidParameter", "Service %s only supports the full-access endpoint policy.", serviceName)
	}
	if len(text) > maxPolicy {
		return "", awserr.New("InvalidPolicyDocument", "The Policy Document exceeds the maximum size of %d characters.", maxPolicy)
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		line, column := position(text, err)
		return "", awserr.New("InvalidPolicyDocument", "The Policy Document is not valid. Syntax error at position (%d,%d)", line, column)
	}
	if doc["Statement"] == nil {
		return "", awserr.New("InvalidPolicyDocument", "The Policy Document is not valid. It has no Statement.")
	}
	return text, nil
}

// position is where in the text an error of its syntax is, line and column from 1.
func position(text string, err error) (line, column int) {
	offset := 0
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = int(syntax.Offset)
	case errors.As(err, &kind):
		offset = int(kind.Offset)
	}
	before := text[:min(offset, len(text))]
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndexByte(before, '\n')
}
