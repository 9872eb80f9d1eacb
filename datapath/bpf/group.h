/* SPDX-License-Identifier: Apache-2.0 */
/* Groups: may this connection leave or enter by these rules? The first rule that
 * matches is the answer; there are no rules that forbid. */
#pragma once
#include "work.h"

struct walk {
	struct work *w;
	const struct flow_key *connection;
	struct groupset *others; /* the set that the other side is in */
	__u64 list;
	__u64 remote[2]; /* the other side's address */
	__u32 direction;
	__u32 found; /* 1 + index of the rule */
	__u32 flags; /* of that rule */
};

static __always_inline int in_group(const struct groupset *g, __u32 group)
{
	int in = 0;

	for (int i = 0; i < MAX_GROUPS; i++)
		in |= g->group[i] == group;
	return in;
}

static __always_inline int matches(const struct rule *r, const struct walk *k)
{
	const struct flow_key *c = k->connection;

	if (!(r->flags & k->direction))
		return 0;
	if (r->protocol != -1) {
		if (r->protocol != c->protocol)
			return 0;
		if (c->protocol == IPPROTO_TCP || c->protocol == IPPROTO_UDP) {
			__s32 port = bpf_ntohs(c->dport);
			if (r->from != -1 && (port < r->from || port > r->to))
				return 0;
		} else if (c->protocol == (c->family == FAMILY_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
			if (r->from != -1 && k->w->packet.type != r->from)
				return 0;
			if (r->to != -1 && k->w->packet.code != r->to)
				return 0;
		}
	}
	if (!r->family)
		return k->others && r->group && in_group(k->others, r->group);
	return r->family == c->family && (k->remote[0] & r->mask[0]) == r->prefix[0] && (k->remote[1] & r->mask[1]) == r->prefix[1];
}

static long walk_chunk(__u32 index, struct walk *k)
{
	struct chunk_key key = {.list = k->list, .index = index};
	struct chunk *c = bpf_map_lookup_elem(&rules, &key);

	if (!c)
		return 1;
	for (__u32 i = 0; i < RULES_PER_CHUNK; i++) {
		const struct rule *r = &c->rule[i];
		if (!matches(r, k))
			continue;
		k->found = 1 + index * RULES_PER_CHUNK + i;
		k->flags = r->flags;
		return 1;
	}
	return 0;
}

/* allows returns 1 + the index of the rule that lets the connection out
 * (RULE_EGRESS) of or into (RULE_INGRESS) an interface in the set, or 0. */
static __noinline __u32 allows(struct work *w, __u64 set, __u32 direction, const struct flow_key *connection, __u8 *untracked)
{
	struct groupset_key gk = {set};
	struct groupset *g = bpf_map_lookup_elem(&groupsets, &gk);
	if (!g)
		return 0;
	const __u8 *remote = direction == RULE_EGRESS ? connection->dst : connection->src;
	struct address *a = find_address(w, remote);
	struct interface *other = a && a->interface ? find_interface(a->interface) : NULL;
	gk.id = other ? other->groupset : 0;

	struct walk k = {.w = w, .connection = connection, .list = g->list, .direction = direction};
	__builtin_memcpy(k.remote, remote, 16);
	k.others = bpf_map_lookup_elem(&groupsets, &gk);
	bpf_loop(MAX_CHUNKS, walk_chunk, &k, 0);
	*untracked = !!(k.flags & RULE_UNTRACKED);
	return k.found;
}
