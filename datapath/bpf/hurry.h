/* SPDX-License-Identifier: Apache-2.0 */
/* Hurry: a packet of a TCP connection that stands, of which decide would say what its
 * flow says. Nearly all packets are like this, but for those that open a connection.
 * Everything else, and whatever looks odd, goes the whole way. */
#pragma once
#include "work.h"
#include "parse.h"
#include "flow.h"
#include "follow.h"

struct segment {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

/* plain_segment returns whether s is a plain segment that does not open a connection,
 * and sets what it says and how long its packet is, or one piece of it if the kernel
 * cuts it later. */
static __always_inline int plain_segment(const struct __sk_buff *skb, const struct segment *s, struct said *said, __u32 *length)
{
	__u32 total = bpf_ntohs(s->ip.tot_len), frame = skb->len - L3, headers = sizeof(s->ip) + (s->tcp.doff >> 4) * 4;

	if (s->eth.h_proto != bpf_htons(ETH_P_IP) || skb->vlan_present || s->ip.version_ihl != 0x45)
		return 0;
	if (s->ip.protocol != IPPROTO_TCP || s->ip.frag_off & bpf_htons(IP_MF | IP_OFFSET))
		return 0;
	if ((s->tcp.flags & (TH_SYN | TH_ACK)) == TH_SYN)
		return 0;
	if (!total && skb->gso_size)
		total = frame;
	*length = skb->gso_size ? headers + skb->gso_size : total;
	*said = (struct said){s->tcp.flags, s->tcp.seq, s->tcp.ack_seq, total - headers};
	return total <= frame && headers >= sizeof(s->ip) + sizeof(s->tcp) && total >= headers;
}

/* stands: nothing has changed since all that its flow says was found to hold, its
 * packets are not counted, and the segment is from whom and, 0 for this host, where the
 * connection is. */
static __always_inline int stands(const struct segment *s, const struct flow_key *k, const struct flow *f, __u32 host, __u64 now)
{
	__u32 zero = 0;
	__u64 *epoch = bpf_map_lookup_elem(&epochs, &zero);

	if (!epoch || f->epoch != *epoch || f->state & FLOW_LINK_LOCAL)
		return 0;
	if (f->kind == PORT_PROBE || f->source_tunnel != host)
		return 0;
	if (f->kind != PORT_DOOR && !same_mac(s->eth.h_source, f->source_mac))
		return 0;
	return !expired(k, f, now);
}

/* silent: in the middle of a connection, so that it says nothing about that. */
static __always_inline int silent(const struct said *s, const struct flow *f, __u64 now)
{
	const __u32 open = FLOW_REPLIED | FLOW_ESTABLISHED, ending = FLOW_RESET | FLOW_FIN_SENT | FLOW_FIN_RECEIVED;

	if ((s->flags & (TH_SYN | TH_FIN | TH_RST | TH_ACK)) != TH_ACK || (f->state & (open | ending)) != open)
		return 0;
	return now - f->seen < 1 * SECONDS; /* else it is to be seen */
}

/* hurry returns what becomes of the packet, or -1: it is to go the whole way. The
 * network and the host are those of its outer header, 0: it has none. */
static __always_inline int hurry(struct __sk_buff *skb, __u32 vni, __u32 host)
{
	const struct segment *s = (void *)(long)skb->data;
	struct flow_key k = {.family = FAMILY_IPV4, .protocol = IPPROTO_TCP, .ifindex = skb->ifindex, .vni = vni};
	struct said said;
	__u32 length;

	if ((void *)(s + 1) > (void *)(long)skb->data_end || !plain_segment(skb, s, &said, &length))
		return -1;
	__builtin_memcpy(k.src, s->ip.saddr, 4);
	__builtin_memcpy(k.dst, s->ip.daddr, 4);
	k.sport = s->tcp.source;
	k.dport = s->tcp.dest;
	struct flow *f = find_half(&k);
	__u64 now = bpf_ktime_get_coarse_ns();
	if (!f || !stands(s, &k, f, host, now) || length > limit(f->to, f->kind, f->tunnel))
		return -1;

	/* f may be gone once the last packet is followed. */
	__u32 kind = f->kind, ifindex = f->ifindex, tunnel = f->tunnel, network = f->vni;
	__u64 owner = f->owner;
	__u8 mac[6];
	__builtin_memcpy(mac, f->mac, 6);
	if (!silent(&said, f, now)) {
		struct flow_key back;
		turn_round(&k, ifindex, tunnel ? network : 0, &back);
		follow(&k, &back, f, &said, now);
	}
	if (tunnel) {
		struct bpf_tunnel_key t;
		return send_far(skb, &t, owner, network, tunnel, mac, ifindex);
	}
	return hand_over(skb, &s->eth, kind, mac, ifindex);
}
