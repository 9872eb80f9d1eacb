/* SPDX-License-Identifier: Apache-2.0 */
/* Recall: what was judged of a packet that opened a connection holds for the next one
 * from the same source, by the same port, to the same destination, until anything
 * changes; only its own port differs. Clients open many such connections. Each
 * processor remembers its own, so that nobody reads what another is writing. */
#pragma once
#include "work.h"
#include "flow.h"

#define OPENINGS 512 /* places; whose key falls on a place takes it */

struct opening {
	__u64 epoch; /* 0: none */
	struct flow_key key;
	__u32 pad;
	struct judged judged;
	__u8 source_mac[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(key_size, sizeof(__u32)); /* by size, so that Go gets no type of it */
	__uint(value_size, sizeof(struct opening));
	__uint(max_entries, OPENINGS);
} openings SEC(".maps");

#define PORTS_WORD (__builtin_offsetof(struct flow_key, sport) / 4)

/* but_source_port is a word of a key without the port of the source, which comes first in its own. */
static __always_inline __u32 but_source_port(const struct flow_key *k, __u32 word)
{
	const __u32 *x = (const void *)k;
	return word == PORTS_WORD ? x[word] >> 16 : x[word];
}

static __always_inline struct opening *place(const struct flow_key *k)
{
	__u32 hash = 0;

#pragma unroll
	for (__u32 i = 0; i < sizeof(*k) / 4; i++)
		hash = (hash ^ but_source_port(k, i)) * 0x9e3779b1;
	hash >>= 23;
	return bpf_map_lookup_elem(&openings, &hash);
}
_Static_assert(OPENINGS == 1 << (32 - 23), "what is left of a hash");

static __always_inline int same_but_source_port(const struct flow_key *a, const struct flow_key *b)
{
	__u32 differ = 0;

#pragma unroll
	for (__u32 i = 0; i < sizeof(*a) / 4; i++)
		differ |= but_source_port(a, i) ^ but_source_port(b, i);
	return !differ;
}

static __always_inline int has_ports(const struct work *w)
{
	return w->key.protocol == IPPROTO_TCP || w->key.protocol == IPPROTO_UDP;
}

/* recall makes w what it was of one like it, and returns whether there was one. */
STEP int recall(struct work *w)
{
	if (!w || !has_ports(w) || w->outer.remote_ipv4 || !opens(w))
		return 0;
	struct opening *o = place(&w->key);
	if (!o || !o->epoch || o->epoch != w->epoch)
		return 0;
	if (!same_but_source_port(&o->key, &w->key) || !same_mac(o->source_mac, w->packet.source_mac))
		return 0;
	w->judged = o->judged;
	set_back(w, w->peer, w->to_ifindex);
	w->fresh = w->recalled = 1;
	return 1;
}

/* remember keeps what was judged of w, which has opened a connection. */
static __always_inline void remember(const struct work *w)
{
	if (w->recalled || w->kind != PORT_INTERFACE || !has_ports(w))
		return;
	struct opening *o = place(&w->key);
	if (!o)
		return;
	o->epoch = w->epoch;
	o->key = w->key;
	o->judged = w->judged;
	__builtin_memcpy(o->source_mac, w->packet.source_mac, 6);
}
