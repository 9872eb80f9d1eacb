// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"net/netip"
	"testing"

	"enishi.dev/enishi/control/api/apitest"
	"enishi.dev/enishi/control/compile"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
)

func TestInterfacesOfOtherHostsHaveTheWayThere(t *testing.T) {
	s := apitest.OpenStore(t)
	decide(t, s, newWorld)
	decide(t, s, func(tx *store.Tx) {
		launch(tx, 1, 0, "local")
		launch(tx, 2, 0, "other")
		launch(tx, 3, 1, "other")
		connect(tx, 1, 0)
	})
	tunnel := func(host string, eni int) string {
		units := compile.Host(s.View(), compile.Facts{Host: host, Live: []string{"local", "other"}})
		i, _ := units[hoststate.Key{Kind: hoststate.KindInterface, ID: id[string]("eni", eni)}].(*hoststate.Interface)
		if i == nil {
			return "no unit"
		}
		return i.Tunnel.String()
	}
	const none = "invalid IP"
	want := func(when, host string, eni int, want string) {
		t.Helper()
		if got := tunnel(host, eni); got != want {
			t.Errorf("%s: host %s, interface %d: want %s, got %s", when, host, eni, want, got)
		}
	}
	want("no address known", "local", 2, none)
	decide(t, s, func(tx *store.Tx) {
		tx.Hosts.Put(store.Host{Name: "local", Tunnel: netip.MustParseAddr("192.0.2.1")})
		tx.Hosts.Put(store.Host{Name: "other", Tunnel: netip.MustParseAddr("192.0.2.2")})
	})
	want("its own", "local", 1, none)
	want("another's", "local", 2, "192.0.2.2")
	want("the other way", "other", 1, "192.0.2.1")
	want("in a network of which it has nothing", "local", 3, "no unit")
	for _, host := range []string{"local", "other"} {
		want("an endpoint's, which every host answers", host, 101, none)
	}
	decide(t, s, func(tx *store.Tx) { tx.Hosts.Put(store.Host{Name: "other", Tunnel: netip.MustParseAddr("192.0.2.3")}) })
	want("moved", "local", 2, "192.0.2.3")
}
