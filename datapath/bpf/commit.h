/* SPDX-License-Identifier: Apache-2.0 */
/* Commit: make a verdict true. Flows and counters are written here, and what a packet
 * says about its connection in follow.h; nowhere else. */
#pragma once
#include "work.h"
#include "flow.h"
#include "half.h"
#include "follow.h"
#include "recall.h"
#include "answer.h"

STEP int count(__u32 vni, __u32 reason)
{
	struct drop_key k = {vni, reason};
	struct drop_count none = {}, *c = bpf_map_lookup_elem(&drops, &k);

	if (!c) {
		bpf_map_update_elem(&drops, &k, &none, BPF_NOEXIST);
		c = bpf_map_lookup_elem(&drops, &k);
	}
	if (c)
		c->packets++; /* per processor */
	return 0;
}

STEP int insert_half(const struct flow_key *k, struct flow *f)
{
	if (!k || !f)
		return DROP_KERNEL;
	long err = bpf_map_update_elem(&flows, k, f, BPF_NOEXIST);

	if (err == -EEXIST) { /* an older connection with the same ports */
		forget_half(k);
		err = bpf_map_update_elem(&flows, k, f, BPF_NOEXIST);
	}
	return err ? DROP_TABLE_FULL : DROP_NONE;
}

/* A new connection: the target's half first, since answers may come at once. */
STEP int open_flow(struct work *w)
{
	if (!w)
		return DROP_KERNEL;
	struct flow *f = &w->flow;
	int charged = w->kind == PORT_INTERFACE || w->kind == PORT_TUNNEL, why;

	if (charged && charge(w->owner))
		return DROP_QUOTA;
	their_half(w, f);
	why = insert_half(&w->back, f);
	if (why)
		goto full;
	own_half(w, f);
	why = insert_half(&w->key, f);
	if (!why) {
		tally(1);
		remember(w);
		return DROP_NONE;
	}
	forget_half(&w->back);
full:
	if (charged)
		uncharge(w->owner);
	return why;
}

/* A decision taken again: the whole half is replaced, so that nobody reads a new
 * generation with an old target. One that has been ended meanwhile stays so, or it
 * would be counted as ended twice. */
STEP int renew_flow(struct work *w, struct flow *own)
{
	if (!w || !own)
		return DROP_KERNEL;
	struct flow *f = &w->flow;

	*f = *own;
	set_target(w, f);
	if (f->state & FLOW_UNTRACKED && !w->own_untracked)
		f->state &= ~FLOW_UNTRACKED;
	long err = bpf_map_update_elem(&flows, &w->key, f, BPF_EXIST);

	return err && err != -ENOENT ? DROP_TABLE_FULL : DROP_NONE;
}

STEP int track(struct work *w, struct flow *own)
{
	if (!w)
		return DROP_KERNEL;
	if (w->parted)
		return DROP_NONE;
	int link_local = w->fresh || !own ? w->to_link_local : own->state & FLOW_LINK_LOCAL;
	if (link_local && w->kind == PORT_INTERFACE && overdrawn(w->owner, w->now))
		return DROP_LINK_LOCAL;
	if (w->fresh || !own)
		return open_flow(w);
	if (own->generation != w->generation) {
		int why = renew_flow(w, own);
		if (why)
			return why;
		own = find_half(&w->key);
		if (!own)
			return DROP_NONE;
	}
	if (!w->holds)
		own->epoch = w->epoch;
	follow(&w->key, &w->back, own, &w->packet.said, w->now);
	return DROP_NONE;
}

STEP int deliver(struct __sk_buff *skb, struct work *w)
{
	if (!w)
		return -1;
	if (w->trail.tunnel)
		return send_far(skb, &w->outer, w->owner, w->vni, w->trail.tunnel, w->to_mac, w->to_ifindex);
	return hand_over(skb, &w->headers.in.eth, w->kind, w->to_mac, w->to_ifindex);
}

STEP int commit(struct __sk_buff *skb, struct work *w, struct flow *own, int verdict)
{
	int act = -1;

	if (!w)
		return TC_ACT_SHOT;
	if (verdict == VERDICT_DELIVER) {
		int why = track(w, own);
		if (!why) {
			act = deliver(skb, w);
			if (act >= 0)
				return act;
			why = DROP_KERNEL;
		}
		w->trail.reason = why;
	}
	if (verdict == VERDICT_RESOLVE) {
		act = w->packet.resolution == ETH_P_ARP ? answer_arp(skb, w) : answer_neighbour(skb, w);
		if (act >= 0)
			return act;
		w->trail.reason = DROP_KERNEL;
	}
	count(w->vni, w->trail.reason);
	if (verdict == VERDICT_RESET)
		act = answer_reset(skb, w);
	if (verdict == VERDICT_TOO_BIG)
		act = answer_too_big(skb, w);
	return act < 0 ? TC_ACT_SHOT : act;
}
