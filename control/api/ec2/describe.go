// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
)

// selection is what every Describe asks: which ids, which filters, which page.
type selection struct {
	IDs        []string
	Filters    []wire.Filter
	MaxResults *int32
	NextToken  *string
	Fewest     int // that MaxResults may say; 0: 5
	Most       int // rows on a page; 0: 1000
}

// choose returns the page of rows, sorted by id, that match the filters, and the
// token for the next page.
func choose[T any](c *api.Call, sel selection, rows []T, id func(T) string, by filters[T], tags func(T) map[string]string) ([]T, *string, error) {
	keep, err := by.keep(sel.Filters, tags)
	if err != nil {
		return nil, nil, err
	}
	matching := make([]T, 0, len(rows))
	for _, row := range rows {
		if keep(row) {
			matching = append(matching, row)
		}
	}
	return page(c, paging{
		MaxResults: sel.MaxResults, NextToken: sel.NextToken, Fewest: sel.Fewest, Most: sel.Most,
		Selection: []any{sel.IDs, sel.Filters},
	}, matching, id)
}

// tagsOf is the tags of a row, for filters.
func tagsOf[T resource](row T) map[string]string { return row.Base().Tags }

// one is a filter on a single value.
func one[T any, S ~string](of func(T) S) func(T) []string {
	return func(row T) []string { return []string{string(of(row))} }
}
