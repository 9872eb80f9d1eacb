/* SPDX-License-Identifier: Apache-2.0 */
/* Hurry: a packet in the middle of a TCP connection that stands, of which decide
 * would say what its flow says, and which commit would write nothing about. Most
 * packets are like this. Everything else, and whatever looks odd, goes the whole way. */
#pragma once
#include "work.h"
#include "parse.h"
#include "flow.h"

struct segment {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

/* plain_segment returns whether s is a plain segment that opens and ends nothing, and
 * sets how long its packet is, or one piece of it if the kernel cuts it later. */
static __always_inline int plain_segment(const struct __sk_buff *skb, const struct segment *s, __u32 *length)
{
	__u32 total = bpf_ntohs(s->ip.tot_len), frame = skb->len - L3, header = (s->tcp.doff >> 4) * 4;

	if (s->eth.h_proto != bpf_htons(ETH_P_IP) || skb->vlan_present || s->ip.version_ihl != 0x45)
		return 0;
	if (s->ip.protocol != IPPROTO_TCP || s->ip.frag_off & bpf_htons(IP_MF | IP_OFFSET))
		return 0;
	if ((s->tcp.flags & (TH_SYN | TH_FIN | TH_RST | TH_ACK)) != TH_ACK)
		return 0;
	if (!total && skb->gso_size)
		total = frame;
	*length = skb->gso_size ? sizeof(s->ip) + header + skb->gso_size : total;
	return total <= frame && header >= sizeof(s->tcp) && total >= sizeof(s->ip) + header;
}

/* stands: it was answered, goes on, and nobody has begun to end it, nor are its
 * packets counted; nothing has changed since all that its flow says was found to hold;
 * and the segment comes from the sender's host, 0: this one. */
static __always_inline int stands(const struct segment *s, const struct flow *f, __u32 host)
{
	const __u32 open = FLOW_REPLIED | FLOW_ESTABLISHED;
	const __u32 not = FLOW_RESET | FLOW_FIN_SENT | FLOW_FIN_RECEIVED | FLOW_LINK_LOCAL;
	__u32 zero = 0;
	__u64 *epoch = bpf_map_lookup_elem(&epochs, &zero);

	if (!epoch || f->epoch != *epoch || (f->state & (open | not)) != open)
		return 0;
	if (f->kind == PORT_PROBE || f->source_tunnel != host)
		return 0;
	if (f->kind != PORT_DOOR && !same_mac(s->eth.h_source, f->source_mac))
		return 0;
	return bpf_ktime_get_coarse_ns() - f->seen < 1 * SECONDS; /* else it is to be seen */
}

/* hurry returns what becomes of the packet, or -1: it is to go the whole way. The
 * network and the host are those of its outer header, 0: it has none. */
static __always_inline int hurry(struct __sk_buff *skb, __u32 vni, __u32 host)
{
	const struct segment *s = (void *)(long)skb->data;
	struct flow_key k = {.family = FAMILY_IPV4, .protocol = IPPROTO_TCP, .ifindex = skb->ifindex, .vni = vni};
	__u32 length;

	if ((void *)(s + 1) > (void *)(long)skb->data_end || !plain_segment(skb, s, &length))
		return -1;
	__builtin_memcpy(k.src, s->ip.saddr, 4);
	__builtin_memcpy(k.dst, s->ip.daddr, 4);
	k.sport = s->tcp.source;
	k.dport = s->tcp.dest;
	struct flow *f = find_half(&k);
	if (!f || !stands(s, f, host))
		return -1;
	if (length > limit(f->to, f->kind, f->tunnel))
		return -1;
	if (f->tunnel) {
		struct bpf_tunnel_key t;
		return send_far(skb, &t, f->owner, f->vni, f->tunnel, f->mac, f->ifindex);
	}
	return hand_over(skb, &s->eth, f->kind, f->mac, f->ifindex);
}
