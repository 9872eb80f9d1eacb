// SPDX-License-Identifier: Apache-2.0

package region

import (
	"regexp"
	"testing"
)

func TestPrefixListsHoldTheAddressesOfTheirServices(t *testing.T) {
	form := regexp.MustCompile(`^pl-[0-9a-f]{8}$`)
	for _, r := range All() {
		lists := r.PrefixLists()
		if len(lists) != 2 || lists[0].ID >= lists[1].ID {
			t.Errorf("%s: lists %v", r.Name, lists)
		}
		for _, l := range lists {
			if !form.MatchString(l.ID) || len(l.Prefixes) != 1 {
				t.Errorf("%s: %+v", r.Name, l)
			}
			for _, n := range r.PublicNames() {
				if named := "com.amazonaws."+r.Name+"."+n.Name[:len(n.Name)-len("."+r.Name+".amazonaws.com")] == l.Name; named != l.Prefixes[0].Contains(n.Address) {
					t.Errorf("%s: %s is %s", l.Name, n.Name, n.Address)
				}
			}
			if got, ok := r.PrefixList(l.ID); !ok || got.Name != l.Name {
				t.Errorf("%s leads to %q", l.ID, got.Name)
			}
		}
	}
}
