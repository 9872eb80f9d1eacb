/* SPDX-License-Identifier: Apache-2.0 */
/* Answer: packets that go back where they came from: hardware addresses, resets,
 * and the MTU. The packet that asked is made into its answer. */
#pragma once
#include "work.h"
#include "parse.h"
#include "resolve.h"

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline void answer_eth(struct work *w, const __u8 *from, __be16 protocol)
{
	struct ethhdr *e = &w->headers.eth;

	__builtin_memcpy(e->h_dest, w->packet.source_mac, 6);
	__builtin_memcpy(e->h_source, from, 6);
	e->h_proto = bpf_htons(protocol);
}

/* IP headers from the packet's destination to its source. */
static __always_inline void answer_ipv4(struct work *w, __u32 len, __u8 protocol)
{
	struct iphdr *ip = (void *)(w->headers.bytes + L3);

	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version_ihl = 0x45;
	ip->tot_len = bpf_htons(sizeof(*ip) + len);
	ip->frag_off = bpf_htons(IP_DF);
	ip->ttl = 64;
	ip->protocol = protocol;
	__builtin_memcpy(ip->saddr, w->key.dst, 4);
	__builtin_memcpy(ip->daddr, w->key.src, 4);
	__u32 words[5];
	__builtin_memcpy(words, ip, sizeof(words));
	ip->check = fold(bpf_csum_diff(NULL, 0, words, sizeof(words), 0));
}

static __always_inline void answer_ipv6(struct work *w, __u32 len, __u8 protocol)
{
	struct ipv6hdr *ip = (void *)(w->headers.bytes + L3);

	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version_class = 0x60;
	ip->payload_len = bpf_htons(len);
	ip->nexthdr = protocol;
	ip->hop_limit = 255;
	__builtin_memcpy(ip->saddr, w->key.dst, 16);
	__builtin_memcpy(ip->daddr, w->key.src, 16);
}

/* pseudo_sum is of the pseudo header of the answer; both addresses in any order. */
static __always_inline __u32 pseudo_sum(struct work *w, __u32 len, __u8 protocol)
{
	struct {
		__u8 a[16], b[16];
		__be32 len, protocol;
	} h = {.len = bpf_htonl(len), .protocol = bpf_htonl(protocol)};

	__builtin_memcpy(h.a, w->key.src, 16);
	__builtin_memcpy(h.b, w->key.dst, 16);
	return bpf_csum_diff(NULL, 0, (void *)&h, sizeof(h), 0);
}

/* send puts the first n bytes of w->headers into the frame and turns it round. */
#define send(skb, w, n) (bpf_skb_store_bytes(skb, 0, (w)->headers.bytes, n, 0) ? -1 : (int)bpf_redirect((w)->ifindex, 0))

STEP int answer_arp(struct __sk_buff *skb, struct work *w)
{
	if (!w)
		return -1;
	struct arp *a = (void *)(w->headers.bytes + L3);

	answer_eth(w, w->to_mac, ETH_P_ARP);
	a->hardware = bpf_htons(1);
	a->protocol = bpf_htons(ETH_P_IP);
	a->hardware_len = 6;
	a->protocol_len = 4;
	a->op = bpf_htons(ARP_REPLY);
	__builtin_memcpy(a->sender_mac, w->to_mac, 6);
	__builtin_memcpy(a->sender_ip, w->key.dst, 4);
	__builtin_memcpy(a->target_mac, w->packet.source_mac, 6);
	__builtin_memcpy(a->target_ip, w->key.src, 4);
	return send(skb, w, L3 + sizeof(*a));
}

STEP int answer_neighbour(struct __sk_buff *skb, struct work *w)
{
	if (!w)
		return -1;
	const __u8 gateway[6] = GATEWAY_MAC, everybody[16] = {0xff, 0x02, [15] = 1};
	struct neighbour *n = (void *)(w->headers.bytes + L3 + sizeof(struct ipv6hdr));
	__u32 len = w->packet.l4_len < sizeof(*n) ? 24 : 32; /* room for the option? */
	int probing = unspecified(w->key.src);

	if (probing)
		__builtin_memcpy(w->key.src, everybody, 16);
	answer_eth(w, w->to_mac, ETH_P_IPV6);
	answer_ipv6(w, len, IPPROTO_ICMPV6);
	__builtin_memset(n, 0, sizeof(*n));
	n->type = ND_ADVERT;
	n->flags = 0x20 | (probing ? 0 : 0x40) | (same_mac(w->to_mac, gateway) ? 0x80 : 0); /* override, solicited, router */
	__builtin_memcpy(n->target, w->key.dst, 16);
	if (len == 32) {
		n->option = OPTION_TARGET_MAC;
		n->option_len = 1;
		__builtin_memcpy(n->mac, w->to_mac, 6);
	}
	__u32 words[8];
	__builtin_memcpy(words, n, sizeof(words));
	n->check = fold(bpf_csum_diff(NULL, 0, words, sizeof(words), pseudo_sum(w, len, IPPROTO_ICMPV6)));
	if (bpf_skb_change_tail(skb, L3 + sizeof(struct ipv6hdr) + len, 0))
		return -1;
	if (len == 24)
		return send(skb, w, L3 + sizeof(struct ipv6hdr) + 24);
	return send(skb, w, L3 + sizeof(struct ipv6hdr) + 32);
}

/* The sum is mended in two steps, so that it is right whether the frame carries a
 * whole one or leaves that to the device: the pseudo header always counts, the
 * rest only if it is whole. */
STEP int answer_reset(struct __sk_buff *skb, struct work *w)
{
	if (!w)
		return -1;
	const __u8 gateway[6] = GATEWAY_MAC;
	int v4 = w->key.family == FAMILY_IPV4;
	__u32 l4 = L3 + (v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)), check = l4 + __builtin_offsetof(struct tcphdr, check);
	struct tcphdr t = {.source = w->key.dport, .dest = w->key.sport, .doff = 5 << 4};
	__u32 flags = w->packet.said.flags;

	if (flags & TH_ACK) {
		t.seq = w->packet.said.ack;
		t.flags = TH_RST;
	} else {
		t.ack_seq = bpf_htonl(bpf_ntohl(w->packet.said.seq) + w->packet.said.payload + !!(flags & TH_SYN) + !!(flags & TH_FIN));
		t.flags = TH_RST | TH_ACK;
	}
	if (bpf_skb_change_tail(skb, l4 + sizeof(t), 0))
		return -1;
	answer_eth(w, gateway, v4 ? ETH_P_IP : ETH_P_IPV6);
	if (v4) {
		answer_ipv4(w, sizeof(t), IPPROTO_TCP);
		__builtin_memcpy(w->headers.bytes + L3 + sizeof(struct iphdr), &t, sizeof(t));
		if (bpf_skb_store_bytes(skb, 0, w->headers.bytes, L3 + sizeof(struct iphdr) + sizeof(t), 0))
			return -1;
	} else {
		answer_ipv6(w, sizeof(t), IPPROTO_TCP);
		__builtin_memcpy(w->headers.bytes + L3 + sizeof(struct ipv6hdr), &t, sizeof(t));
		if (bpf_skb_store_bytes(skb, 0, w->headers.bytes, L3 + sizeof(struct ipv6hdr) + sizeof(t), 0))
			return -1;
	}
	if (bpf_l4_csum_replace(skb, check, 0, pseudo_sum(w, sizeof(t), IPPROTO_TCP), BPF_F_PSEUDO_HDR))
		return -1;
	if (bpf_l4_csum_replace(skb, check, 0, (__u32)bpf_csum_diff(NULL, 0, (void *)&t, sizeof(t), 0), 0))
		return -1;
	return bpf_redirect(w->ifindex, 0);
}

/* Bytes of the transport header that an ICMP error repeats: all of TCP's, since the
 * kernel cuts no frame before a checksum that it leaves to the device. */
#define QUOTED 20

/* The packet moves behind a new IP and ICMP header, cut to what an error repeats. */
STEP int answer_too_big(struct __sk_buff *skb, struct work *w)
{
	if (!w)
		return -1;
	const __u8 gateway[6] = GATEWAY_MAC;
	__u8 *b = w->headers.bytes;
	__u32 fits = limit(w->trail.to, w->kind, w->trail.tunnel);

	if (w->key.family == FAMILY_IPV4) {
		const __u32 ip = sizeof(struct iphdr), quote = ip + QUOTED;
		if (bpf_skb_change_tail(skb, L3 + quote, 0) || bpf_skb_adjust_room(skb, ip + 8, BPF_ADJ_ROOM_MAC, 0))
			return -1;
		__u32 m[2 + 10] = {3 | 4 << 8, bpf_htonl(fits)}; /* fragmentation needed */
		if (bpf_skb_load_bytes(skb, L3 + ip + 8, m + 2, quote))
			return -1;
		m[0] |= (__u32)fold(bpf_csum_diff(NULL, 0, m, sizeof(m), 0)) << 16;
		answer_eth(w, gateway, ETH_P_IP);
		answer_ipv4(w, sizeof(m), IPPROTO_ICMP);
		__builtin_memcpy(b + L3 + ip, m, 8);
		return send(skb, w, L3 + ip + 8);
	}
	const __u32 ip = sizeof(struct ipv6hdr), quote = ip + QUOTED;
	if (bpf_skb_change_tail(skb, L3 + quote, 0) || bpf_skb_adjust_room(skb, ip + 8, BPF_ADJ_ROOM_MAC, 0))
		return -1;
	__u32 m[2 + 15] = {2, bpf_htonl(fits)}; /* packet too big */
	if (bpf_skb_load_bytes(skb, L3 + ip + 8, m + 2, quote))
		return -1;
	m[0] |= (__u32)fold(bpf_csum_diff(NULL, 0, m, sizeof(m), pseudo_sum(w, sizeof(m), IPPROTO_ICMPV6))) << 16;
	answer_eth(w, gateway, ETH_P_IPV6);
	answer_ipv6(w, sizeof(m), IPPROTO_ICMPV6);
	__builtin_memcpy(b + L3 + ip, m, 8);
	return send(skb, w, L3 + ip + 8);
}
