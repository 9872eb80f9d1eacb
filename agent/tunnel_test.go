// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/netip"
	"testing"
)

func TestAStreamThatMayGoToAnotherHostKeepsTheUsualBursts(t *testing.T) {
	for _, c := range []struct {
		name   string
		tunnel netip.Addr
		want   int
	}{
		{"no way to others", netip.Addr{}, 524280},
		{"a way to others", netip.MustParseAddr("192.0.2.1"), 65536},
	} {
		a := &Agent{Options: Options{Tunnel: c.tunnel}}
		if got := a.burst(); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}
