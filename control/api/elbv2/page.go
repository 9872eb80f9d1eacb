// SPDX-License-Identifier: Apache-2.0

package elbv2

import "enishi.dev/enishi/control/api"

const mostOnPage = 400

// page returns the part of rows, sorted by id, that PageSize and Marker ask for,
// and the next marker.
func page[T any](c *api.Call, size *int32, marker *string, rows []T, id func(T) string) ([]T, *string, error) {
	most := mostOnPage
	if size != nil {
		most = int(*size)
	}
	switch {
	case most < 1:
		return nil, nil, invalid("1 validation error detected: Value '%d' at 'pageSize' failed to satisfy constraint: Member must have value greater than or equal to 1", most)
	case most > mostOnPage:
		return nil, nil, invalid("1 validation error detected: Value '%d' at 'pageSize' failed to satisfy constraint: Member must have value less than or equal to %d", most, mostOnPage)
	}
	part, next, ok := api.Cut(c, api.Page{Most: most, Token: marker}, rows, id)
	if !ok {
		return nil, nil, invalid("The marker '%s' is not valid", *marker)
	}
	return part, next, nil
}
