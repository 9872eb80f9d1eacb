// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Loopback is the index of lo, in every namespace.
const Loopback = 1

// Links is the links of a namespace with their addresses, routes and rules, read and
// changed through one socket in it, from any thread. It keeps the namespace until
// Close. A namespace whose processes are not trusted should have none for long: they
// can send to its socket.
type Links struct {
	ns *Namespace
	h  *netlink.Handle
}

// Links opens the namespace's. The caller closes what it gets.
func (n *Namespace) Links() (*Links, error) {
	l := &Links{ns: n}
	err := n.Visit(func() (err error) {
		l.h, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open links of %s: %w", n.path, err)
	}
	return l, nil
}

// WithLinks has f use the namespace's, and returns its error.
func (n *Namespace) WithLinks(f func(*Links) error) error {
	l, err := n.Links()
	if err != nil {
		return err
	}
	defer l.Close()
	return f(l)
}

// Close lets go of the namespace.
func (l *Links) Close() { l.h.Close() }

// find returns what is known of a link; its index is 0 if there is none. The peer's
// is its parent's.
func (l *Links) find(name string) (netlink.LinkAttrs, error) {
	found, err := l.h.LinkByName(name)
	if isNotFound(err) {
		return netlink.LinkAttrs{}, nil
	}
	if err != nil {
		return netlink.LinkAttrs{}, fmt.Errorf("link %s: %w", name, err)
	}
	return *found.Attrs(), nil
}

// get is find of a link that has to be there.
func (l *Links) get(name string) (netlink.LinkAttrs, error) {
	a, err := l.find(name)
	if err == nil && a.Index == 0 {
		err = fmt.Errorf("link %s: not found", name)
	}
	return a, err
}

// Index returns the index of the link with the name.
func (l *Links) Index(name string) (int, error) {
	a, err := l.get(name)
	return a.Index, err
}

// handle is how netlink wants to be told which link is meant.
func handle(a netlink.LinkAttrs) netlink.Link { return &netlink.Device{LinkAttrs: a} }

func isNotFound(err error) bool {
	return errors.As(err, new(netlink.LinkNotFoundError)) || errors.Is(err, unix.ENODEV)
}

// quieten keeps a link from making addresses and sending packets of its own.
func (l *Links) quieten(name string) error {
	const none = 1 // IN6_ADDR_GEN_MODE_NONE
	a, err := l.get(name)
	if err != nil {
		return err
	}
	err = l.h.LinkSetIP6AddrGenMode(handle(a), none)
	if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil // no IPv6 here
	}
	if err != nil {
		return fmt.Errorf("quieten link %s: %w", name, err)
	}
	return nil
}

// SetUp brings the links with the names up.
func (l *Links) SetUp(names ...string) error {
	for _, name := range names {
		a, err := l.get(name)
		if err != nil {
			return err
		}
		if a.Flags&net.FlagUp != 0 {
			continue // to say it again would have the kernel go through all routes
		}
		if err := l.h.LinkSetUp(handle(a)); err != nil {
			return fmt.Errorf("bring link %s up: %w", name, err)
		}
	}
	return nil
}

// Remove removes the link with the name and its peer. One that is not there, or that
// somebody else is removing, is no error.
func (l *Links) Remove(name string) error {
	a, err := l.find(name)
	if err != nil || a.Index == 0 {
		return err
	}
	if err := l.h.LinkDel(handle(a)); err != nil && !isNotFound(err) {
		return fmt.Errorf("remove link %s: %w", name, err)
	}
	return nil
}
