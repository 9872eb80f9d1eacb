/* SPDX-License-Identifier: Apache-2.0 */
/* Commit: make a verdict true. Flows and counters are written here and nowhere else. */
#pragma once
#include "work.h"
#include "flow.h"
#include "half.h"
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

/* The initiator goes on after an answer: the connection stands. */
static __always_inline void settle(struct work *w, struct flow *own)
{
	struct flow *peer = find_half(&w->back);

	__sync_fetch_and_or(&own->state, FLOW_ESTABLISHED);
	if (peer)
		__sync_fetch_and_or(&peer->state, FLOW_ESTABLISHED);
}

/* The last acknowledgement of a connection: each side has closed and has what the
 * other sent. Nothing of it is kept, so that many short ones fill no table. */
static __always_inline int ends(struct work *w, const struct flow *own)
{
	__u32 closed = FLOW_FIN_SENT | FLOW_FIN_RECEIVED | FLOW_FIN_ACKED;

	return (own->state & closed) == closed && w->packet.tcp & TH_ACK && w->packet.ack == own->fin;
}

/* breaks: a reset from one instance to another that has it for certain, as it is on
 * this host. A service may still be sending then, and nobody should have to wonder
 * about drops of that. */
static __always_inline int breaks(const struct work *w)
{
	return w->packet.tcp & TH_RST && w->kind == PORT_INTERFACE && w->trail.to == TO_INTERFACE && !w->trail.tunnel;
}

/* What a packet says about its connection, written to both halves: the one that
 * is used keeps the other alive. */
STEP int touch(struct work *w, struct flow *own)
{
	__u32 mine = 0, theirs = 0, flags = w ? w->packet.tcp : 0; /* none but of TCP */

	if (!w || !own)
		return DROP_KERNEL;
	if (!(own->state & FLOW_INITIATOR))
		mine = theirs = FLOW_REPLIED;
	if (flags & TH_FIN) {
		mine |= FLOW_FIN_SENT;
		theirs |= FLOW_FIN_RECEIVED;
	}
	if (flags & TH_RST) {
		mine |= FLOW_RESET;
		theirs |= FLOW_RESET;
	}
	int acked = own->state & FLOW_FIN_RECEIVED && flags & TH_ACK && w->packet.ack == own->fin;
	if (!acked && (own->state & mine) == mine && w->now - own->seen < 1 * SECONDS)
		return DROP_NONE;
	if (acked)
		theirs |= FLOW_FIN_ACKED;
	own->seen = w->now;
	__sync_fetch_and_or(&own->state, mine);
	struct flow *peer = find_half(&w->back);
	if (!peer)
		return DROP_NONE;
	peer->seen = w->now;
	if (flags & TH_FIN)
		peer->fin = bpf_htonl(bpf_ntohl(w->packet.seq) + w->packet.payload + 1);
	__sync_fetch_and_or(&peer->state, theirs);
	return DROP_NONE;
}

STEP int track(struct work *w, struct flow *own)
{
	if (!w)
		return DROP_KERNEL;
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
	if (ends(w, own) || breaks(w)) {
		__u32 initiator = own->state & FLOW_INITIATOR;
		end_half(&w->key, w->owner, initiator);
		end_half(&w->back, w->peer, !initiator);
		return DROP_NONE;
	}
	touch(w, own);
	__u32 state = own->state & (FLOW_INITIATOR | FLOW_REPLIED | FLOW_ESTABLISHED | FLOW_RESET);
	int echo = w->key.protocol == IPPROTO_ICMP || w->key.protocol == IPPROTO_ICMPV6;
	if (state == (FLOW_INITIATOR | FLOW_REPLIED) && !echo)
		settle(w, own);
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
