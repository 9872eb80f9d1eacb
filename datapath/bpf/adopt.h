/* SPDX-License-Identifier: Apache-2.0 */
/* Adopt: flows that another program tracked, in maps of another layout. Go reads and
 * translates them; they are written here, so that none is counted wrongly towards
 * its quota while packets come in. */
#pragma once
#include "flow.h"

#define ADOPT_HALVES 24 /* at most in one call; the first 16 bytes of the packet are not read */

struct adopt {
	struct __sk_buff *skb;
	__u32 refused;
};

/* What is here already has packets of its own: what both know holds. */
static __always_inline void merge_half(struct flow *f, const struct flow *other)
{
	if ((long long)(other->seen - f->seen) > 0)
		f->seen = other->seen;
	if (other->state & FLOW_FIN_RECEIVED && !(f->state & FLOW_FIN_RECEIVED))
		f->fin = other->fin;
	__sync_fetch_and_or(&f->state, other->state);
}

/* A quota is for those who open connections: one that stands is not ended by it. */
static __always_inline int adopt_half(const struct half *h)
{
	struct flow *f = find_half(&h->key);

	if (f) {
		merge_half(f, &h->flow);
		return 0;
	}
	int charged = is_charged(h->flow.owner, h->flow.state & FLOW_INITIATOR);
	struct usage *u = charged ? usage_of(h->flow.owner) : NULL;
	if (charged && !u)
		return 1;
	if (u)
		__sync_fetch_and_add(&u->flows, 1);
	if (!bpf_map_update_elem(&flows, &h->key, &h->flow, BPF_NOEXIST)) {
		if (h->flow.state & FLOW_INITIATOR)
			tally(1);
		return 0;
	}
	if (u)
		__sync_fetch_and_add(&u->flows, -1);
	return 1;
}

static long adopt_one(__u32 index, struct adopt *a)
{
	struct half h;

	if (bpf_skb_load_bytes(a->skb, 16 + index * sizeof(h), &h, sizeof(h)))
		return 1;
	a->refused += adopt_half(&h);
	return 0;
}
