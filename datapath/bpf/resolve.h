/* SPDX-License-Identifier: Apache-2.0 */
/* Resolve: questions for hardware addresses (ARP, neighbour discovery) end here;
 * the answer is the interface that has the IP address, as AWS gives it, or else the
 * gateway. Who believes an old answer errs in nothing: where a packet goes, its IP
 * address says. There are no broadcasts in a network. */
#pragma once
#include "work.h"
#include "parse.h"

enum { ARP_REQUEST = 1, ARP_REPLY = 2, ND_SOLICIT = 135, ND_ADVERT = 136 };
enum { OPTION_TARGET_MAC = 2 };

static __always_inline int unspecified(const __u8 *ip)
{
	const __u32 *w = (const void *)ip;
	return !(w[0] | w[1] | w[2] | w[3]);
}

/* answers says whether the network answers for ip, and sets w->to_mac to its answer:
 * never for the asker's own address, and when somebody without an address asks (is
 * this one taken?) only for one that another holds. */
static __always_inline int answers(struct work *w, const __u8 *ip, int probing)
{
	const __u8 gateway[6] = GATEWAY_MAC;
	struct address *a = find_address(w, ip);
	struct interface *i = a ? find_interface(a->interface) : NULL;

	__builtin_memcpy(w->to_mac, i ? i->mac : gateway, 6);
	if (a && a->interface == w->owner)
		return 0;
	if (probing)
		return a && a->kind != ADDRESS_NOTHING;
	return 1;
}

static __always_inline int resolve_arp(struct __sk_buff *skb, struct work *w)
{
	struct arp *a = &w->headers.arp;

	if (bpf_skb_load_bytes(skb, L3, a, sizeof(*a)))
		return refuse(w, DROP_MALFORMED);
	if (a->hardware != bpf_htons(1) || a->protocol != bpf_htons(ETH_P_IP) || a->hardware_len != 6 || a->protocol_len != 4)
		return refuse(w, DROP_MALFORMED);
	if (a->op != bpf_htons(ARP_REQUEST))
		return refuse(w, DROP_RESOLUTION);
	w->key.family = FAMILY_IPV4;
	__builtin_memcpy(w->key.src, a->sender_ip, 4);
	__builtin_memcpy(w->key.dst, a->target_ip, 4);
	int probing = unspecified(w->key.src);
	if (!same_mac(a->sender_mac, w->packet.source_mac))
		return refuse(w, DROP_SPOOFED);
	if (!probing && !(w->flags & INTERFACE_ANY_SOURCE)) {
		struct address *own = find_address(w, w->key.src);
		if (!own || own->interface != w->owner)
			return refuse(w, DROP_SPOOFED);
	}
	return answers(w, w->key.dst, probing) ? VERDICT_RESOLVE : refuse(w, DROP_RESOLUTION);
}

static __always_inline int resolve_neighbour(struct __sk_buff *skb, struct work *w)
{
	struct neighbour *n = &w->headers.neighbour;
	__u8 hops;

	if (w->packet.type != ND_SOLICIT)
		return refuse(w, DROP_RESOLUTION);
	if (bpf_skb_load_bytes(skb, L3 + __builtin_offsetof(struct ipv6hdr, hop_limit), &hops, 1) || hops != 255)
		return refuse(w, DROP_MALFORMED);
	if (w->packet.l4_len < 24 || bpf_skb_load_bytes(skb, w->packet.l4, n, 24))
		return refuse(w, DROP_MALFORMED);
	__builtin_memcpy(w->key.dst, n->target, 16); /* the question's own destination is a group */
	return answers(w, w->key.dst, unspecified(w->key.src)) ? VERDICT_RESOLVE : refuse(w, DROP_RESOLUTION);
}

STEP int resolve(struct __sk_buff *skb, struct work *w)
{
	if (!w)
		return VERDICT_DROP;
	if (w->kind != PORT_INTERFACE)
		return refuse(w, DROP_RESOLUTION); /* ours: they have permanent neighbours */
	if (w->packet.resolution == ETH_P_ARP)
		return resolve_arp(skb, w);
	return resolve_neighbour(skb, w);
}
