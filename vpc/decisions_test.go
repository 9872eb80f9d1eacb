// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// counted gives out ids and numbers in order, so that a test can say which.
func counted() Fresh {
	ids, numbers := map[string]int{}, map[string]uint32{}
	return Fresh{
		ID:     func(prefix string) string { ids[prefix]++; return fmt.Sprintf("%s-%017x", prefix, ids[prefix]) },
		Number: func(counter string) uint32 { numbers[counter]++; return numbers[counter] },
		Now:    now,
	}
}

func id(prefix string, n int) string { return fmt.Sprintf("%s-%017x", prefix, n) }

// sixGroups are more than an interface can have, whether there are such groups or not.
var sixGroups = []SecurityGroupID{"sg-a", "sg-b", "sg-c", "sg-d", "sg-e", "sg-f"}

func cidr(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// errText is what a test compares: "" for none.
func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if got := errText(err); got != want {
		t.Errorf("error\n-want %s\n+got  %s", want, got)
	}
}

func all[T any](rows ...T) func(func(T) bool) { return slices.Values(rows) }
