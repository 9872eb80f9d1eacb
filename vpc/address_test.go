// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func TestEveryFreeAddressIsGivenOutOnceAndNoOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.IntRange(24, 28).Draw(t, "bits")
		s := Subnet{CIDR: netip.PrefixFrom(netip.MustParseAddr("10.0.1.0"), bits)}
		used := map[netip.Addr]bool{}
		for want := s.FreeAddresses(0); want > 0; want-- {
			a, err := s.Allocate(used, rapid.Uint32().Draw(t, "hint"))
			if err != nil {
				t.Fatalf("%d are free: %v", want, err)
			}
			first, last := s.Usable()
			if used[a] || a.Less(first) || last.Less(a) || !s.CIDR.Contains(a) {
				t.Fatalf("got %s of %s", a, s.CIDR)
			}
			used[a] = true
		}
		if a, err := s.Allocate(used, 0); err == nil {
			t.Fatalf("none is free, got %s", a)
		}
	})
}

func TestAddressesThatACallerMayNotChoose(t *testing.T) {
	s := Subnet{CIDR: netip.MustParsePrefix("10.0.1.0/24")}
	used := map[netip.Addr]bool{netip.MustParseAddr("10.0.1.9"): true}
	for text, want := range map[string]string{
		"10.0.1.4": "", "10.0.1.254": "",
		"10.0.1.3":   "InvalidParameterValue: Address is in subnet's reserved address range",
		"10.0.1.255": "InvalidParameterValue: Address is in subnet's reserved address range",
		"10.0.2.4":   "InvalidParameterValue: Address does not fall within the subnet's address range",
		"10.0.1.9":   "InvalidIPAddress.InUse: Address 10.0.1.9 is in use.",
		"ten":        "InvalidParameterValue: invalid value for parameter address: ten",
		"fd00::1":    "InvalidParameterValue: invalid value for parameter address: fd00::1",
	} {
		got := ""
		if _, err := s.Choose(text, used); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
