// SPDX-License-Identifier: Apache-2.0

package hoststate

import "net/netip"

// CanTunnel says whether a can be a host's address in the network between hosts:
// one of IPv4, of one machine.
func CanTunnel(a netip.Addr) bool {
	return a.Is4() && !a.IsUnspecified() && !a.IsMulticast()
}
