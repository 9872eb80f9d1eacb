// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"net/netip"
	"testing"
)

func TestPublicAddresses(t *testing.T) {
	few := cidr("198.19.0.0/29")
	t.Run("each is given once, until there are none", func(t *testing.T) {
		taken := map[netip.Addr]bool{}
		for range 6 {
			a, err := AllocatePublic(few, 1000003, func(a netip.Addr) bool { return taken[a] })
			wantError(t, err, "")
			if taken[a] || !few.Contains(a) || a == few.Addr() || a.As4()[3] == 7 {
				t.Errorf("got %s", a)
			}
			taken[a] = true
		}
		_, err := AllocatePublic(few, 0, func(a netip.Addr) bool { return taken[a] })
		wantError(t, err, "InsufficientAddressCapacity: Not enough available addresses to satisfy the request.")
	})
	t.Run("one is an interface's while its instance is on, and another the next time", func(t *testing.T) {
		n := byte(0)
		give := func() (netip.Addr, error) { n++; return netip.AddrFrom4([4]byte{198, 19, 0, n}), nil }
		e, err := ENI{}.Mapped(give)
		wantError(t, err, "")
		first := e.Public
		if e, _ = e.Powered(true, give); e.Public != first {
			t.Error("it got another while it was on")
		}
		if e, _ = e.Powered(false, give); e.Public.IsValid() {
			t.Error("it has one while it is off")
		}
		if e, _ = e.Powered(true, give); !e.Public.IsValid() || e.Public == first {
			t.Errorf("afterwards it has %s, before %s", e.Public, first)
		}
		if e, _ = (ENI{}).Powered(true, give); e.Public.IsValid() {
			t.Error("one that has none gets one")
		}
	})
	t.Run("the subnet says who gets one, unless the caller does", func(t *testing.T) {
		yes, no := true, false
		for _, c := range []struct {
			spec InstanceSpec
			want bool
		}{
			{InstanceSpec{}, false},
			{InstanceSpec{Subnet: Subnet{MapPublicIP: true}}, true},
			{InstanceSpec{Subnet: Subnet{MapPublicIP: true}, Public: &no}, false},
			{InstanceSpec{Public: &yes}, true},
			{InstanceSpec{Subnet: Subnet{MapPublicIP: true}, Attached: map[int]ENI{1: {}}}, false},
		} {
			if got := c.spec.wantsPublic(); got != c.want {
				t.Errorf("%+v: got %t", c.spec, got)
			}
		}
	})
}
