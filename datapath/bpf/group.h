/* SPDX-License-Identifier: Apache-2.0 */
/* Groups: may this connection leave or enter by these rules? The first rule that
 * matches is the answer; there are no rules that forbid. */
#pragma once
#include "work.h"

struct walk {
	struct work *w;
	struct groupset *others; /* the set that the other side is in */
	__u64 list;
	__u32 direction, answer;
	__u32 found; /* 1 + index of the rule */
	__u32 flags; /* of that rule */
};

/* A packet's connection: an answer's is the one that it answers. */
static __always_inline const struct flow_key *connection(const struct work *w, __u32 answer)
{
	return answer ? &w->back : &w->key;
}

static __always_inline const __u8 *remote(const struct flow_key *c, __u32 direction)
{
	return direction == RULE_EGRESS ? c->dst : c->src;
}

static __always_inline int in_group(const struct groupset *g, __u32 group)
{
	int in = 0;

	for (int i = 0; i < MAX_GROUPS; i++)
		in |= g->group[i] == group;
	return group && in;
}

static __always_inline int within(__s32 from, __s32 n, __s32 to)
{
	return from == -1 || (n >= from && n <= to);
}

STEP int matches(const struct rule *r, const struct work *w, const struct groupset *others, __u32 direction, __u32 answer)
{
	if (!r || !w)
		return 0;
	const struct flow_key *c = connection(w, answer);
	int icmp = c->protocol == (c->family == FAMILY_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	if (!(r->flags & direction))
		return 0;
	if (r->protocol != -1) {
		if (r->protocol != c->protocol)
			return 0;
		if ((c->protocol == IPPROTO_TCP || c->protocol == IPPROTO_UDP) && !within(r->from, bpf_ntohs(c->dport), r->to))
			return 0;
		if (icmp && (!within(r->from, w->packet.type, r->from) || !within(r->to, w->packet.code, r->to)))
			return 0;
	}
	if (!r->family)
		return others && in_group(others, r->group);
	const __u64 *ip = (const void *)remote(c, direction);
	return r->family == c->family && (ip[0] & r->mask[0]) == r->prefix[0] && (ip[1] & r->mask[1]) == r->prefix[1];
}

static long walk_chunk(__u32 index, struct walk *k)
{
	struct chunk_key key = {.list = k->list, .index = index};
	struct chunk *c = bpf_map_lookup_elem(&rules, &key);

	if (!c)
		return 1;
	for (__u32 i = 0; i < RULES_PER_CHUNK; i++) {
		if (!matches(&c->rule[i], k->w, k->others, k->direction, k->answer))
			continue;
		k->found = 1 + index * RULES_PER_CHUNK + i;
		k->flags = c->rule[i].flags;
		return 1;
	}
	return 0;
}

static __always_inline struct groupset *groups_of(struct work *w, const __u8 *ip)
{
	struct address *a = find_address(w, ip);
	struct interface *i = a && a->interface ? find_interface(a->interface) : NULL;
	struct groupset_key k = {i ? i->groupset : 0};

	return bpf_map_lookup_elem(&groupsets, &k);
}

#define UNTRACKED (1u << 31)

/* allows returns 1 + the index of the rule that lets the packet's connection out
 * (RULE_EGRESS) of or into (RULE_INGRESS) an interface in the set, or 0; with the
 * bit UNTRACKED, if it asks for no tracking. */
STEP __u32 allows(struct work *w, __u64 set, __u32 direction, __u32 answer)
{
	if (!w)
		return 0;
	struct groupset_key gk = {set};
	struct groupset *g = bpf_map_lookup_elem(&groupsets, &gk);
	if (!g)
		return 0;
	const struct flow_key *c = connection(w, answer);
	struct walk k = {.w = w, .list = g->list, .direction = direction, .answer = answer};
	if (g->names_groups & direction)
		k.others = groups_of(w, remote(c, direction));
	bpf_loop(MAX_CHUNKS, walk_chunk, &k, 0);
	int stateless = c->protocol == IPPROTO_TCP || c->protocol == IPPROTO_UDP;
	return k.found | (k.flags & RULE_UNTRACKED && stateless ? UNTRACKED : 0);
}
