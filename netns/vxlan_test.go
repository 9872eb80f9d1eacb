// SPDX-License-Identifier: Apache-2.0

package netns_test

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"enishi.dev/enishi/netns"
)

func TestAVXLANLinkTravelsByTheNetworkOfWhoMadeIt(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	host, fabric := mustMake(t, filepath.Join(dir, "host")), mustMake(t, filepath.Join(dir, "fabric"))
	wires := linksOf(t, fabric)
	made := func(mtu int) (index int) {
		t.Helper()
		if err := host.Do(func() (err error) { index, err = netns.MakeVXLAN(wires, "vxlan", 4789, mtu); return err }); err != nil {
			t.Fatal(err)
		}
		return index
	}
	index := made(1450)
	if l := linkIn(t, fabric, "vxlan"); l.Index != index || l.MTU != 1450 {
		t.Errorf("%+v, want index %d", l, index)
	}
	if again := made(1400); again != index || linkIn(t, fabric, "vxlan").MTU != 1400 {
		t.Errorf("made again: index %d, want %d, and MTU 1400", again, index)
	}
	if err := wires.SetUp("vxlan"); err != nil { // opens the socket
		t.Fatal(err)
	}
	taken := func(n *netns.Namespace) bool {
		return n.Do(func() error {
			l := &netlink.Vxlan{LinkAttrs: netlink.LinkAttrs{Name: "other"}, FlowBased: true, Port: 4789}
			if err := netlink.LinkAdd(l); err != nil {
				return err
			}
			return netlink.LinkDel(l)
		}) != nil
	}
	if !taken(host) || taken(fabric) {
		t.Errorf("its port is taken where it was made: %v, where it is: %v", taken(host), taken(fabric))
	}
	if err := wires.Remove("vxlan"); err != nil {
		t.Fatal(err)
	}
	if taken(host) {
		t.Error("its port is still taken")
	}
}

func TestLinkMTU(t *testing.T) {
	needRoot(t)
	n := mustMake(t, filepath.Join(t.TempDir(), "n"))
	must(t, linksOf(t, n).AddAddress(netns.Loopback, netip.MustParsePrefix("192.0.2.1/32")))
	err := n.Do(func() error {
		if mtu, err := netns.LinkMTU(netip.MustParseAddr("192.0.2.1")); mtu != 65536 || err != nil {
			t.Errorf("got %d, %v", mtu, err)
		}
		_, err := netns.LinkMTU(netip.MustParseAddr("192.0.2.2"))
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "192.0.2.2 is no address of this machine") {
		t.Errorf("got %v", err)
	}
}
