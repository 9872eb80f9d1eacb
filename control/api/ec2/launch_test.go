// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"testing"
	"time"

	"enishi.dev/enishi/control/api/apitest"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
	"github.com/google/go-cmp/cmp"
)

func TestPlacer(t *testing.T) {
	s := apitest.OpenStore(t)
	err := s.Decide(t.Context(), func(tx *store.Tx) error {
		tx.Instances.Put(vpc.Instance{ID: "i-1", Host: "a"})
		gone := vpc.Instance{ID: "i-2", Host: "b", Status: vpc.InstanceStatus{Gone: time.Now()}}
		tx.Instances.Put(gone)
		tx.Instances.PutStatus(gone)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("each new instance goes to the host that has the fewest by then", func(t *testing.T) {
		place := New(Options{Store: s, Hosts: func() []string { return []string{"a", "b", "c"} }}).placer(s.View())
		var got []string
		for range 5 {
			h, ok := place()
			if !ok {
				t.Fatal("there is no host")
			}
			got = append(got, h)
		}
		if diff := cmp.Diff([]string{"b", "c", "a", "b", "c"}, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("without hosts there is no place", func(t *testing.T) {
		for _, hosts := range []func() []string{nil, func() []string { return nil }} {
			if h, ok := New(Options{Store: s, Hosts: hosts}).placer(s.View())(); ok {
				t.Errorf("got %q", h)
			}
		}
	})
}
