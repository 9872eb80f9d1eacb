// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"enishi.dev/enishi/hoststate"
)

// labels are few, so that names meet.
var labels = rapid.SampledFrom([]string{"a", "b", "c"})

func someName(t *rapid.T, what string) string {
	return strings.Join(rapid.SliceOfN(labels, 1, 4).Draw(t, what), ".")
}

func someUnit(t *rapid.T) *hoststate.Name {
	n := &hoststate.Name{
		Network: rapid.SampledFrom([]string{"", "vpc-a", "vpc-b"}).Draw(t, "network"),
		Name:    someName(t, "name"), TTL: 60,
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "address")})},
	}
	if rapid.Bool().Draw(t, "private") && n.Network != "" {
		parts := strings.Split(n.Name, ".")
		n.Zone = strings.Join(parts[rapid.IntRange(0, len(parts)-1).Draw(t, "cut"):], ".")
	}
	if rapid.Bool().Draw(t, "wildcard") {
		n.Name = "*." + n.Name
	}
	return n
}

// TestRandomWorlds compares with a model that knows no tree: it looks at every
// unit, every time.
func TestRandomWorlds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, world := new(Records), make(map[hoststate.Key]*hoststate.Name)
		nets := []hoststate.Unit{network("vpc-a"), network("vpc-b")}
		r.Apply(true, nets, nil)
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			var set []hoststate.Unit
			var gone []hoststate.Key
			full := rapid.IntRange(0, 9).Draw(t, "full") == 0
			if full {
				clear(world)
				set = nets
			}
			if keys := slices.SortedFunc(maps.Keys(world), func(a, b hoststate.Key) int { return strings.Compare(a.ID, b.ID) }); len(keys) > 0 && rapid.Bool().Draw(t, "delete") {
				k := rapid.SampledFrom(keys).Draw(t, "gone")
				gone = append(gone, k)
				delete(world, k)
			}
			for range rapid.IntRange(0, 8).Draw(t, "new names") {
				n := someUnit(t)
				set = append(set, n)
				world[n.Key()] = n
			}
			r.Apply(full, set, slices.DeleteFunc(gone, func(k hoststate.Key) bool { return world[k] != nil }))
		}
		for range 20 {
			vpc, ask1 := rapid.SampledFrom([]string{"vpc-a", "vpc-b"}).Draw(t, "asker"), someName(t, "asked")
			want := model(world, vpc, ask1)
			if got := ask(r.View(), vpc, ask1, dns.TypeA, 0); got != want {
				t.Fatalf("%s asks for %s: got %s, want %s\nworld %v", vpc, ask1, got, want, slices.Collect(maps.Keys(world)))
			}
		}
	})
}

func model(world map[hoststate.Key]*hoststate.Name, vpc, asked string) string {
	zone, private := "", false
	for _, n := range world {
		if n.Network == vpc && n.Zone != "" && under(asked, n.Zone) && len(n.Zone) > len(zone) {
			zone, private = n.Zone, true
		}
	}
	exists := false
	scopes := []string{vpc, ""}
	if private {
		scopes = scopes[:1]
	}
	for _, scope := range scopes {
		var names []*hoststate.Name
		for _, n := range world {
			if n.Network == scope && n.Zone == zone {
				names = append(names, n)
			}
		}
		n, e := best(names, asked)
		if n != nil {
			return fmt.Sprintf("NOERROR %s. 60 IN A %s", asked, n.Addresses[0])
		}
		exists = exists || e
	}
	code := map[bool]string{true: "NOERROR", false: "NXDOMAIN"}[exists]
	return fmt.Sprintf("%s (%s 5)", code, dns.Fqdn(zone))
}

// best is the closest of names, and whether asked exists without one.
func best(names []*hoststate.Name, asked string) (n *hoststate.Name, exists bool) {
	for _, n := range names {
		if n.Name == asked {
			return n, true
		}
		exists = exists || under(n.Name, asked)
	}
	if exists {
		return nil, true
	}
	for parent := asked; ; {
		var ok bool
		if _, parent, ok = strings.Cut(parent, "."); !ok {
			return nil, false
		}
		closest := false
		for _, n := range names {
			if n.Name == "*."+parent {
				return n, true
			}
			closest = closest || under(n.Name, parent)
		}
		if closest {
			return nil, false
		}
	}
}

func under(name, zone string) bool { return name == zone || strings.HasSuffix(name, "."+zone) }
