// SPDX-License-Identifier: Apache-2.0

package region

import (
	"net/netip"
	"testing"
)

func TestNoTwoPublicNamesHaveOneAddress(t *testing.T) {
	range15 := netip.MustParsePrefix("198.18.0.0/15")
	seen := map[netip.Addr]string{}
	for _, r := range All() {
		for _, n := range r.PublicNames() {
			if other := seen[n.Address]; other != "" || !range15.Contains(n.Address) || PublicAddresses.Contains(n.Address) {
				t.Errorf("%s has %s, as has %q", n.Name, n.Address, other)
			}
			seen[n.Address] = n.Name
		}
	}
}

func TestServiceNamesLeadBackToTheirService(t *testing.T) {
	r, _ := Of("ap-northeast-1")
	for _, s := range Services() {
		if got, ok := r.ServiceOf(r.ServiceName(s)); !ok || got != s {
			t.Errorf("%s: got %+v, %t", r.ServiceName(s), got, ok)
		}
	}
	for _, name := range []string{"com.amazonaws.us-east-1.ec2", "com.amazonaws.ap-northeast-1.nothing", "ec2", ""} {
		if s, ok := r.ServiceOf(name); ok {
			t.Errorf("%q is %+v", name, s)
		}
	}
}
