/* SPDX-License-Identifier: Apache-2.0 */
/* Follow: what a packet says about the connection that it belongs to. It is written to
 * both halves: the one that is used keeps the other alive. */
#pragma once
#include "flow.h"
#include "part.h"

/* The initiator goes on after an answer: the connection stands. */
static __always_inline void settle(struct flow *own, const struct flow_key *back)
{
	struct flow *peer = find_half(back);

	__sync_fetch_and_or(&own->state, FLOW_ESTABLISHED);
	if (peer)
		__sync_fetch_and_or(&peer->state, FLOW_ESTABLISHED);
}

/* The last acknowledgement of a connection: each side has closed and has what the
 * other sent. Nothing of it is kept, so that many short ones fill no table. */
static __always_inline int ends(const struct flow *own, const struct said *s)
{
	__u32 closed = FLOW_FIN_SENT | FLOW_FIN_RECEIVED | FLOW_FIN_ACKED;

	return (own->state & closed) == closed && s->flags & TH_ACK && s->ack == own->fin;
}

/* breaks: a reset from one instance to another. A service may still be sending then,
 * and nobody should have to wonder about drops of that. */
static __always_inline int breaks(const struct flow *own, const struct said *s)
{
	return s->flags & TH_RST && own->to == TO_INTERFACE && (own->kind == PORT_INTERFACE || own->kind == PORT_TUNNEL);
}

static __always_inline void touch(struct flow *own, const struct flow_key *back, const struct said *s, __u64 now)
{
	__u32 mine = 0, theirs = 0;

	if (!(own->state & FLOW_INITIATOR))
		mine = theirs = FLOW_REPLIED;
	if (s->flags & TH_FIN) {
		mine |= FLOW_FIN_SENT;
		theirs |= FLOW_FIN_RECEIVED;
	}
	if (s->flags & TH_RST) {
		mine |= FLOW_RESET;
		theirs |= FLOW_RESET;
	}
	int acked = own->state & FLOW_FIN_RECEIVED && s->flags & TH_ACK && s->ack == own->fin;
	if (!acked && (own->state & mine) == mine && now - own->seen < 1 * SECONDS)
		return;
	if (acked)
		theirs |= FLOW_FIN_ACKED;
	own->seen = now;
	__sync_fetch_and_or(&own->state, mine);
	struct flow *peer = find_half(back);
	if (!peer)
		return;
	peer->seen = now;
	if (s->flags & TH_FIN)
		peer->fin = bpf_htonl(bpf_ntohl(s->seq) + s->payload + 1);
	__sync_fetch_and_or(&peer->state, theirs);
}

/* end_both ends the connection of the half own. The other half is left if it is of
 * another one: of whoever has the address and the port by now. */
static __always_inline void end_both(const struct flow_key *key, const struct flow_key *back, const struct flow *own)
{
	__u32 initiator = own->state & FLOW_INITIATOR; /* own may be gone when its half has ended */
	__u64 owner = own->owner, peer = own->peer;
	struct flow *theirs = find_half(back);
	int both = theirs && theirs->owner == peer && theirs->peer == owner && !(theirs->state & FLOW_INITIATOR) == !!initiator;

	end_half(key, owner, initiator);
	if (both)
		end_half(back, peer, !initiator);
}

/* follow takes in what the packet says. own is its sender's half, of key, and may be
 * gone afterwards; back is the key of the other. */
STEP int follow(const struct flow_key *key, const struct flow_key *back, struct flow *own, const struct said *s, __u64 now)
{
	if (!key || !back || !own || !s)
		return 0;
	if (ends(own, s) || breaks(own, s)) {
		if (own->tunnel)
			part(key, own->owner, own->peer, now);
		end_both(key, back, own);
		return 0;
	}
	touch(own, back, s, now);
	__u32 state = own->state & (FLOW_INITIATOR | FLOW_REPLIED | FLOW_ESTABLISHED | FLOW_RESET);
	int echo = key->protocol == IPPROTO_ICMP || key->protocol == IPPROTO_ICMPV6;
	if (state == (FLOW_INITIATOR | FLOW_REPLIED) && !echo)
		settle(own, back);
	return 0;
}
