/* SPDX-License-Identifier: Apache-2.0 */
/* Sweep: flows whose time is over, or whose interface is gone. Go reads their keys;
 * what becomes of them is judged and counted here, while packets come in. */
#pragma once
#include "flow.h"

#define SWEEP_KEYS 64 /* at most in one call; the first 16 bytes of the packet are not read */

struct sweep {
	struct __sk_buff *skb;
	__u64 now;
	__u32 gone;
};

/* orphan: its owner's packets do not come in there any more. */
static __always_inline int orphan(const struct flow_key *k, const struct flow *f)
{
	if (f->owner & OWNER_SERVICE)
		return 0;
	struct interface *i = find_interface(f->owner);
	if (!i)
		return 1;
	if (!k->vni)
		return i->ifindex != k->ifindex;
	struct network_key nk = {k->vni};
	struct network *n = bpf_map_lookup_elem(&networks, &nk);
	return !n || n->tunnel != k->ifindex || !i->tunnel || i->vni != k->vni;
}

static long sweep_one(__u32 index, struct sweep *s)
{
	struct flow_key k;

	if (bpf_skb_load_bytes(s->skb, 16 + index * sizeof(k), &k, sizeof(k)))
		return 1;
	struct flow *f = find_half(&k);
	if (!f)
		return 0;
	if (orphan(&k, f) || expired(&k, f, s->now))
		s->gone += forget_half(&k);
	return 0;
}
