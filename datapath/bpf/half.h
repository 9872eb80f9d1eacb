/* SPDX-License-Identifier: Apache-2.0 */
/* Half: what a flow says of the connection that a packet opens. It is written by
 * commit, and supposed by explain. */
#pragma once
#include "work.h"
#include "flow.h"

static __always_inline void set_target(const struct work *w, struct flow *f)
{
	f->epoch = w->epoch;
	f->generation = w->generation;
	f->owner = w->owner;
	f->peer = w->peer;
	f->kind = w->kind;
	f->vni = w->vni;
	f->tunnel = w->trail.tunnel;
	f->source_tunnel = w->outer.remote_ipv4;
	__builtin_memcpy(f->source_mac, w->packet.source_mac, 6);
	f->target = w->trail.target;
	f->to = w->trail.to;
	f->ifindex = w->to_ifindex;
	__builtin_memcpy(f->mac, w->to_mac, 6);
}

static __always_inline __u32 through_door(const struct work *w)
{
	return (w->trail.to == TO_DOOR ? FLOW_ENDPOINT : 0) | (w->to_link_local ? FLOW_LINK_LOCAL : 0);
}

/* The half of who gets the packet. */
static __always_inline void their_half(const struct work *w, struct flow *f)
{
	__builtin_memset(f, 0, sizeof(*f));
	f->seen = w->now;
	f->owner = w->peer;
	f->peer = w->owner;
	f->state = through_door(w) | (w->peer_untracked ? FLOW_UNTRACKED : 0);
	f->rule = w->trail.ingress;
	int near = w->kind != PORT_TUNNEL && !w->trail.tunnel;
	if (near && w->exact && w->trail.route == ROUTE_NONE) { /* then answers lead to the sender: see where() and back() */
		f->epoch = w->epoch;
		f->generation = w->generation;
		f->target = w->owner;
		f->to = TO_INTERFACE;
		f->ifindex = w->ifindex;
		f->kind = w->trail.to == TO_INTERFACE ? PORT_INTERFACE : PORT_DOOR;
		f->vni = w->vni;
		__builtin_memcpy(f->source_mac, w->to_mac, 6);
		__builtin_memcpy(f->mac, w->packet.source_mac, 6);
	}
}

/* The half of who sends it. f has been their_half's. */
static __always_inline void own_half(const struct work *w, struct flow *f)
{
	set_target(w, f);
	f->state = through_door(w) | FLOW_INITIATOR | (w->own_untracked ? FLOW_UNTRACKED : 0);
	f->rule = w->trail.egress;
}

static __always_inline void suppose_half(__u32 index, const struct flow_key *k, const struct flow *f)
{
	struct half *h = bpf_map_lookup_elem(&supposed, &index);

	if (!h)
		return;
	h->key = *k;
	h->flow = *f;
}

/* suppose keeps what the packet would open, for the explanation of its answer. */
STEP int suppose(struct work *w)
{
	if (!w)
		return 0;
	struct flow *f = &w->flow;

	their_half(w, f);
	suppose_half(0, &w->back, f);
	own_half(w, f);
	suppose_half(1, &w->key, f);
	return 0;
}
