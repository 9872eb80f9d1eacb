/* SPDX-License-Identifier: Apache-2.0 */
/* Where: the target of a packet, by exact address, else by the route table of the
 * sender's subnet. */
#pragma once
#include "work.h"
#include "flow.h"

static __always_inline int to_interface(struct work *w, __u64 id, const struct interface *i)
{
	w->trail.to = TO_INTERFACE;
	w->trail.target = id;
	w->to_groupset = i->groupset;
	w->to_ifindex = i->ifindex;
	if (i->tunnel && w->kind == PORT_INTERFACE) { /* a service's hosts are its own; and what a host sent here goes no further */
		w->to_ifindex = w->tunnel;
		w->trail.tunnel = i->tunnel;
	}
	__builtin_memcpy(w->to_mac, i->mac, 6);
	set_back(w, id, w->to_ifindex);
	return w->to_ifindex ? VERDICT_GO_ON : refuse(w, DROP_ELSEWHERE);
}

/* The destination of a door's frames is the network's number. */
static __always_inline int to_door(struct work *w, __u32 to, __u64 owner, __u32 ifindex)
{
	w->trail.to = to;
	set_back(w, owner, ifindex);
	w->to_ifindex = ifindex;
	w->to_mac[0] = 0x02;
	w->to_mac[1] = to == TO_PROBE;
	w->to_mac[2] = w->vni >> 24;
	w->to_mac[3] = w->vni >> 16;
	w->to_mac[4] = w->vni >> 8;
	w->to_mac[5] = w->vni;
	return ifindex ? VERDICT_GO_ON : refuse(w, DROP_NO_DOOR);
}

static __always_inline int to_probe(struct work *w, __u64 owner)
{
	struct network_key k = {0};
	struct network *n = bpf_map_lookup_elem(&networks, &k);

	return to_door(w, TO_PROBE, owner, n ? n->door : 0);
}

static __always_inline int to_service(struct work *w)
{
	return to_door(w, TO_DOOR, OWNER_SERVICE | w->vni, w->door);
}

static __always_inline int link_local(const struct flow_key *k)
{
	if (k->family == FAMILY_IPV4)
		return k->dst[0] == 169 && k->dst[1] == 254;
	return k->dst[0] == 0xfe && (k->dst[1] & 0xc0) == 0x80;
}

/* Out of the network by its internet gateway: public services alone are there. Each
 * host answers for them, in the network's own service namespace. */
STEP int by_gateway(struct work *w)
{
	if (!w)
		return VERDICT_DROP;
	if (w->kind != PORT_INTERFACE) /* the sender's host has done it */
		return refuse(w, DROP_NO_ADDRESS);
	if (!w->has_public)
		return refuse(w, DROP_NO_PUBLIC_ADDRESS);
	struct address *a = find_public(w, w->key.dst);
	if (!a)
		return refuse(w, DROP_NO_ADDRESS);
	w->trail.target = w->to_endpoint = a->interface;
	return to_service(w);
}

STEP int by_table(struct work *w)
{
	if (!w)
		return VERDICT_DROP;
	struct interface *from = find_interface(w->owner);
	if (!from || link_local(&w->key))
		return refuse(w, DROP_NO_ROUTE);
	struct table_key tk = {from->table};
	struct table *t = bpf_map_lookup_elem(&tables, &tk);
	if (!t)
		return refuse(w, DROP_NO_ROUTE);

	w->route.prefixlen = ROUTE_FIXED_BITS + (w->key.family == FAMILY_IPV4 ? 32 : 128);
	w->route.family = w->key.family;
	w->route.list = t->list;
	__builtin_memcpy(w->route.ip, w->key.dst, 16);
	struct route *r = bpf_map_lookup_elem(&routes, &w->route);
	if (!r)
		return refuse(w, DROP_NO_ROUTE);
	w->trail.route = r->target;
	if (r->target == ROUTE_LOCAL)
		return refuse(w, DROP_NO_ADDRESS);
	if (r->target == ROUTE_INTERNET)
		return by_gateway(w);
	if (r->target != ROUTE_INTERFACE)
		return refuse(w, DROP_BLACKHOLE);
	struct interface *to = find_interface(r->interface);
	if (!to || to->vni != w->vni || to->endpoint)
		return refuse(w, DROP_BLACKHOLE);
	if (!(to->flags & INTERFACE_ANY_SOURCE))
		return refuse(w, DROP_NOT_ITS_ADDRESS);
	return to_interface(w, r->interface, to);
}

/* From a door packets only go back: to the interface that opened the connection. */
static __always_inline int back(struct work *w, struct flow *own)
{
	__u64 peer = own->peer;

	if ((peer & OWNER_PROBE) == OWNER_PROBE)
		return to_probe(w, peer);
	struct interface *to = find_interface(peer);
	struct address *a = find_address(w, w->key.dst);
	if (!to || to->vni != w->vni)
		return refuse(w, DROP_NO_ADDRESS);
	if (a ? a->interface != peer : !(to->flags & INTERFACE_ANY_SOURCE))
		return refuse(w, DROP_NO_ADDRESS);
	return to_interface(w, peer, to);
}

STEP int where(struct work *w, struct flow *own)
{
	if (!w)
		return VERDICT_DROP;
	if (w->kind == PORT_DOOR)
		return own ? back(w, own) : refuse(w, DROP_FROM_SERVICE);

	struct address *a = find_address(w, w->key.dst);
	if (!a)
		return w->kind == PORT_PROBE ? refuse(w, DROP_NO_ADDRESS) : by_table(w);
	if (w->kind == PORT_TUNNEL && a->kind != ADDRESS_INTERFACE)
		return refuse(w, DROP_NO_ADDRESS); /* services are each host's own */
	if (a->kind == ADDRESS_RESOLVER || a->kind == ADDRESS_METADATA) {
		w->exempt = 1;
		w->to_link_local = 1;
		w->to_metadata = a->kind == ADDRESS_METADATA;
		return to_service(w);
	}
	__u64 id = a->interface;
	__u32 kind = a->kind;
	struct interface *to = find_interface(id);
	if (!to || to->vni != w->vni)
		return refuse(w, DROP_NO_ADDRESS);
	if (kind == ADDRESS_ENDPOINT) {
		w->trail.target = id;
		w->to_groupset = to->groupset;
		w->to_endpoint = to->endpoint;
		return to_service(w);
	}
	if (kind != ADDRESS_INTERFACE || w->kind == PORT_PROBE)
		return refuse(w, DROP_NO_ADDRESS);
	return to_interface(w, id, to);
}
