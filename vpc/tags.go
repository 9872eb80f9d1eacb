// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"maps"
	"strings"
	"unicode/utf8"

	"enishi.dev/enishi/aws/awserr"
)

// MergeTags returns have with more on top, as a new map.
func MergeTags(limits Limits, have, more map[string]string) (map[string]string, error) {
	for k, v := range more {
		if err := checkTag(k, v); err != nil {
			return nil, err
		}
	}
	all := maps.Clone(have)
	if all == nil && len(more) > 0 {
		all = map[string]string{}
	}
	maps.Copy(all, more)
	if len(all) > limits.Tags {
		return nil, awserr.New("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
	}
	return all, nil
}

func checkTag(k, v string) error {
	switch {
	case k == "":
		return awserr.New("InvalidParameterValue", "Tag key cannot be empty.")
	case strings.HasPrefix(strings.ToLower(k), "aws:"):
		return reservedTag()
	case utf8.RuneCountInString(k) > 128:
		return awserr.New("InvalidParameterValue", "Tag key exceeds the maximum length of 128 characters")
	case utf8.RuneCountInString(v) > 256:
		return awserr.New("InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters")
	}
	return nil
}

func reservedTag() error {
	return awserr.New("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
}

// CheckUntag refuses tags that nobody can take away.
func CheckUntag(gone map[string]*string) error {
	for k := range gone {
		if strings.HasPrefix(strings.ToLower(k), "aws:") {
			return reservedTag()
		}
	}
	return nil
}

// WithoutTags returns have without some tags, as a new map: a key with a value
// goes only if it has that value, with nil in any case. It costs what there is to
// take from: a request can name tens of thousands for a thousand resources.
func WithoutTags(have map[string]string, gone map[string]*string) map[string]string {
	rest := maps.Clone(have)
	maps.DeleteFunc(rest, func(k, v string) bool {
		want, named := gone[k]
		return named && (want == nil || *want == v)
	})
	return rest
}
