// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"slices"
	"testing"

	"enishi.dev/enishi/control/api"
	"github.com/google/go-cmp/cmp"
)

func TestPage(t *testing.T) {
	c := &api.Call{Caller: api.Caller{Account: "1"}, Region: "r", Service: "ec2", Action: "DescribeVpcs"}
	id := func(s string) string { return s }
	rows := []string{"a", "b", "c", "d", "e", "f", "g"}
	get := func(t *testing.T, p paging, rows []string) ([]string, *string) {
		t.Helper()
		got, next, err := page(c, p, rows, id)
		if err != nil {
			t.Fatal(err)
		}
		return got, next
	}
	t.Run("without a number, all come at once", func(t *testing.T) {
		if got, next := get(t, paging{}, rows); len(got) != 7 || next != nil {
			t.Error(got, next)
		}
	})
	t.Run("what comes and goes between two pages neither skips nor repeats another", func(t *testing.T) {
		p := paging{MaxResults: new(int32(5))}
		first, next := get(t, p, rows)
		p.NextToken = next
		second, end := get(t, p, []string{"a", "aa", "c", "d", "f", "ff", "g"}) // e, the last one of the page, is gone
		if diff := cmp.Diff([]string{"a", "b", "c", "d", "e", "f", "ff", "g"}, slices.Concat(first, second)); diff != "" || end != nil {
			t.Errorf("end %v (-want +got)\n%s", end, diff)
		}
	})
	t.Run("a page that holds just all of it is the last", func(t *testing.T) {
		if _, next := get(t, paging{MaxResults: new(int32(7))}, rows); next != nil {
			t.Error(*next)
		}
	})
	t.Run("more than the most is the most", func(t *testing.T) {
		if got, _ := get(t, paging{MaxResults: new(int32(1001)), Most: 6}, rows); len(got) != 6 {
			t.Error(got)
		}
	})
	t.Run("a token goes with its caller, action and filters only", func(t *testing.T) {
		_, next := get(t, paging{MaxResults: new(int32(5)), Selection: "filters"}, rows)
		for _, other := range []struct {
			c *api.Call
			p paging
		}{
			{&api.Call{Caller: api.Caller{Account: "2"}, Region: "r", Service: "ec2", Action: "DescribeVpcs"}, paging{Selection: "filters"}},
			{&api.Call{Caller: api.Caller{Account: "1"}, Region: "r", Service: "ec2", Action: "DescribeSubnets"}, paging{Selection: "filters"}},
			{c, paging{Selection: "others"}},
		} {
			other.p.NextToken = next
			if _, _, err := page(other.c, other.p, rows, id); err == nil {
				t.Errorf("%+v %+v: the token is taken", other.c, other.p)
			}
		}
	})
}
