// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMergeTags(t *testing.T) {
	have := map[string]string{"a": "1", "b": "2"}
	full := map[string]string{}
	for i := range 49 {
		full[fmt.Sprint(i)] = ""
	}
	for _, c := range []struct {
		name string
		more map[string]string
		err  string
	}{
		{"a value may be empty", map[string]string{"c": ""}, ""},
		{"as long as AWS allows", map[string]string{strings.Repeat("é", 128): strings.Repeat("é", 256)}, ""},
		{"a key that is empty", map[string]string{"": "x"}, "InvalidParameterValue: Tag key cannot be empty."},
		{"a key of AWS", map[string]string{"Aws:x": "x"}, "InvalidParameterValue: Tag keys starting with 'aws:' are reserved for internal use"},
		{"a key that is longer", map[string]string{strings.Repeat("k", 129): "x"}, "InvalidParameterValue: Tag key exceeds the maximum length of 128 characters"},
		{"a value that is longer", map[string]string{"k": strings.Repeat("v", 257)}, "InvalidParameterValue: Tag value exceeds the maximum length of 256 characters"},
		{"one too many", full, "TagLimitExceeded: The maximum number of Tags for a resource has been reached."},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := MergeTags(DefaultLimits(), have, c.more)
			wantError(t, err, c.err)
		})
	}
	t.Run("what is there gets the new value; what was read stays as it was", func(t *testing.T) {
		got, err := MergeTags(DefaultLimits(), have, map[string]string{"b": "3", "c": "4"})
		wantError(t, err, "")
		if diff := cmp.Diff(map[string]string{"a": "1", "b": "3", "c": "4"}, got); diff != "" || have["b"] != "2" {
			t.Errorf("have %v (-want +got)\n%s", have, diff)
		}
	})
}

func TestWithoutTags(t *testing.T) {
	have := map[string]string{"a": "1", "b": "2", "c": "", "d": "4"}
	got := WithoutTags(have, map[string]*string{"a": nil, "b": new("3"), "c": new(""), "z": nil})
	if diff := cmp.Diff(map[string]string{"b": "2", "d": "4"}, got); diff != "" || len(have) != 4 {
		t.Errorf("have %v (-want +got)\n%s", have, diff)
	}
	wantError(t, CheckUntag(map[string]*string{"a": nil, "b": new("aws:")}), "")
	wantError(t, CheckUntag(map[string]*string{"a": nil, "aws:a": nil}), "InvalidParameterValue: Tag keys starting with 'aws:' are reserved for internal use")
}
