// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"net/netip"
	"strconv"
	"strings"

	"enishi.dev/enishi/hoststate"
)

// addressName finds the names that a network's addresses have by themselves:
// ip-10-0-0-5.DOMAIN, and back. Only IPv4 addresses have them. A name under
// DOMAIN that is none of these does not exist.
func addressName(n *hoststate.Network, name string) (found, bool) {
	if n.Domain == "" {
		return found{}, false
	}
	if name == n.Domain {
		return found{zone: n.Domain, exists: true}, true
	}
	if label, ok := strings.CutSuffix(name, "."+n.Domain); ok {
		f := found{zone: n.Domain}
		if a, ok := parseAddressLabel(label); ok && inside(n, a) {
			f.exists = true
			f.record = &record{ttl: addressTTL, v4: []netip.Addr{a}}
		}
		return f, true
	}
	if a, ok := parseReverse(name); ok && inside(n, a) {
		return found{exists: true, target: addressLabel(a) + "." + n.Domain + "."}, true
	}
	return found{}, false
}

// addressTTL may be long: these names can never mean anything else.
const addressTTL = 60

func inside(n *hoststate.Network, a netip.Addr) bool {
	for _, p := range n.Prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func addressLabel(a netip.Addr) string {
	return "ip-" + strings.ReplaceAll(a.String(), ".", "-")
}

// parseAddressLabel reads ip-10-0-0-5.
func parseAddressLabel(label string) (netip.Addr, bool) {
	digits, ok := strings.CutPrefix(label, "ip-")
	if !ok || strings.Contains(digits, ".") {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(strings.ReplaceAll(digits, "-", "."))
	return a, err == nil && a.Is4()
}

// parseReverse reads 5.0.0.10.in-addr.arpa.
func parseReverse(name string) (netip.Addr, bool) {
	digits, ok := strings.CutSuffix(name, ".in-addr.arpa")
	if !ok {
		return netip.Addr{}, false
	}
	labels := strings.Split(digits, ".")
	if len(labels) != 4 {
		return netip.Addr{}, false
	}
	var b [4]byte
	for i, l := range labels {
		d, err := strconv.ParseUint(l, 10, 8)
		if err != nil || strconv.FormatUint(d, 10) != l {
			return netip.Addr{}, false
		}
		b[3-i] = byte(d)
	}
	return netip.AddrFrom4(b), true
}
