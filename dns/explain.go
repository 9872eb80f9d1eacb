// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"slices"

	"enishi.dev/enishi/hoststate"
)

// Explain says what the resolver of a network answers for the addresses of name,
// and whose name it is: what lookup finds, told in its own order.
func (v *View) Explain(network, name string) hoststate.NameAnswer {
	a := hoststate.NameAnswer{}
	n, ok := v.networks.Get([]byte(network))
	if !ok || len(n.Resolver) == 0 {
		a.From = "no resolver"
		return a
	}
	name = canonical(name)
	f := v.lookup(n, name)
	if f.record != nil {
		a.Addresses = slices.Concat(f.record.v4, f.record.v6)
	}
	if zone, ok := v.zone(network, name); ok {
		a.From, a.Zone = "private zone", zone
		return a
	}
	if f.record == nil {
		return a
	}
	a.From = "public"
	if v.within(network, "", name).record != nil {
		a.From = "vpc"
	} else if _, ok := addressName(n, name); ok {
		a.From = "address"
	}
	return a
}
