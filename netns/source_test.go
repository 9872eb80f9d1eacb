// SPDX-License-Identifier: Apache-2.0

package netns_test

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"enishi.dev/enishi/netns"
)

func TestSecondLink(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	outer, inner := mustMake(t, filepath.Join(dir, "outer")), mustMake(t, filepath.Join(dir, "inner"))
	l := linksOf(t, inner)
	pair, err := netns.MakeVeth(linksOf(t, outer), l, netns.Veth{Outer: "second", Inner: "eth1"})
	must(t, err)
	must(t, l.SetUp("eth1"))
	addrs := func(list ...string) (as []netip.Addr) {
		for _, s := range list {
			as = append(as, netip.MustParseAddr(s))
		}
		return as
	}
	set := func(list ...string) {
		t.Helper()
		var ps []netip.Prefix
		for _, s := range list {
			ps = append(ps, netip.MustParsePrefix(s))
		}
		for range 2 {
			must(t, l.SetAddresses(pair.Inner, ps))
		}
	}
	t.Run("a link has the addresses that it is to have, and no others", func(t *testing.T) {
		must(t, l.AddAddress(pair.Inner, netip.MustParsePrefix("fe80::10/64"))) // as the link makes one
		set("10.0.1.10/24", "10.0.1.11/24", "2001:db8::10/64")
		set("10.0.1.11/24", "10.0.1.12/24") // the first one's going takes others of its subnet along
		got := ip(t, inner, "address", "show", "dev", "eth1")
		for _, c := range []struct {
			address string
			want    bool
		}{{"10.0.1.10/", false}, {"10.0.1.11/", true}, {"10.0.1.12/", true}, {"2001:db8::10/", false}, {"fe80::10/", true}} {
			if strings.Contains(got, c.address) != c.want {
				t.Errorf("%s: want %v in\n%s", c.address, c.want, got)
			}
		}
	})
	t.Run("what leaves from its addresses goes by it", func(t *testing.T) {
		for range 2 {
			must(t, l.RulesFrom(10001, addrs("10.0.1.11", "2001:db8::10")))
			must(t, l.RouteFromVia(pair.Inner, 10001, netip.MustParsePrefix("10.0.1.0/24"), netip.MustParseAddr("10.0.1.1")))
		}
		if got := ip(t, inner, "route", "get", "192.0.2.1", "from", "10.0.1.11"); !strings.Contains(got, "via 10.0.1.1 dev eth1 table 10001") {
			t.Errorf("route: %s", got)
		}
		for _, family := range []string{"-4", "-6"} {
			if got := ip(t, inner, family, "rule"); strings.Count(got, "lookup 10001") != 1 {
				t.Errorf("%s rules:\n%s", family, got)
			}
		}
	})
	t.Run("without addresses no rule is left, but for the others' ones", func(t *testing.T) {
		must(t, l.RulesFrom(10002, addrs("10.0.1.12")))
		must(t, l.RulesFrom(10001, nil))
		if got := ip(t, inner, "-4", "rule"); strings.Contains(got, "10001") || !strings.Contains(got, "10002") {
			t.Errorf("rules:\n%s", got)
		}
	})
}
