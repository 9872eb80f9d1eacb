// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"

	"github.com/vishvananda/netlink"

	"enishi.dev/enishi/netns"
)

// tunnelEnd is one of two hosts with a namespace each, joined by kernel VXLAN.
type tunnelEnd struct {
	host, inner *netns.Namespace
	at, to      net.IP
}

// vxlan is two namespaces, each on a host of its own, between which a kernel VXLAN
// device carries eth0's packets; wired says how they come to it.
func (b *bench) vxlan(name string, wired func(*tunnelEnd) error) (p pair, clean func(), err error) {
	ns, remove, err := b.namespaces(name+" a", name+" b", name+" 0", name+" 1")
	clean = func() { p.end(); remove() }
	if err != nil {
		return p, clean, err
	}
	if err := cable([2]*netns.Namespace{ns[0], ns[1]}); err != nil {
		return p, clean, err
	}
	for i := range 2 {
		e := tunnelEnd{host: ns[i], inner: ns[2+i], at: underlay[i].AsSlice(), to: underlay[1-i].AsSlice()}
		if err := wired(&e); err != nil {
			return p, clean, err
		}
	}
	p, err = b.serveBetween(name, ns[2], ns[3])
	return p, clean, err
}

// device makes the VXLAN device on the host, in the namespace.
func (e *tunnelEnd) device(name string, in *netns.Namespace) error {
	la := netlink.NewLinkAttrs()
	la.Name, la.MTU, la.Namespace = name, underlayMTU-netns.VXLANOverhead, netlink.NsFd(in.FD())
	return e.host.Do(func() error {
		return netlink.LinkAdd(&netlink.Vxlan{LinkAttrs: la, VxlanId: 42, SrcAddr: e.at, Group: e.to, Port: 4789, Learning: true})
	})
}

// direct lets the device itself be the namespace's interface: no way is shorter.
func (e *tunnelEnd) direct() error { return e.device("eth0", e.inner) }

// bridged keeps the device on the host, and joins the namespace's interface to it.
func (e *tunnelEnd) bridged() error {
	if err := e.device("vxlan", e.host); err != nil {
		return err
	}
	if _, err := veths(e.host, e.inner, netns.Veth{Outer: "port", Inner: "eth0", MTU: underlayMTU - netns.VXLANOverhead}); err != nil {
		return err
	}
	err := e.host.Do(func() error {
		la := netlink.NewLinkAttrs()
		la.Name, la.MTU = "bridge", underlayMTU-netns.VXLANOverhead
		bridge := &netlink.Bridge{LinkAttrs: la}
		if err := netlink.LinkAdd(bridge); err != nil {
			return err
		}
		for _, name := range []string{"vxlan", "port"} {
			l, err := netlink.LinkByName(name)
			if err == nil {
				err = netlink.LinkSetMaster(l, bridge)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.host.WithLinks(func(l *netns.Links) error { return l.SetUp("vxlan", "bridge") })
}
