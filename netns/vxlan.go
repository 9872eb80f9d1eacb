// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// VXLANOverhead is what VXLAN over IPv4 takes of each packet of the network below.
const VXLANOverhead = 50

// MakeVXLAN makes a VXLAN link among l, down, that takes keys and addresses from
// whoever sends by it, and returns its index. Its packets travel by the network of
// the namespace that the calling thread is in, not of l. One that is there is kept.
func MakeVXLAN(l *Links, name string, port, mtu int) (index int, err error) {
	a, err := l.find(name)
	if err != nil {
		return 0, err
	}
	if a.Index == 0 {
		la := netlink.NewLinkAttrs()
		la.Name, la.MTU, la.Namespace = name, mtu, netlink.NsFd(l.ns.FD())
		if err := netlink.LinkAdd(&netlink.Vxlan{LinkAttrs: la, FlowBased: true, Port: port}); err != nil {
			return 0, fmt.Errorf("make link %s: %w", name, err)
		}
		if a, err = l.get(name); err != nil {
			return 0, err
		}
	}
	if err := l.h.LinkSetMTU(handle(a), mtu); err != nil {
		return 0, fmt.Errorf("MTU %d of link %s: %w", mtu, name, err)
	}
	return a.Index, l.quieten(name)
}

// LinkMTU is the MTU of the link that has the address, in the namespace that the
// calling thread is in.
func LinkMTU(addr netip.Addr) (int, error) {
	all, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return 0, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range all {
		if have, ok := netip.AddrFromSlice(a.IP); ok && have.Unmap() == addr {
			l, err := netlink.LinkByIndex(a.LinkIndex)
			if err != nil {
				return 0, fmt.Errorf("link of %s: %w", addr, err)
			}
			return l.Attrs().MTU, nil
		}
	}
	return 0, fmt.Errorf("%s is no address of this machine", addr)
}
