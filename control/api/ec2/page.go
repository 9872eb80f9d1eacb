// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/control/api"
)

// paging is what a caller says of pages, and what the call allows.
type paging struct {
	MaxResults *int32
	NextToken  *string
	Selection  any // filters and ids: a token goes with these only
	Fewest     int // 0: 5
	Most       int // 0: 1000
}

const fewestResults = 5

// page returns the part of rows that is asked for, and the token for the next
// one, nil at the end. rows are sorted by id; what comes or goes between two
// pages neither skips nor repeats another row.
func page[T any](c *api.Call, p paging, rows []T, id func(T) string) ([]T, *string, error) {
	most, err := p.limit()
	if err != nil {
		return nil, nil, err
	}
	rows, next, ok := api.Cut(c, api.Page{Most: most, Token: p.NextToken, Selection: p.Selection}, rows, id)
	if !ok {
		return nil, nil, awserr.New("InvalidParameterValue",
			"Value ( %s ) for parameter NextToken is invalid. The token is invalid.", *p.NextToken)
	}
	return rows, next, nil
}

// limit is how many rows a page has; 0 is all.
func (p paging) limit() (int, error) {
	if p.MaxResults == nil {
		return 0, nil
	}
	most := p.Most
	if most == 0 {
		most = 1000
	}
	fewest := p.Fewest
	if fewest == 0 {
		fewest = fewestResults
	}
	n := int(*p.MaxResults)
	if n < fewest {
		return 0, awserr.New("InvalidParameterValue",
			"Value ( %d ) for parameter maxResults is invalid. Expecting a value greater than %d.", n, fewest)
	}
	return min(n, most), nil
}
