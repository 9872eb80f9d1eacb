// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"errors"
	"fmt"
	"net/netip"

	"enishi.dev/enishi/hoststate"
)

// Ask says what becomes of a connection that an interface of this host would open.
// It is an error if the interface has no port here, or no address of the family.
func (d *Datapath) Ask(q hoststate.Question) (hoststate.Outcome, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !q.To.IsValid() {
		return hoststate.Outcome{}, errors.New("want an address to ask about")
	}
	from, ok := d.units[hoststate.Key{Kind: hoststate.KindInterface, ID: q.Interface}].(*hoststate.Interface)
	if !ok {
		return hoststate.Outcome{}, fmt.Errorf("no interface %s on this host", q.Interface)
	}
	ifindex := d.wiring.interfaces[handle(q.Interface)]
	if ifindex == 0 {
		return hoststate.Outcome{}, fmt.Errorf("interface %s has no port on this host: does its instance run?", q.Interface)
	}
	var o hoststate.Outcome
	for _, a := range from.Addresses {
		if a.Is4() == q.To.Is4() {
			o.Source = a
			break
		}
	}
	if !o.Source.IsValid() {
		return o, fmt.Errorf("interface %s has no address of the family of %s", q.Interface, q.To)
	}
	there, err := firstPacket(o.Source, q)
	if err != nil {
		return o, err
	}
	if d.isItself(from, q.To) {
		return hoststate.Outcome{Source: q.To, Verdict: "deliver", Itself: true}, nil
	}
	raw, err := d.explain(there.frame(from.MAC), ifindex)
	if err != nil {
		return o, fmt.Errorf("explain: %w", err)
	}
	t := d.translate(raw)
	o.Verdict, o.Reason, o.Refused, o.Egress, o.Ingress, o.Target = t.Verdict, t.Reason, t.Refused, t.Egress, t.Ingress, t.Target
	o.Tunnel, o.Public = t.Tunnel, t.Public
	if to, ok := d.units[hoststate.Key{Kind: hoststate.KindInterface, ID: t.Target}].(*hoststate.Interface); ok {
		o.Endpoint = to.Endpoint
	}
	o.Table, o.Route = from.RouteTable, hoststate.RouteTarget(t.Route)
	if rt, ok := d.units[hoststate.Key{Kind: hoststate.KindRouteTable, ID: from.RouteTable}].(*hoststate.RouteTable); ok && t.Route != "" {
		o.Prefix = longest(rt, q.To).String()
	}
	if n, ok := d.units[hoststate.Key{Kind: hoststate.KindNetwork, ID: from.Network}].(*hoststate.Network); ok && o.Route == hoststate.RouteInternet {
		o.Gateway = n.Gateway
	}
	if o.Verdict == "deliver" {
		if o.Back, err = d.askBack(raw, from.VNI, there.answer()); err != nil {
			return o, fmt.Errorf("explain answer: %w", err)
		}
	}
	return o, nil
}

// isItself says whether the address is of an interface in the same instance: the
// instance's own kernel keeps what goes there.
func (d *Datapath) isItself(from *hoststate.Interface, to netip.Addr) bool {
	i, ok := d.units[d.holders[addressKey(from.VNI, to)]].(*hoststate.Interface)
	return ok && (i == from || i.Instance != "" && i.Instance == from.Instance)
}

// longest is the prefix of the route that wins for addr; the zero one if none does.
func longest(t *hoststate.RouteTable, addr netip.Addr) (best netip.Prefix) {
	for _, r := range t.Routes {
		if r.Prefix.Contains(addr) && (!best.IsValid() || r.Prefix.Bits() > best.Bits()) {
			best = r.Prefix
		}
	}
	return best
}
