// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"encoding/binary"
	"net/netip"

	"enishi.dev/enishi/aws/awserr"
)

// AllocatePublic returns an address of the range that is not taken, but for its first
// and its last. It looks from hint on, and around at the end.
func AllocatePublic(from netip.Prefix, hint uint32, taken func(netip.Addr) bool) (netip.Addr, error) {
	base, n := binary.BigEndian.Uint32(from.Addr().AsSlice())+1, uint32(1)<<(32-from.Bits())-2
	for i := range n {
		if a := addr4(base + (hint%n+i)%n); !taken(a) {
			return a, nil
		}
	}
	return netip.Addr{}, awserr.New("InsufficientAddressCapacity", "Not enough available addresses to satisfy the request.")
}

// Mapped returns e with a public address for its primary one, which it gets back
// whenever its instance is started.
func (e ENI) Mapped(give func() (netip.Addr, error)) (ENI, error) {
	e.WantsPublic = true
	return e.Powered(true, give)
}

// Powered returns the first interface of an instance as it is after somebody wants the
// instance on or off: a public address is its as long as it is on, and another after that.
func (e ENI) Powered(on bool, give func() (netip.Addr, error)) (ENI, error) {
	var err error
	switch {
	case !on:
		e.Public = netip.Addr{}
	case e.WantsPublic && !e.Public.IsValid():
		e.Public, err = give()
	}
	return e, err
}

// wantsPublic says whether a new instance gets a public address: as asked, else as its
// subnet has it, but for an instance of several interfaces (AWS does the same).
func (s InstanceSpec) wantsPublic() bool {
	if s.Public != nil {
		return *s.Public
	}
	return s.Subnet.MapPublicIP && len(s.Attached) == 0
}
