// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// SetAddresses makes the addresses of the link with the index, but for those that it
// made itself, the ones given, each with its subnet.
func (l *Links) SetAddresses(index int, want []netip.Prefix) error {
	link := handle(netlink.LinkAttrs{Index: index})
	have, err := l.h.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return fmt.Errorf("addresses of link %d: %w", index, err)
	}
	there, removed := map[netip.Prefix]bool{}, false
	for _, a := range have {
		ip, _ := netip.AddrFromSlice(a.IP)
		bits, _ := a.Mask.Size()
		ip = ip.Unmap()
		if p := netip.PrefixFrom(ip, bits); ip.IsLinkLocalUnicast() && ip.Is6() || slices.Contains(want, p) {
			there[p] = true
			continue
		}
		removed = true
		if err := l.h.AddrDel(link, &a); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return fmt.Errorf("remove address %s from link %d: %w", ip, index, err)
		}
	}
	for _, a := range want {
		if there[a] && !removed { // else it may have gone with the subnet's first
			continue
		}
		if err := l.AddAddress(index, a); err != nil {
			return err
		}
	}
	return nil
}

// RouteFromVia makes the router, which lies in the subnet behind the link with the
// index, the default route of a table that RulesFrom leads to.
func (l *Links) RouteFromVia(index, table int, subnet netip.Prefix, router netip.Addr) error {
	for _, r := range []netlink.Route{
		{Dst: ipNet(subnet.Masked()), Scope: unix.RT_SCOPE_LINK},
		{Gw: router.AsSlice()},
	} {
		r.LinkIndex, r.Table = index, table
		if err := l.h.RouteReplace(&r); err != nil {
			return fmt.Errorf("routes of table %d through link %d: %w", table, index, err)
		}
	}
	return nil
}

// RulesFrom makes what leaves from the addresses, and nothing else, look at the
// table first.
func (l *Links) RulesFrom(table int, from []netip.Addr) error {
	have, err := l.h.RuleListFiltered(netlink.FAMILY_ALL, &netlink.Rule{Table: table}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return fmt.Errorf("rules of table %d: %w", table, err)
	}
	there := map[netip.Addr]bool{}
	for _, r := range have {
		if r.Src != nil {
			if a, _ := netip.AddrFromSlice(r.Src.IP); slices.Contains(from, a.Unmap()) {
				there[a.Unmap()] = true
				continue
			}
		}
		if err := l.h.RuleDel(&r); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("remove a rule of table %d: %w", table, err)
		}
	}
	for _, a := range from {
		if there[a] {
			continue
		}
		r := netlink.NewRule()
		r.Src, r.Table, r.Priority, r.Family = ipNet(netip.PrefixFrom(a, a.BitLen())), table, table, unix.AF_INET
		if a.Is6() {
			r.Family = unix.AF_INET6
		}
		if err := l.h.RuleAdd(r); err != nil {
			return fmt.Errorf("rule from %s: %w", a, err)
		}
	}
	return nil
}
