// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"

	"enishi.dev/enishi/hoststate"
)

// Trail is what becomes of a packet, and why.
type Trail struct {
	Verdict string // "deliver", "answer" or "drop"; a drop may be answered too
	Reason  string // of a drop, in the words of Drops
	Flow    bool   // an earlier packet of the connection decided
	Route   string // what the route table said: "local", "interface", "blackhole", "internet", or "" where none was asked
	Target  string // id of the interface that gets it; "" at a resolver, for the probe and out of the network
	Public  string // id of the public service that gets it, out of the network
	Egress  string // id of the rule that let it out
	Ingress string // id of the rule that let it in; foretold of a target on another host
	// Tunnel is the host that has the target; zero is this one.
	Tunnel netip.Addr
	// Refused says whose rules refused it, where the reason is "security group":
	// "egress" are the sender's, "ingress" the target's.
	Refused string
}

// verdicts are the words for the program's enum verdict.
var verdicts = map[bpfVerdict]string{
	bpfVerdictVERDICT_DELIVER: "deliver",
	bpfVerdictVERDICT_RESOLVE: "answer",
	bpfVerdictVERDICT_DROP:    "drop",
	bpfVerdictVERDICT_RESET:   "drop",
	bpfVerdictVERDICT_TOO_BIG: "drop",
}

// skbContext is the kernel's struct __sk_buff, as far as a run may set it.
type skbContext struct {
	_  [12]uint32
	Cb [5]uint32
	_  [27]uint32
}

// Explain says what would happen to packet, an Ethernet frame, if it came in by
// port. Nothing is written: no flow, no counter.
func (d *Datapath) Explain(port string, packet []byte) (Trail, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, ok := d.ports[port]
	if !ok {
		return Trail{}, fmt.Errorf("explain: port %s is not attached", port)
	}
	t, err := d.explain(packet, uint32(p.Ifindex))
	if err != nil {
		return Trail{}, fmt.Errorf("explain: %w", err)
	}
	return d.translate(t), nil
}

// explain asks about a packet that comes in by the port whose index is the first of
// from; if that is the tunnel, then from a network, which is the second, of a host,
// which is the third.
func (d *Datapath) explain(packet []byte, from ...uint32) (bpfTrail, error) {
	var t bpfTrail
	var c skbContext
	copy(c.Cb[:], from)
	p, err := d.rarely(rareProgExplain)
	if err != nil {
		return t, err
	}
	if _, err := p.Run(&ebpf.RunOptions{Data: packet, Context: c}); err != nil {
		return t, err
	}
	return t, d.objs.Trails.Lookup(uint32(0), &t)
}

func (d *Datapath) translate(t bpfTrail) Trail {
	text := Trail{
		Verdict: verdicts[bpfVerdict(t.Verdict)],
		Reason:  reason(t.Reason),
		Flow:    t.Flow != 0,
		Target:  d.holders[bpfInterfaceKey{Id: t.Target}].ID,
		Egress:  d.ruleName(t.EgressSet, t.Egress),
		Ingress: d.ruleName(t.IngressSet, t.Ingress),
	}
	if t.Tunnel != 0 {
		text.Tunnel = netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, t.Tunnel)))
	}
	switch bpfRouteTarget(t.Route) {
	case bpfRouteTargetROUTE_LOCAL:
		text.Route = string(hoststate.RouteLocal)
	case bpfRouteTargetROUTE_INTERFACE:
		text.Route = string(hoststate.RouteInterface)
	case bpfRouteTargetROUTE_BLACKHOLE:
		text.Route = string(hoststate.RouteBlackhole)
	case bpfRouteTargetROUTE_INTERNET:
		text.Route, text.Public = string(hoststate.RouteInternet), d.publicService(t.Target)
	}
	if bpfDropReason(t.Reason) == bpfDropReasonDROP_GROUPS {
		text.Refused = "egress"
		if t.IngressSet != 0 {
			text.Refused = "ingress"
		}
	}
	return text
}

// publicService is the id of the endpoint with the handle, "" if none has it.
func (d *Datapath) publicService(target uint64) string {
	for k := range d.units {
		if k.Kind == hoststate.KindEndpoint && handle(k.ID) == target {
			return k.ID
		}
	}
	return ""
}

// ruleName is the id of rule number n (from 1) of the group set with the handle.
func (d *Datapath) ruleName(set uint64, n uint32) string {
	if n == 0 {
		return ""
	}
	for _, u := range d.units {
		if g, ok := u.(*hoststate.GroupSet); ok && handle(g.ID) == set {
			return ruleID(g, int(n)-1)
		}
	}
	return ""
}
