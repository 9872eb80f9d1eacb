// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"net/netip"

	"enishi.dev/enishi/aws/awserr"
)

// ParseCIDR returns the canonical form of a CIDR block, IPv4 or IPv6: AWS takes
// 100.68.0.18/18 for 100.68.0.0/18, and so do we. param is named in the error.
func ParseCIDR(param, s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, awserr.New("InvalidParameterValue",
			"Value (%s) for parameter %s is invalid. This is not a valid CIDR block.", s, param)
	}
	return p.Masked(), nil
}

// contains reports whether all of inner lies in outer.
func contains(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}
