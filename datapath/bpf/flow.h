/* SPDX-License-Identifier: Apache-2.0 */
/* Flow: what earlier packets of a connection decided. Each side's interface has a
 * half of its own, as AWS tracks connections per interface. */
#pragma once
#include "work.h"

#define SECONDS 1000000000ULL

static __always_inline __u64 lifetime(const struct flow_key *k, const struct flow *f)
{
	__u32 fins = f->state & (FLOW_FIN_SENT | FLOW_FIN_RECEIVED);

	switch (k->protocol) {
	case IPPROTO_TCP:
		if (f->state & FLOW_RESET)
			return 10 * SECONDS;
		if (!(f->state & FLOW_ESTABLISHED) || fins == (FLOW_FIN_SENT | FLOW_FIN_RECEIVED))
			return 30 * SECONDS;
		return (fins || f->state & FLOW_ENDPOINT ? 350 : 432000) * SECONDS;
	case IPPROTO_UDP:
		return (f->state & FLOW_ESTABLISHED ? 180 : 30) * SECONDS;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 30 * SECONDS;
	}
	return 600 * SECONDS;
}

static __always_inline int expired(const struct flow_key *k, const struct flow *f, __u64 now)
{
	return (long long)(now - f->seen) > (long long)lifetime(k, f); /* another processor may be ahead */
}

static __always_inline struct flow *find_half(const struct flow_key *k)
{
	return bpf_map_lookup_elem(&flows, k);
}

static __always_inline struct flow *find_flow(const struct flow_key *k, __u64 now)
{
	struct flow *f = find_half(k);

	return f && !expired(k, f, now) ? f : NULL;
}

static __always_inline int same_key(const struct flow_key *a, const struct flow_key *b)
{
	const __u32 *x = (const void *)a, *y = (const void *)b;
	__u32 differ = 0;

#pragma unroll
	for (int i = 0; i < (int)(sizeof(*a) / sizeof(*x)); i++)
		differ |= x[i] ^ y[i];
	return !differ;
}

static __always_inline struct flow *supposed_half(__u32 index, const struct flow_key *k)
{
	struct half *h = bpf_map_lookup_elem(&supposed, &index);

	return h && same_key(&h->key, k) ? &h->flow : NULL;
}

/* find_supposed is find_flow where nothing but the last explanation opened flows. */
static __always_inline struct flow *find_supposed(const struct flow_key *k)
{
	struct flow *f = supposed_half(0, k);

	return f ? f : supposed_half(1, k);
}

/* turn_round makes back the key of the other half, whose packets come in by the link,
 * and are of the network there if they come from another host. */
static __always_inline void turn_round(const struct flow_key *key, __u32 ifindex, __u32 vni, struct flow_key *back)
{
	*back = *key;
	back->ifindex = ifindex;
	back->vni = vni;
	__builtin_memcpy(back->src, key->dst, 16);
	__builtin_memcpy(back->dst, key->src, 16);
	back->sport = key->dport;
	back->dport = key->sport;
}

/* set_back names the other half: who owns it, and where its packets come in: by the
 * link to other hosts, if the packet leaves by it. */
static __always_inline void set_back(struct work *w, __u64 owner, __u32 ifindex)
{
	w->peer = owner;
	turn_round(&w->key, ifindex, w->trail.tunnel ? w->vni : 0, &w->back);
}

static __always_inline int opens(const struct work *w)
{
	switch (w->key.protocol) {
	case IPPROTO_TCP:
		return (w->packet.said.flags & (TH_SYN | TH_ACK | TH_RST | TH_FIN)) == TH_SYN;
	case IPPROTO_ICMP:
		return w->key.family != FAMILY_IPV4 || w->packet.type == 8;
	case IPPROTO_ICMPV6:
		return w->key.family != FAMILY_IPV6 || w->packet.type == 128;
	}
	return 1;
}

/* reopens: a SYN where a connection already went further, so a new one with the
 * same ports. It is judged like any new one; if it is refused, the old one stays. */
static __always_inline int reopens(const struct work *w, const struct flow *own)
{
	__u32 first = own->state & (FLOW_INITIATOR | FLOW_REPLIED);

	return w->key.protocol == IPPROTO_TCP && opens(w) && first != FLOW_INITIATOR;
}

static __always_inline struct usage *usage_of(__u64 owner)
{
	struct usage_key k = {owner};
	struct usage none = {}, *u = bpf_map_lookup_elem(&usages, &k);

	if (u)
		return u;
	bpf_map_update_elem(&usages, &k, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&usages, &k);
}

/* Quotas: how many connections an interface may have opened. Only the opener is
 * charged, so that nobody can use up another's: on its own host for all of them, and
 * on the host that it calls for those, whatever its own lets out. */
static __always_inline int charge(__u64 owner)
{
	struct usage *u = usage_of(owner);

	if (!u)
		return -1;
	if (__sync_fetch_and_add(&u->flows, 1) < flow_quota)
		return 0;
	__sync_fetch_and_add(&u->flows, -1);
	return -1;
}

/* The allowance for the resolver and metadata: a second's worth at once, and then
 * evenly, so that a flood comes to the others' queue as a trickle. Two processors may
 * forget what one of them has counted at the same moment. */
static __always_inline int overdrawn(__u64 owner, __u64 now)
{
	struct usage *u = usage_of(owner);

	if (!u)
		return 1;
	__u64 spent = u->spent > now ? u->spent : now;
	if (spent - now >= SECONDS)
		return 1;
	u->spent = spent + SECONDS / link_local_rate;
	return 0;
}

static __always_inline void uncharge(__u64 owner)
{
	struct usage_key k = {owner};
	struct usage *u = bpf_map_lookup_elem(&usages, &k);

	if (u)
		__sync_fetch_and_add(&u->flows, -1);
}

static __always_inline int is_charged(__u64 owner, __u32 initiator)
{
	return initiator && !(owner & OWNER_SERVICE);
}

/* tally counts connections, so that nobody has to read all flows for their number. */
static __always_inline void tally(__s64 n)
{
	__u32 zero = 0;
	__s64 *t = bpf_map_lookup_elem(&tracked, &zero);

	if (t)
		__sync_fetch_and_add(t, n);
}

/* end_half removes a half; one of those who try succeeds. */
static __always_inline int end_half(const struct flow_key *k, __u64 owner, __u32 initiator)
{
	if (bpf_map_delete_elem(&flows, k))
		return 0;
	if (initiator)
		tally(-1);
	if (is_charged(owner, initiator))
		uncharge(owner);
	return 1;
}

STEP int forget_half(const struct flow_key *k)
{
	struct flow *f = k ? find_half(k) : NULL;

	return f ? end_half(k, f->owner, f->state & FLOW_INITIATOR) : 0;
}
