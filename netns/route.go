// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Every next hop of a service namespace is this one neighbour: no ARP, no ND, one
// entry. The data plane looks at addresses only.
var (
	anyMAC   = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	families = []struct {
		family  int
		gateway net.IP
		all     netip.Prefix
	}{
		{unix.AF_INET, net.IPv4(169, 254, 0, 1), netip.MustParsePrefix("0.0.0.0/0")},
		{unix.AF_INET6, net.ParseIP("fe80::1"), netip.MustParsePrefix("::/0")},
	}
)

// DefaultThrough makes everything leave by the link, through the one neighbour.
// The calling thread must be in the link's namespace, and the link up.
func DefaultThrough(index int) error {
	for _, f := range families {
		if err := netlink.NeighSet(&netlink.Neigh{LinkIndex: index, Family: f.family, State: netlink.NUD_PERMANENT, IP: f.gateway, HardwareAddr: anyMAC}); err != nil {
			return fmt.Errorf("neighbour %s: %w", f.gateway, err)
		}
		r := &netlink.Route{LinkIndex: index, Dst: ipNet(f.all), Gw: f.gateway, Family: f.family, Flags: int(netlink.FLAG_ONLINK)}
		if err := netlink.RouteReplace(r); err != nil {
			return fmt.Errorf("default route through %s: %w", f.gateway, err)
		}
	}
	return nil
}

// EverythingLocal makes whatever comes in by the link be for this namespace. The
// calling thread must be in it.
func EverythingLocal(name string) error {
	const table, loopback = 100, 1
	for _, f := range families {
		r := &netlink.Route{LinkIndex: loopback, Dst: ipNet(f.all), Table: table, Type: unix.RTN_LOCAL, Scope: unix.RT_SCOPE_HOST, Family: f.family}
		if err := netlink.RouteReplace(r); err != nil {
			return fmt.Errorf("local route: %w", err)
		}
		rule := netlink.NewRule()
		rule.Family, rule.IifName, rule.Table, rule.Priority = f.family, name, table, 10
		if err := netlink.RuleAdd(rule); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("rule for %s: %w", name, err)
		}
	}
	return nil
}

// AddAddress gives the link an address with its subnet. The calling thread must
// be in the link's namespace.
func AddAddress(name string, a netip.Prefix) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: a.Addr().AsSlice(), Mask: net.CIDRMask(a.Bits(), a.Addr().BitLen())}, Flags: unix.IFA_F_NODAD}
	if err := netlink.AddrReplace(l, addr); err != nil {
		return fmt.Errorf("address %s on %s: %w", a, name, err)
	}
	return nil
}

// RouteVia adds the default route through the router. The calling thread must be
// in the link's namespace.
func RouteVia(name string, router netip.Addr) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	r := &netlink.Route{LinkIndex: l.Attrs().Index, Gw: router.AsSlice(), Dst: nil}
	if err := netlink.RouteReplace(r); err != nil {
		return fmt.Errorf("default route via %s: %w", router, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
