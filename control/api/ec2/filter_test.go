// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	wire "enishi.dev/enishi/aws/wire/ec2"
)

func TestKeep(t *testing.T) {
	by := filters[map[string]string]{"colour": func(row map[string]string) []string { return []string{row["colour"]} }}
	tags := func(row map[string]string) map[string]string { return row }
	row := map[string]string{"colour": "blue", "size": "big"}
	filter := func(name string, values ...string) wire.Filter { return wire.Filter{Name: &name, Values: values} }
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	long := strings.Repeat("é", 255)
	wild := slices.Repeat([]string{strings.Repeat("?", 255)}, 17)
	for _, c := range []struct {
		name    string
		filters []wire.Filter
		keep    bool
		err     string
	}{
		{"no filter keeps all", nil, true, ""},
		{"values are alternatives", []wire.Filter{filter("colour", "red", "blue")}, true, ""},
		{"filters are not", []wire.Filter{filter("colour", "blue"), filter("tag:size", "small")}, false, ""},
		{"a tag has its value", []wire.Filter{filter("tag:size", "b*")}, true, ""},
		{"a tag that is not there has none", []wire.Filter{filter("tag:weight", "*")}, false, ""},
		{"tag-key looks at keys", []wire.Filter{filter("tag-key", "weight", "size")}, true, ""},
		{"the key in tag:KEY is no pattern", []wire.Filter{filter("tag:s*", "big")}, false, ""},
		{"names are exact", []wire.Filter{filter("Colour", "blue")}, false, "InvalidParameterValue: The filter 'Colour' is invalid"},
		{"a filter has a name", []wire.Filter{{Values: []string{"blue"}}}, false, "InvalidParameterValue: The filter '' is invalid"},
		{"a filter has a value", []wire.Filter{filter("colour")}, false, "InvalidParameterValue: The filter 'colour' has no value"},
		{"values are so many, of all filters", []wire.Filter{filter("colour", many...), filter("tag:size", many...)}, false, "FilterLimitExceeded: The maximum number of filter values specified on a single call is 200"},
		{"values are so long", []wire.Filter{filter("colour", long+"é")}, false, "InvalidParameterValue: A value of the filter 'colour' is longer than 255 characters"},
		{"values with wildcards are so long in all", []wire.Filter{filter("colour", wild...)}, false, "FilterLimitExceeded: The maximum number of characters in filter values with wildcards specified on a single call is 4096"},
		{"values without are not", []wire.Filter{filter("colour", slices.Repeat([]string{long}, 199)...), filter("tag:size", "b*")}, false, ""},
		{"filters are so many", make([]wire.Filter, maxFilters+1), false, "FilterLimitExceeded: The maximum number of filters specified on a single call is 50"},
	} {
		t.Run(c.name, func(t *testing.T) {
			keep, err := by.keep(c.filters, tags)
			if got := fmt.Sprint(err); err != nil && got != c.err || err == nil && c.err != "" {
				t.Fatalf("error %v, want %q", err, c.err)
			}
			if err == nil && keep(row) != c.keep {
				t.Errorf("keeps the row: %v", !c.keep)
			}
		})
	}
}
