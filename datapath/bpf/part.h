/* SPDX-License-Identifier: Apache-2.0 */
/* Part: what has ended a connection with an interface of another host, a reset or the
 * last acknowledgement, may be lost on the way. The other side does not know then, and
 * asks again: that gets through for a while, and so does the answer, or the other would
 * wait for one until it gives up. Nobody is charged for it, and when there is much of
 * it the oldest is forgotten. */
#pragma once
#include "flow.h"

#define PARTING (10 * SECONDS)

/* part keeps the half with the key, which is that of an interface of this host. */
static __always_inline void part(const struct flow_key *key, __u64 owner, __u64 peer, __u64 now)
{
	struct parting p = {now, owner, peer};

	bpf_map_update_elem(&partings, key, &p, BPF_ANY); /* without room it is as if it were long ago */
}

/* parted: the packet, of which is known where it goes, belongs to such a connection. */
static __always_inline int parted(const struct work *w)
{
	if (w->trail.to != TO_INTERFACE)
		return 0;
	int in = w->kind == PORT_TUNNEL;
	struct parting *p = bpf_map_lookup_elem(&partings, in ? &w->back : &w->key);
	if (!p || (long long)(w->now - p->at) > (long long)PARTING) /* another processor may be ahead */
		return 0;
	return in ? p->owner == w->peer && p->peer == w->owner : p->owner == w->owner && p->peer == w->peer;
}
