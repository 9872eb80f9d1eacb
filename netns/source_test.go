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
	if _, err := netns.MakeVeth(outer, inner, netns.Veth{Outer: "second", Inner: "eth1"}); err != nil {
		t.Fatal(err)
	}
	if err := inner.SetUp("eth1"); err != nil {
		t.Fatal(err)
	}
	do := func(f func() error) {
		t.Helper()
		if err := inner.Do(f); err != nil {
			t.Fatal(err)
		}
	}
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
			do(func() error { return netns.SetAddresses("eth1", ps) })
		}
	}
	t.Run("a link has the addresses that it is to have, and no others", func(t *testing.T) {
		do(func() error { return netns.AddAddress("eth1", netip.MustParsePrefix("fe80::10/64")) }) // as the link makes one
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
			do(func() error {
				if err := netns.RulesFrom(10001, addrs("10.0.1.11", "2001:db8::10")); err != nil {
					return err
				}
				return netns.RouteFromVia("eth1", 10001, netip.MustParsePrefix("10.0.1.0/24"), netip.MustParseAddr("10.0.1.1"))
			})
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
		do(func() error { return netns.RulesFrom(10002, addrs("10.0.1.12")) })
		do(func() error { return netns.RulesFrom(10001, nil) })
		if got := ip(t, inner, "-4", "rule"); strings.Contains(got, "10001") || !strings.Contains(got, "10002") {
			t.Errorf("rules:\n%s", got)
		}
	})
}
