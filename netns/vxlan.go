// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// VXLANOverhead is what VXLAN over IPv4 takes of each packet of the network below.
const VXLANOverhead = 50

// MakeVXLAN makes a VXLAN link in n, down, that takes keys and addresses from
// whoever sends by it, and returns its index. Its packets travel by the network of
// the namespace that the calling thread is in, not of n. One that is there is kept.
func MakeVXLAN(n *Namespace, name string, port, mtu int) (index int, err error) {
	there, err := n.find(name)
	if err != nil {
		return 0, err
	}
	index = there.Index
	if index == 0 {
		la := netlink.NewLinkAttrs()
		la.Name, la.MTU, la.Namespace = name, mtu, netlink.NsFd(n.FD())
		if err := netlink.LinkAdd(&netlink.Vxlan{LinkAttrs: la, FlowBased: true, Port: port}); err != nil {
			return 0, fmt.Errorf("make link %s: %w", name, err)
		}
		if index, err = n.LinkIndex(name); err != nil {
			return 0, err
		}
	}
	err = n.Do(func() error {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
		return netlink.LinkSetMTU(l, mtu)
	})
	return index, errors.Join(err, n.quieten(name))
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
