/* SPDX-License-Identifier: Apache-2.0 */
/* Take: a packet's whole way: parse, find its flow, admit (port, who), judge (where,
 * groups, listener), commit. Admission and judgement are left out where the flow holds
 * what they would say, and nearly everything where it is one of TCP (hurry). */
#pragma once
#include "decide.h"
#include "commit.h"
#include "hurry.h"

/* take carries out what becomes of a packet. The network and the host are those of its
 * outer header, 0: it has none. */
static __always_inline int take(struct __sk_buff *skb, __u32 vni, __u32 host)
{
	int act = hurry(skb, vni, host);
	if (act >= 0)
		return act;
	__u32 live = WORK_LIVE;
	struct work *w = bpf_map_lookup_elem(&works, &live);
	struct flow *own = NULL;

	if (!w)
		return TC_ACT_SHOT;
	w->outer.tunnel_id = vni;
	w->outer.remote_ipv4 = host;
	int v = decide(skb, w, skb->ifindex, PASSING, &own);
	return commit(skb, w, own, v);
}
