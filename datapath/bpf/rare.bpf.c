// SPDX-License-Identifier: Apache-2.0
/* The programs that no start has to wait for: each is loaded when it is first needed.
 * Their maps are those of pipeline. */
#include "take.h"
#include "adopt.h"
#include "sweep.h"

char LICENSE[] SEC("license") = "Apache-2.0";

/* pipeline_far is for what comes from other hosts: asking for an outer header takes
 * time, and what comes from this host has none. */
SEC("tc")
int pipeline_far(struct __sk_buff *skb)
{
	struct bpf_tunnel_key outer;

	bpf_skb_get_tunnel_key(skb, &outer, sizeof(outer), 0); /* zero where there is none, or one of IPv6 */
	return take(skb, outer.tunnel_id, outer.remote_ipv4);
}

/* explain is never attached: it says what pipeline would do with a packet from the
 * port whose index is in cb[0], by a tunnel of the network cb[1] from the host cb[2],
 * and writes nothing but its answer and what it supposes. What the target's groups on
 * another host would say to a first packet it foretells: their rules are here too.
 * With cb[3], the packet answers the one explained before. */
SEC("tc")
int explain(struct __sk_buff *skb)
{
	__u32 dry = WORK_DRY, zero = 0;
	struct work *w = bpf_map_lookup_elem(&works, &dry);
	struct trail *t = bpf_map_lookup_elem(&trails, &zero);
	struct flow *own;

	if (!w || !t)
		return VERDICT_GO_ON;
	__builtin_memset(&w->outer, 0, sizeof(w->outer));
	w->outer.tunnel_id = skb->cb[1];
	w->outer.remote_ipv4 = skb->cb[2];
	int v = skb->cb[3] ? decide(skb, w, skb->cb[0], ASKED_BACK, &own) : decide(skb, w, skb->cb[0], ASKED, &own);

	if (v == VERDICT_DELIVER && w->fresh && w->trail.tunnel) {
		w->foretell = 1;
		if (!target_allows(w))
			v = refuse(w, DROP_GROUPS);
	}
	if (v == VERDICT_DELIVER && w->fresh)
		suppose(w);
	w->trail.verdict = v;
	w->trail.vni = w->vni;
	*t = w->trail;
	return v;
}

/* sweep removes those of the flows named in the packet that have expired, or whose
 * interface is gone, and returns how many. It is never attached. */
SEC("tc")
int sweep(struct __sk_buff *skb)
{
	struct sweep s = {.skb = skb, .now = bpf_ktime_get_coarse_ns()};

	bpf_loop(SWEEP_KEYS, sweep_one, &s, 0);
	return s.gone;
}

/* adopt takes over the halves in the packet, and returns for how many there was no
 * room. It is never attached. */
SEC("tc")
int adopt(struct __sk_buff *skb)
{
	struct adopt a = {.skb = skb};

	bpf_loop(ADOPT_HALVES, adopt_one, &a, 0);
	return a.refused;
}
