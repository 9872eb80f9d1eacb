/* SPDX-License-Identifier: Apache-2.0 */
/* Decide: the verdict on a packet. It reads maps and writes none, so that what is
 * explained cannot differ from what happens. */
#pragma once
#include "work.h"
#include "parse.h"
#include "resolve.h"
#include "flow.h"
#include "part.h"
#include "where.h"
#include "group.h"
#include "recall.h"

/* From another host: the interface whose number the frame's source carries, if the
 * host that sent it is the one that has it. */
static __always_inline int far_owner(struct work *w)
{
	const __u8 *m = w->packet.source_mac;
	struct number_key k = {(__u32)m[2] << 24 | m[3] << 16 | m[4] << 8 | m[5]};
	struct number *n = m[0] == TUNNEL_MAC_0 && m[1] == TUNNEL_MAC_1 ? bpf_map_lookup_elem(&numbers, &k) : NULL;
	struct interface *i = n ? find_interface(n->interface) : NULL;

	if (!i || i->vni != w->key.vni)
		return refuse(w, DROP_WRONG_HOST);
	w->vni = i->vni;
	if (!i->tunnel || i->tunnel != w->outer.remote_ipv4)
		return refuse(w, DROP_WRONG_HOST);
	w->flags = i->flags;
	w->owner = n->interface;
	return VERDICT_GO_ON;
}

/* Who sends: the port says, or the number of the interface or probe. */
static __always_inline int owner(struct work *w, const struct port *port)
{
	w->owner = port->interface;
	if (w->kind == PORT_INTERFACE)
		return same_mac(w->packet.source_mac, port->mac) ? VERDICT_GO_ON : refuse(w, DROP_SPOOFED);
	if (w->kind == PORT_TUNNEL)
		return far_owner(w);
	if (w->packet.resolution)
		return VERDICT_GO_ON;
	if (w->kind == PORT_DOOR) {
		w->owner = OWNER_SERVICE | w->vni;
		return VERDICT_GO_ON;
	}
	const __u8 ours4[16] = {169, 254, 255, 253}, ours6[16] = {0xfd, 0, 0x0e, 0xc2, [14] = 0xff, 0xff};
	if (!same_ip(w->key.src, w->key.family == FAMILY_IPV4 ? ours4 : ours6))
		return refuse(w, DROP_SPOOFED);
	struct probe_key k = {bpf_ntohs(w->key.sport)};
	struct probe *p = w->key.protocol == IPPROTO_TCP ? bpf_map_lookup_elem(&probes, &k) : NULL;
	if (!p)
		return refuse(w, DROP_NO_PROBE);
	w->vni = p->vni;
	w->exempt = 1;
	w->owner = OWNER_PROBE | p->vni;
	return VERDICT_GO_ON;
}

/* holds: the packet's flow was looked at since the last change of anything, so that
 * it says what the maps would. */
static __always_inline int holds(struct work *w, const struct flow *own)
{
	if (own->epoch != w->epoch || own->kind == PORT_PROBE)
		return 0;
	if (own->kind != PORT_DOOR && !same_mac(w->packet.source_mac, own->source_mac))
		return 0;
	if (own->source_tunnel != w->outer.remote_ipv4)
		return 0;
	w->owner = own->owner;
	w->kind = own->kind;
	w->vni = own->vni;
	w->generation = own->generation;
	w->holds = 1;
	return 1;
}

/* begin reads the packet. The caller has set w->outer. */
static __always_inline int begin(struct __sk_buff *skb, struct work *w, __u32 ifindex)
{
	__u32 zero = 0;
	__u64 *epoch = bpf_map_lookup_elem(&epochs, &zero);

	__builtin_memset(w, 0, __builtin_offsetof(struct work, ifindex));
	w->now = bpf_ktime_get_coarse_ns();
	w->epoch = epoch ? *epoch : 0;
	w->ifindex = w->key.ifindex = ifindex;
	w->key.vni = w->outer.tunnel_id;
	return parse(skb, w);
}

/* admit finds out whose packet it is and what is in it. */
STEP int admit(struct __sk_buff *skb, struct work *w, __u32 ifindex, int why)
{
	if (!w)
		return VERDICT_DROP;
	struct port_key pk = {ifindex};
	struct port *port = bpf_map_lookup_elem(&ports, &pk);

	w->vni = 0;
	if (!port)
		return refuse(w, DROP_UNKNOWN_PORT);
	w->kind = port->kind;
	w->vni = port->vni;
	w->flags = port->flags;
	if ((w->kind == PORT_TUNNEL) != !!w->key.vni)
		return refuse(w, DROP_WRONG_HOST);
	if (why)
		return refuse(w, why);
	int v = owner(w, port);
	if (v)
		return v;
	if (w->packet.resolution)
		return resolve(skb, w);
	struct network_key nk = {w->vni};
	struct network *n = bpf_map_lookup_elem(&networks, &nk);
	if (!n)
		return refuse(w, DROP_UNKNOWN_PORT);
	w->generation = n->generation;
	w->door = n->door;
	w->tunnel = n->tunnel;
	return VERDICT_GO_ON;
}

/* An interface sends from its own addresses; one that may send for others still
 * not from those that mean somebody here. A service sends from what it serves. */
STEP int source_is_its_own(struct work *w)
{
	if (!w)
		return 0;
	const __u8 *s = w->key.src;
	if (w->kind == PORT_PROBE)
		return 1;
	struct address *a = find_address(w, s);
	if (w->kind == PORT_DOOR)
		return (a && (a->kind == ADDRESS_ENDPOINT || a->kind == ADDRESS_RESOLVER || a->kind == ADDRESS_METADATA)) || find_public(w, s);
	w->exact = a && a->kind == ADDRESS_INTERFACE && a->interface == w->owner;
	w->has_public = w->exact && a->public;
	if (w->exact)
		return 1;
	if (!(w->flags & INTERFACE_ANY_SOURCE))
		return 0;
	if (w->key.family == FAMILY_IPV4)
		return s[0] != 0 && s[0] != 127 && s[0] < 224 && !(s[0] == 169 && s[1] == 254);
	return ipv6_unicast(s) && !(s[0] == 0xfe && (s[1] & 0xc0) == 0x80) && !(s[0] == 0xfd && s[1] == 0 && s[2] == 0x0e && s[3] == 0xc2);
}

/* An earlier decision that still holds. */
static __always_inline int decided(struct work *w, const struct flow *own)
{
	w->trail.flow = 1;
	w->trail.target = own->target;
	w->trail.to = own->to;
	w->trail.tunnel = own->tunnel;
	set_back(w, own->peer, own->ifindex);
	w->to_ifindex = own->ifindex;
	__builtin_memcpy(w->to_mac, own->mac, 6);
	return VERDICT_GO_ON;
}

/* The sender's groups: asked when a connection opens, and again when they changed
 * and the connection is not tracked. Each host asks those of its own interfaces. */
STEP int sender_allows(struct work *w, const struct flow *own)
{
	if (!w)
		return 0;
	if (w->exempt || w->kind != PORT_INTERFACE || (own && !(own->state & FLOW_UNTRACKED)))
		return 1;
	struct interface *from = find_interface(w->owner);
	if (!from)
		return 0;
	w->trail.egress_set = from->groupset;
	int answer = own && !(own->state & FLOW_INITIATOR); /* then: what let the connection in? */
	__u32 rule = allows(w, from->groupset, answer ? RULE_INGRESS : RULE_EGRESS, answer);
	w->own_untracked = !!(rule & UNTRACKED);
	w->trail.egress = answer ? 0 : rule & ~UNTRACKED;
	return !!rule;
}

/* The target's groups, likewise. A half that the target has means that its groups
 * allowed the connection, or that it opened it. Out of the network are none. */
STEP int target_allows(struct work *w)
{
	if (!w)
		return 0;
	if (w->exempt || w->trail.route == ROUTE_INTERNET || w->trail.to == TO_PROBE || (w->trail.tunnel && !w->foretell))
		return 1;
	struct flow *half = w->fresh ? NULL : w->suppose ? find_supposed(&w->back) : find_flow(&w->back, w->now);
	if (half && half->owner != w->peer)
		half = NULL;
	if (half && !(half->state & FLOW_UNTRACKED))
		return 1;
	w->trail.ingress_set = w->to_groupset;
	int answer = half && half->state & FLOW_INITIATOR;
	__u32 rule = allows(w, w->to_groupset, answer ? RULE_EGRESS : RULE_INGRESS, answer);
	w->peer_untracked = !!(rule & UNTRACKED);
	w->trail.ingress = answer ? 0 : rule & ~UNTRACKED;
	return !!rule;
}

/* Is anything served at the port? What is not, is refused here: a service
 * namespace sends no reset for an address that is not its own. */
static __always_inline int listener(struct work *w)
{
	__u16 port = bpf_ntohs(w->key.dport);

	if (w->to_metadata)
		return port == 80 && w->key.protocol == IPPROTO_TCP ? LISTENER_OPEN : 0;
	if (!w->to_endpoint) /* a resolver */
		return port == 53 && (w->key.protocol == IPPROTO_TCP || w->key.protocol == IPPROTO_UDP) ? LISTENER_OPEN : 0;
	if (w->key.protocol != IPPROTO_TCP)
		return 0;
	struct listener_key k = {.endpoint = w->to_endpoint, .port = port};
	struct listener *l = bpf_map_lookup_elem(&listeners, &k);
	return l ? l->state : 0;
}

/* reset refuses a packet and tells its sender, if it is TCP. */
static __always_inline int reset(struct work *w, __u32 reason)
{
	refuse(w, reason);
	return w->key.protocol == IPPROTO_TCP && !(w->packet.said.flags & TH_RST) && w->packet.plain ? VERDICT_RESET : VERDICT_DROP;
}

/* unknown refuses a packet of a connection that does not stand, and tells its sender;
 * but while flows come from another layout, that one may be among them. */
static __always_inline int unknown(struct work *w)
{
	__u32 zero = 0, *come = bpf_map_lookup_elem(&awaited, &zero);

	return come && *come ? refuse(w, DROP_NOT_SYN) : reset(w, DROP_NOT_SYN);
}

STEP int at_door(struct work *w)
{
	if (!w)
		return VERDICT_DROP;
	int state = listener(w);

	if (!state)
		return reset(w, DROP_NO_LISTENER);
	if (w->late)
		return unknown(w);
	if (state == LISTENER_CLOSING && w->fresh)
		return refuse(w, DROP_CLOSING);
	return VERDICT_GO_ON;
}

/* A connection that opens, or one whose earlier decision a change has outdated:
 * what the groups once allowed stays allowed, everything else is looked at again. */
STEP int judge(struct work *w, struct flow *own)
{
	if (!w)
		return VERDICT_DROP;
	if (!source_is_its_own(w))
		return refuse(w, DROP_SPOOFED);
	if (w->fresh && w->kind == PORT_DOOR)
		return refuse(w, DROP_FROM_SERVICE);
	if (w->fresh && !opens(w)) {
		if (w->key.protocol != IPPROTO_TCP)
			return refuse(w, DROP_NO_REQUEST);
		w->late = 1;
	}
	int v = where(w, own);
	if (v)
		return v;
	if (w->late && w->trail.to != TO_DOOR) {
		w->parted = parted(w);
		w->fresh = !w->parted;
		return w->parted ? VERDICT_GO_ON : refuse(w, DROP_NOT_SYN);
	}
	if (!sender_allows(w, own) || !target_allows(w))
		return refuse(w, DROP_GROUPS);
	return w->trail.to == TO_DOOR ? at_door(w) : VERDICT_GO_ON;
}

static __always_inline int fits(struct work *w)
{
	if (w->packet.length <= limit(w->trail.to, w->kind, w->trail.tunnel))
		return VERDICT_DELIVER;
	refuse(w, DROP_TOO_BIG);
	return w->packet.whole && w->packet.plain && w->kind != PORT_TUNNEL ? VERDICT_TOO_BIG : VERDICT_DROP;
}

/* Why a packet is decided on: it passes, or somebody asks what would become of it. */
enum occasion { PASSING, ASKED, ASKED_BACK };

/* decide returns the verdict on a packet that came in by the port with the index.
 * *own becomes the sender's half of its connection, or NULL. ASKED_BACK, the only
 * connection is the one that suppose() kept; and who asks is told what the maps say,
 * not what they said of another packet. */
static __always_inline int decide(struct __sk_buff *skb, struct work *w, __u32 ifindex, enum occasion occasion, struct flow **own)
{
	struct flow *f = NULL;
	int v = VERDICT_GO_ON, why = begin(skb, w, ifindex);

	w->suppose = occasion == ASKED_BACK;
	if (!why && !w->packet.resolution)
		f = w->suppose ? find_supposed(&w->key) : find_flow(&w->key, w->now);
	if (f && reopens(w, f))
		f = NULL;
	if (occasion == PASSING && !why && !f && recall(w)) {
		*own = NULL;
		return fits(w);
	}
	if (!f || !holds(w, f))
		v = admit(skb, w, ifindex, why);
	if (v)
		return v;
	if (f && f->owner != w->owner)
		f = NULL; /* of somebody who had this port before */
	w->fresh = !f;
	*own = f;
	if (f && f->generation == w->generation)
		v = decided(w, f);
	else
		v = judge(w, f);
	return v ? v : fits(w);
}
