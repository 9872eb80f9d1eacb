// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"slices"
	"testing"
)

func TestAttachments(t *testing.T) {
	f := counted()
	i := Instance{ID: "i-1", VPC: "vpc-1", Zone: "z", Type: "t3.micro", ENIs: []ENIID{"eni-0"}, PowerWanted: PowerOn}
	free := func(id ENIID) ENI { return ENI{ID: id, VPC: "vpc-1", Zone: "z", Type: "interface"} }
	first := free("eni-0")
	first.Attachment = &Attachment{Instance: i.ID, DeleteOnTermination: true}
	have := []ENI{first}
	attach := func(id ENIID, device int) error {
		e, after, err := free(id).Attach(f, i, have, device)
		if err == nil {
			have, i = append(have, e), after
		}
		return err
	}
	t.Run("an instance's interfaces are in the order of their devices, gaps or not", func(t *testing.T) {
		wantError(t, attach("eni-5", 5), "")
		wantError(t, attach("eni-2", 2), "")
		if want := []ENIID{"eni-0", "eni-2", "eni-5"}; !slices.Equal(i.ENIs, want) {
			t.Errorf("got %v, want %v", i.ENIs, want)
		}
	})
	t.Run("one goes, the others stay", func(t *testing.T) {
		e, after, err := have[2].Detach(i)
		wantError(t, err, "")
		if want := []ENIID{"eni-0", "eni-5"}; !slices.Equal(after.ENIs, want) || e.Attachment != nil || len(i.ENIs) != 3 {
			t.Errorf("after %v, before %v, interface %v", after.ENIs, i.ENIs, e)
		}
	})
	t.Run("what ends with its instance is withdrawn, what does not is free", func(t *testing.T) {
		if e := first.Release(); !e.Withdrawn {
			t.Errorf("%v", e)
		}
		if e := have[1].Release(); e.Withdrawn || e.Attachment != nil {
			t.Errorf("%v", e)
		}
	})
	t.Run("there are no more than the quota allows", func(t *testing.T) {
		for d := 10; len(have) < maxInterfaces; d++ {
			wantError(t, attach(ENIID(id("eni", d)), d), "")
		}
		wantError(t, attach("eni-99", 99), "AttachmentLimitExceeded: Interface count 16 exceeds the limit for t3.micro")
	})
}

func TestLeads(t *testing.T) {
	attached := ENI{ID: "eni-1", Attachment: &Attachment{Instance: "i-2"}}
	gone := attached
	gone.Withdrawn = true
	for _, c := range []struct {
		name string
		e    ENI
		r    Route
		want bool
	}{
		{"to an interface that is attached", attached, Route{ENI: "eni-1"}, true},
		{"to the instance that it is attached to", attached, Route{Instance: "i-2"}, true},
		{"to an instance that it was attached to", attached, Route{Instance: "i-1"}, false},
		{"to one that is not attached", ENI{ID: "eni-1"}, Route{ENI: "eni-1"}, false},
		{"to one that is withdrawn", gone, Route{ENI: "eni-1"}, false},
	} {
		if got := c.e.Leads(c.r); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
