// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// Veth is a pair of links: the outer end in one namespace, the inner one in another.
type Veth struct {
	Outer string // name in the outer namespace
	Inner string // name in the inner one
	Index int    // of the inner end; 0: any
	MAC   net.HardwareAddr
	MTU   int // 0: the kernel's default
	// Burst is how many bytes of a TCP stream over IPv4 the inner end hands on in one
	// packet, to be cut into what is on the wire where it leaves the machine, if it does
	// (gso_ipv4_max_size); 0: as the kernel does, [UsualBurst].
	Burst int
	// LinkLocal lets the inner end have its fe80:: address, without which IPv6
	// neighbours are not found. The outer end never has one.
	LinkLocal bool
}

// The kernel's usual burst is what the length of an IP packet can say. A longer one says
// nothing of its length (BIG TCP, Linux 6.3), and most devices do not take it.
const (
	UsualBurst = 65536
	MostBurst  = 8 * 65535
)

// Pair is a veth pair that is there.
type Pair struct {
	Outer, Inner int  // the ends' indexes
	Up           bool // both ends are, and so it lacks nothing: they are brought up after all else
}

// MakeVeth makes the pair, with its ends down. One that joins the two namespaces by
// these names already is left as it is but for its burst, up or down; one that leads
// elsewhere, to a namespace that is going, is removed first.
func MakeVeth(outer, inner *Links, v Veth) (Pair, error) {
	p, end, err := findPair(outer, inner, v)
	if err == nil && p.Outer != 0 {
		err = inner.setBurst(end, v.Burst)
	}
	if err != nil || p.Up {
		return p, err
	}
	if p.Outer == 0 {
		if err := outer.Remove(v.Outer); err != nil {
			return Pair{}, err
		}
		if p, err = addPair(outer, inner, v); err != nil {
			return Pair{}, fmt.Errorf("make link %s: %w", v.Outer, err)
		}
	}
	if err := outer.quieten(v.Outer); err != nil {
		return Pair{}, err
	}
	if !v.LinkLocal {
		err = inner.quieten(v.Inner)
	}
	return p, err
}

// findPair returns the pair whose ends are there and joined to each other with its inner
// end, or none.
func findPair(outer, inner *Links, v Veth) (p Pair, end netlink.LinkAttrs, err error) {
	o, err := outer.find(v.Outer)
	if err != nil || o.Index == 0 {
		return p, end, err
	}
	i, err := inner.find(v.Inner)
	if err != nil || i.Index == 0 || i.ParentIndex != o.Index || v.Index != 0 && v.Index != i.Index {
		return p, end, err
	}
	return Pair{o.Index, i.Index, o.Flags&i.Flags&net.FlagUp != 0}, i, nil
}

// setBurst sets the burst of an end that is there, unless it is that already or 0.
func (l *Links) setBurst(end netlink.LinkAttrs, burst int) error {
	if burst == 0 || end.GSOIPv4MaxSize == uint32(burst) {
		return nil
	}
	if err := l.h.LinkSetGSOIPv4MaxSize(handle(end), burst); err != nil {
		return fmt.Errorf("link %s: set gso_ipv4_max_size to %d: %w", end.Name, burst, err)
	}
	return nil
}

func addPair(outer, inner *Links, v Veth) (Pair, error) {
	// An index can be chosen for the device itself, never for its peer.
	la := netlink.NewLinkAttrs()
	la.Name, la.Index, la.HardwareAddr, la.MTU = v.Inner, v.Index, v.MAC, v.MTU
	la.Namespace = netlink.NsFd(inner.ns.FD())
	la.NumTxQueues, la.NumRxQueues, la.GSOIPv4MaxSize = 1, 1, uint32(v.Burst)
	pair := &netlink.Veth{LinkAttrs: la, PeerName: v.Outer, PeerMTU: uint32(v.MTU), PeerNumTxQueues: 1, PeerNumRxQueues: 1}
	if err := outer.h.LinkAdd(pair); err != nil {
		return Pair{}, err
	}
	o, err := outer.get(v.Outer)
	if err != nil {
		return Pair{}, err
	}
	i, err := inner.get(v.Inner)
	return Pair{Outer: o.Index, Inner: i.Index}, err
}
