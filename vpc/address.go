// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"encoding/binary"
	"net/netip"

	"enishi.dev/enishi/aws/awserr"
)

// Usable returns the first and the last address of s that can be given out:
// AWS keeps the first four and the last one, and clients compute with it.
func (s Subnet) Usable() (first, last netip.Addr) {
	base := binary.BigEndian.Uint32(s.CIDR.Addr().AsSlice())
	size := uint32(1) << (32 - s.CIDR.Bits())
	return addr4(base + 4), addr4(base + size - 2)
}

// Router is the address of the subnet's way out.
func (s Subnet) Router() netip.Addr { return s.CIDR.Addr().Next() }

func addr4(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// Allocate returns an address of s that used does not have. It looks from hint
// on, and around at the end, so that a full beginning costs nothing.
//
// It returns awserr InsufficientFreeAddressesInSubnet when none is left.
func (s Subnet) Allocate(used map[netip.Addr]bool, hint uint32) (netip.Addr, error) {
	first, last := s.Usable()
	low, high := binary.BigEndian.Uint32(first.AsSlice()), binary.BigEndian.Uint32(last.AsSlice())
	n := high - low + 1
	for i := range n {
		a := addr4(low + (hint%n+i)%n)
		if !used[a] {
			return a, nil
		}
	}
	return netip.Addr{}, awserr.New("InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses to satisfy the request.")
}

// Choose returns the address that a caller chose, if it may be given out.
func (s Subnet) Choose(text string, used map[netip.Addr]bool) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return netip.Addr{}, awserr.New("InvalidParameterValue", "invalid value for parameter address: %s", text)
	}
	first, last := s.Usable()
	switch {
	case !s.CIDR.Contains(a):
		return netip.Addr{}, awserr.New("InvalidParameterValue", "Address does not fall within the subnet's address range")
	case a.Less(first) || last.Less(a):
		return netip.Addr{}, awserr.New("InvalidParameterValue", "Address is in subnet's reserved address range")
	case used[a]:
		return netip.Addr{}, awserr.New("InvalidIPAddress.InUse", "Address %s is in use.", a)
	}
	return a, nil
}
