// SPDX-License-Identifier: Apache-2.0

package netns_test

import (
	"bytes"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"enishi.dev/enishi/netns"
)

func TestVeth(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	outer, inner := mustMake(t, filepath.Join(dir, "outer")), mustMake(t, filepath.Join(dir, "inner"))
	want := netns.Veth{Outer: "o1", Inner: "eth0", Index: 5_000_000, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 9}, MTU: 9001, Burst: netns.MostBurst}
	out, in := linksOf(t, outer), linksOf(t, inner)
	pair, err := netns.MakeVeth(out, in, want)
	if err != nil || pair.Up {
		t.Fatalf("got %+v, %v", pair, err)
	}

	t.Run("both ends are as asked, and down", func(t *testing.T) {
		o, i := linkIn(t, outer, "o1"), linkIn(t, inner, "eth0")
		if o.Index != pair.Outer || o.MTU != 9001 || o.Flags&net.FlagUp != 0 {
			t.Errorf("outer end: %+v", o)
		}
		if burst := burstIn(t, inner, "eth0"); burst != netns.MostBurst {
			t.Errorf("inner end: burst %d", burst)
		}
		if i.Index != want.Index || i.Index != pair.Inner || i.MTU != 9001 || !bytes.Equal(i.HardwareAddr, want.MAC) || i.Flags&net.FlagUp != 0 {
			t.Errorf("inner end: %+v", i)
		}
	})
	t.Run("a pair that is there is left alone", func(t *testing.T) {
		if err := out.SetUp("o1"); err != nil {
			t.Fatal(err)
		}
		again, err := netns.MakeVeth(out, in, want)
		if err != nil || again != pair {
			t.Fatalf("got %+v, %v; want %+v, one end down", again, err, pair)
		}
		if linkIn(t, outer, "o1").Flags&net.FlagUp == 0 {
			t.Error("it was taken down")
		}
	})
	t.Run("it makes no address of its own", func(t *testing.T) {
		if err := in.SetUp("eth0"); err != nil {
			t.Fatal(err)
		}
		for _, l := range []*net.Interface{linkIn(t, outer, "o1"), linkIn(t, inner, "eth0")} {
			addrs, err := l.Addrs()
			if err != nil || len(addrs) != 0 {
				t.Errorf("%s has %v, %v", l.Name, addrs, err)
			}
		}
	})
	t.Run("it says that both ends are up", func(t *testing.T) {
		again, err := netns.MakeVeth(out, in, want)
		if err != nil || again != (netns.Pair{Outer: pair.Outer, Inner: pair.Inner, Up: true}) {
			t.Errorf("got %+v, %v; want %+v, up", again, err, pair)
		}
	})
	t.Run("its burst is as asked, and may change", func(t *testing.T) {
		for _, v := range []struct{ burst, want int }{{netns.MostBurst, netns.MostBurst}, {netns.UsualBurst, netns.UsualBurst}, {0, netns.UsualBurst}} {
			want.Burst = v.burst
			if _, err := netns.MakeVeth(out, in, want); err != nil {
				t.Fatal(err)
			}
			if got := burstIn(t, inner, "eth0"); got != v.want {
				t.Errorf("asked for %d: got %d, want %d", v.burst, got, v.want)
			}
		}
	})
	t.Run("a pair that leads to another namespace gives way", func(t *testing.T) {
		other := mustMake(t, filepath.Join(dir, "other"))
		if _, err := netns.MakeVeth(out, linksOf(t, other), want); err != nil {
			t.Fatal(err)
		}
		linkIn(t, other, "eth0")
		if got := ip(t, inner, "-br", "link"); strings.Contains(got, "eth0") {
			t.Errorf("old namespace has\n%s", got)
		}
	})
	t.Run("removing it twice is no error", func(t *testing.T) {
		for range 2 {
			if err := out.Remove("o1"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// burstIn is what a link of n hands on at once.
func burstIn(t *testing.T, n *netns.Namespace, name string) (burst int) {
	t.Helper()
	err := n.Do(func() error {
		l, err := netlink.LinkByName(name)
		if err == nil {
			burst = int(l.Attrs().GSOIPv4MaxSize)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return burst
}

// ip shows what iproute2 sees in n.
func ip(t *testing.T, n *netns.Namespace, args ...string) (out string) {
	t.Helper()
	path, err := exec.LookPath("ip")
	if err != nil {
		t.Skip("needs iproute2: install the package")
	}
	err = n.Do(func() error {
		b, err := exec.Command(path, args...).CombinedOutput()
		out = strings.TrimSpace(string(b))
		return err
	})
	if err != nil {
		t.Fatalf("ip %q: %v: %s", args, err, out)
	}
	return out
}

func TestRoutes(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	outer := mustMake(t, filepath.Join(dir, "outer"))
	out := linksOf(t, outer)
	upPair := func(t *testing.T, name string) (*netns.Namespace, *netns.Links, int) {
		inner := mustMake(t, filepath.Join(dir, name))
		in := linksOf(t, inner)
		pair, err := netns.MakeVeth(out, in, netns.Veth{Outer: name, Inner: "eth0"})
		if err == nil {
			err = in.SetUp("lo", "eth0")
		}
		if err == nil {
			err = out.SetUp(name)
		}
		if err != nil {
			t.Fatal(err)
		}
		return inner, in, pair.Inner
	}
	t.Run("an instance has its address and its router, as on EC2", func(t *testing.T) {
		n, l, index := upPair(t, "instance")
		for range 2 { // again after a restart
			must(t, l.AddAddress(index, netip.MustParsePrefix("10.0.1.10/24")))
			must(t, l.RouteVia(index, netip.MustParseAddr("10.0.1.1")))
		}
		got := ip(t, n, "route")
		if !strings.Contains(got, "default via 10.0.1.1 dev eth0") || !strings.Contains(got, "10.0.1.0/24 dev eth0") {
			t.Errorf("routes:\n%s", got)
		}
	})
	t.Run("an IPv6 address has its router too", func(t *testing.T) {
		n, l, index := upPair(t, "six")
		must(t, l.AddAddress(index, netip.MustParsePrefix("2001:db8::10/64")))
		must(t, l.RouteVia(index, netip.MustParseAddr("2001:db8::1")))
		if got := ip(t, n, "-6", "route"); !strings.Contains(got, "default via 2001:db8::1 dev eth0") {
			t.Errorf("routes:\n%s", got)
		}
	})
	t.Run("a service namespace takes every address, and answers through one neighbour", func(t *testing.T) {
		n, l, index := upPair(t, "service")
		for range 2 {
			must(t, l.DefaultThrough(index))
			must(t, l.EverythingLocal("eth0"))
		}
		for _, family := range []string{"-4", "-6"} {
			if got := ip(t, n, family, "route", "show", "table", "100"); !strings.Contains(got, "local default dev lo") {
				t.Errorf("%s table 100:\n%s", family, got)
			}
			if got := ip(t, n, family, "rule"); strings.Count(got, "iif eth0 lookup 100") != 1 {
				t.Errorf("%s rules:\n%s", family, got)
			}
			if got := ip(t, n, family, "neigh"); strings.Count(got, "PERMANENT") != 1 {
				t.Errorf("%s neighbours:\n%s", family, got)
			}
		}
		if got := ip(t, n, "route", "get", "10.1.2.3"); !strings.Contains(got, "via 169.254.0.1 dev eth0") {
			t.Errorf("route to a client: %s", got)
		}
	})
}
