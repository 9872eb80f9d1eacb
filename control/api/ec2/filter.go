// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
)

// AWS's limits on the filters of one request, and one of ours: each row is held
// against all of them.
const (
	maxFilters      = 50
	maxFilterValues = 200
	maxFilterLength = 255  // characters of a value
	maxWildLength   = 4096 // of all values with wildcards
)

// filters is what a Describe can be filtered by: for each of AWS's names, the
// values that a row has. One that matches is enough.
type filters[T any] map[string]func(T) []string

// keep returns what says whether a row matches all filters of a request. tags
// are a row's tags, for tag:KEY and tag-key.
func (f filters[T]) keep(request []wire.Filter, tags func(T) map[string]string) (func(T) bool, error) {
	if err := checkFilters(request); err != nil {
		return nil, err
	}
	var all []func(T) bool
	for _, r := range request {
		values, err := f.values(value(r.Name), tags)
		if err != nil {
			return nil, err
		}
		if err := checkPatterns(value(r.Name), r.Values); err != nil {
			return nil, err
		}
		patterns := parsePatterns(r.Values)
		all = append(all, func(row T) bool { return matchesAny(patterns, values(row)) })
	}
	return func(row T) bool {
		return !slices.ContainsFunc(all, func(one func(T) bool) bool { return !one(row) })
	}, nil
}

// checkFilters refuses more than a request can ask.
func checkFilters(request []wire.Filter) error {
	values, wild := 0, 0
	for _, r := range request {
		values += len(r.Values)
		for _, v := range r.Values {
			if hasWildcard(v) {
				wild += utf8.RuneCountInString(v)
			}
		}
	}
	switch {
	case len(request) > maxFilters:
		return awserr.New("FilterLimitExceeded", "The maximum number of filters specified on a single call is %d", maxFilters)
	case values > maxFilterValues:
		return awserr.New("FilterLimitExceeded", "The maximum number of filter values specified on a single call is %d", maxFilterValues)
	case wild > maxWildLength:
		return awserr.New("FilterLimitExceeded", "The maximum number of characters in filter values with wildcards specified on a single call is %d", maxWildLength)
	}
	return nil
}

// values returns what a row has under the filter's name.
func (f filters[T]) values(name string, tags func(T) map[string]string) (func(T) []string, error) {
	if values, ok := f[name]; ok {
		return values, nil
	}
	if key, ok := strings.CutPrefix(name, "tag:"); ok && tags != nil {
		return func(row T) []string {
			if v, ok := tags(row)[key]; ok {
				return []string{v}
			}
			return nil
		}, nil
	}
	if name == "tag-key" && tags != nil {
		return func(row T) []string {
			var keys []string
			for k := range tags(row) {
				keys = append(keys, k)
			}
			return keys
		}, nil
	}
	return nil, awserr.New("InvalidParameterValue", "The filter '%s' is invalid", name)
}

func checkPatterns(name string, patterns []string) error {
	if len(patterns) == 0 {
		return awserr.New("InvalidParameterValue", "The filter '%s' has no value", name)
	}
	for _, p := range patterns {
		if utf8.RuneCountInString(p) > maxFilterLength {
			return awserr.New("InvalidParameterValue", "A value of the filter '%s' is longer than %d characters", name, maxFilterLength)
		}
	}
	return nil
}

// filterTime is a time as filters compare it.
func filterTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
