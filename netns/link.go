// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Veth is a pair of links: the outer end in one namespace, the inner one in another.
type Veth struct {
	Outer string // name in the outer namespace
	Inner string // name in the inner one
	Index int    // of the inner end; 0: any
	MAC   net.HardwareAddr
	MTU   int // 0: the kernel's default
	// LinkLocal lets the inner end have its fe80:: address, without which IPv6
	// neighbours are not found. The outer end never has one.
	LinkLocal bool
}

// Pair is a veth pair that is there.
type Pair struct {
	Index int  // of the outer end
	Up    bool // both ends are, and so it lacks nothing: they are brought up after all else
}

// MakeVeth makes the pair, with its ends down. One that joins the two namespaces by
// these names already is left as it is, up or down; one that leads elsewhere, to a
// namespace that is going, is removed first.
func MakeVeth(outer, inner *Namespace, v Veth) (Pair, error) {
	p, err := findPair(outer, inner, v)
	if err != nil || p.Up {
		return p, err
	}
	if p.Index == 0 {
		if err := outer.RemoveLink(v.Outer); err != nil {
			return Pair{}, err
		}
		if p.Index, err = addPair(outer, inner, v); err != nil {
			return Pair{}, fmt.Errorf("make link %s: %w", v.Outer, err)
		}
	}
	quiet := map[string]*Namespace{v.Outer: outer}
	if !v.LinkLocal {
		quiet[v.Inner] = inner
	}
	for name, n := range quiet {
		if err := n.quieten(name); err != nil {
			return Pair{}, err
		}
	}
	return p, nil
}

// findPair returns the pair whose ends are there and joined to each other, or none.
func findPair(outer, inner *Namespace, v Veth) (Pair, error) {
	o, err := outer.find(v.Outer)
	if err != nil || o.Index == 0 {
		return Pair{}, err
	}
	i, err := inner.find(v.Inner)
	if err != nil || i.Index == 0 || i.ParentIndex != o.Index || v.Index != 0 && v.Index != i.Index {
		return Pair{}, err
	}
	return Pair{o.Index, o.Flags&i.Flags&net.FlagUp != 0}, nil
}

// find returns what is known of a link; its index is 0 if there is none. The peer's
// is its parent's.
func (n *Namespace) find(name string) (l netlink.LinkAttrs, err error) {
	err = n.Do(func() error {
		found, err := netlink.LinkByName(name)
		if isNotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
		l = *found.Attrs()
		return nil
	})
	return l, err
}

func addPair(outer, inner *Namespace, v Veth) (index int, err error) {
	err = outer.Do(func() error {
		// An index can be chosen for the device itself, never for its peer.
		la := netlink.NewLinkAttrs()
		la.Name, la.Index, la.HardwareAddr, la.MTU = v.Inner, v.Index, v.MAC, v.MTU
		la.Namespace = netlink.NsFd(inner.FD())
		la.NumTxQueues, la.NumRxQueues = 1, 1
		pair := &netlink.Veth{LinkAttrs: la, PeerName: v.Outer, PeerMTU: uint32(v.MTU), PeerNumTxQueues: 1, PeerNumRxQueues: 1}
		if err := netlink.LinkAdd(pair); err != nil {
			return err
		}
		l, err := netlink.LinkByName(v.Outer)
		if err != nil {
			return err
		}
		index = l.Attrs().Index
		return nil
	})
	return index, err
}

// quieten keeps a link from making addresses and sending packets of its own.
func (n *Namespace) quieten(name string) error {
	const none = 1 // IN6_ADDR_GEN_MODE_NONE
	return n.Do(func() error {
		l, err := netlink.LinkByName(name)
		if err == nil {
			err = netlink.LinkSetIP6AddrGenMode(l, none)
		}
		if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) {
			return nil // no IPv6 here
		}
		if err != nil {
			return fmt.Errorf("quieten link %s: %w", name, err)
		}
		return nil
	})
}

func isNotFound(err error) bool {
	return errors.As(err, new(netlink.LinkNotFoundError)) || errors.Is(err, unix.ENODEV)
}

// SetUp brings the link with the name up.
func (n *Namespace) SetUp(name string) error {
	return n.Do(func() error {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
		if l.Attrs().Flags&net.FlagUp != 0 {
			return nil // to say it again would have the kernel go through all routes
		}
		return netlink.LinkSetUp(l)
	})
}

// RemoveLink removes the link with the name and its peer. One that is not there,
// or that somebody else is removing, is no error.
func (n *Namespace) RemoveLink(name string) error {
	return n.Do(func() error {
		l, err := netlink.LinkByName(name)
		if err == nil {
			err = netlink.LinkDel(l)
		}
		if err != nil && !isNotFound(err) {
			return fmt.Errorf("remove link %s: %w", name, err)
		}
		return nil
	})
}

// LinkIndex returns the index of the link with the name.
func (n *Namespace) LinkIndex(name string) (index int, err error) {
	err = n.Do(func() error {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
		index = l.Attrs().Index
		return nil
	})
	return index, err
}
