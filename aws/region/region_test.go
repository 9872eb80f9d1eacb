// SPDX-License-Identifier: Apache-2.0

package region

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOf(t *testing.T) {
	t.Run("a region has its zones by name and id", func(t *testing.T) {
		got, ok := Of("ap-northeast-1")
		want := Region{Name: "ap-northeast-1", Zones: []Zone{
			{"ap-northeast-1a", "apne1-az4"}, {"ap-northeast-1c", "apne1-az1"}, {"ap-northeast-1d", "apne1-az2"},
		}}
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("every region is found, whatever the order of the table", func(t *testing.T) {
		for _, r := range All() {
			if _, ok := Of(r.Name); !ok || len(r.Zones) == 0 {
				t.Errorf("%s: found %v, zones %v", r.Name, ok, r.Zones)
			}
		}
	})
	t.Run("another name is none", func(t *testing.T) {
		for _, name := range []string{"", "mars-1", "us-east-1a"} {
			if _, ok := Of(name); ok {
				t.Errorf("%q is a region", name)
			}
		}
	})
}
