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

// DefaultThrough makes everything leave by the link with the index, which is up,
// through the one neighbour.
func (l *Links) DefaultThrough(index int) error {
	for _, f := range families {
		if err := l.h.NeighSet(&netlink.Neigh{LinkIndex: index, Family: f.family, State: netlink.NUD_PERMANENT, IP: f.gateway, HardwareAddr: anyMAC}); err != nil {
			return fmt.Errorf("neighbour %s: %w", f.gateway, err)
		}
		r := &netlink.Route{LinkIndex: index, Dst: ipNet(f.all), Gw: f.gateway, Family: f.family, Flags: int(netlink.FLAG_ONLINK)}
		if err := l.h.RouteReplace(r); err != nil {
			return fmt.Errorf("default route through %s: %w", f.gateway, err)
		}
	}
	return nil
}

// EverythingLocal makes whatever comes in by the link be for this namespace.
func (l *Links) EverythingLocal(name string) error {
	const table = 100
	for _, f := range families {
		r := &netlink.Route{LinkIndex: Loopback, Dst: ipNet(f.all), Table: table, Type: unix.RTN_LOCAL, Scope: unix.RT_SCOPE_HOST, Family: f.family}
		if err := l.h.RouteReplace(r); err != nil {
			return fmt.Errorf("local route: %w", err)
		}
		rule := netlink.NewRule()
		rule.Family, rule.IifName, rule.Table, rule.Priority = f.family, name, table, 10
		if err := l.h.RuleAdd(rule); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("rule for %s: %w", name, err)
		}
	}
	return nil
}

// AddAddress gives the link with the index an address with its subnet.
func (l *Links) AddAddress(index int, a netip.Prefix) error {
	addr := &netlink.Addr{IPNet: ipNet(a), Flags: unix.IFA_F_NODAD, LinkIndex: index}
	if err := l.h.AddrReplace(nil, addr); err != nil {
		return fmt.Errorf("address %s on link %d: %w", a, index, err)
	}
	return nil
}

// RouteVia makes the router, which is behind the link with the index, the default route.
func (l *Links) RouteVia(index int, router netip.Addr) error {
	if err := l.h.RouteReplace(&netlink.Route{LinkIndex: index, Gw: router.AsSlice()}); err != nil {
		return fmt.Errorf("default route via %s: %w", router, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
