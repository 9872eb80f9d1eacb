// SPDX-License-Identifier: Apache-2.0

package vpc

import "testing"

func TestAnInstanceHasTheCreditsOfItsTypeUntilOthersAreChosen(t *testing.T) {
	for _, c := range []struct{ kind, chosen, want string }{
		{"t2.micro", "", "standard"},
		{"t3.micro", "", "unlimited"},
		{"t4g.nano", "", "unlimited"},
		{"m5.large", "", "standard"},
		{"t3.micro", "standard", "standard"},
		{"t2.micro", "unlimited", "unlimited"},
		{"m5.large", "unlimited", "unlimited"}, // it was a t2 once
	} {
		if got := (Instance{Type: c.kind, CPUCredits: c.chosen}).Credits(); got != c.want {
			t.Errorf("%s, chosen %q: %s, want %s", c.kind, c.chosen, got, c.want)
		}
	}
	for _, c := range []struct{ kind, option, want string }{
		{"t3.micro", "standard", ""},
		{"t3.micro", "", "MissingParameter: The request must contain the parameter CpuCredits"},
		{"t3.micro", "some", "InvalidParameterValue: Value (some) for parameter cpuCredits is invalid. Expecting standard or unlimited."},
		{"m5.large", "standard", "InstanceCreditSpecification.NotSupported: The m5.large instance type does not support CPU credit options."},
	} {
		i, err := Instance{Type: c.kind}.SetCredits(c.option)
		wantError(t, err, c.want)
		if err == nil && i.Credits() != c.option {
			t.Errorf("%s: %s, want %s", c.kind, i.Credits(), c.option)
		}
	}
}
