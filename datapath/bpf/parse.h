/* SPDX-License-Identifier: Apache-2.0 */
/* Parse: a frame becomes a flow key and a packet, or is refused. Lengths are
 * believed only as far as the frame goes. */
#pragma once
#include "work.h"

#define L3 sizeof(struct ethhdr)

static __always_inline int parse_transport(struct __sk_buff *skb, struct work *w)
{
	struct packet *p = &w->packet;
	const union transport *h = &w->headers.in.after4;
	__u8 protocol = w->key.protocol;
	int tcp = protocol == IPPROTO_TCP, udp = protocol == IPPROTO_UDP;
	int icmp = protocol == (w->key.family == FAMILY_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	__u32 size = tcp ? sizeof(h->tcp) : udp ? sizeof(h->udp) : icmp ? sizeof(h->icmp) : 0;

	if (!size)
		return DROP_NONE;
	if (p->l4_len < size)
		return DROP_MALFORMED;
	if (w->key.family != FAMILY_IPV4 || !p->plain || p->l4 + size > p->read) {
		h = &w->transport;
		if (bpf_skb_load_bytes(skb, p->l4, &w->transport, size))
			return DROP_MALFORMED;
	}
	if (icmp) {
		p->type = h->icmp.type;
		p->code = h->icmp.code;
		w->key.sport = w->key.dport = h->icmp.id;
		return DROP_NONE;
	}
	w->key.sport = h->tcp.source; /* UDP's ports are in the same place */
	w->key.dport = h->tcp.dest;
	if (udp) {
		__u32 len = bpf_ntohs(h->udp.len);
		if (len < size || len > p->l4_len)
			return DROP_MALFORMED;
	} else {
		size = (h->tcp.doff >> 4) * 4;
		if (size < sizeof(h->tcp) || size > p->l4_len)
			return DROP_MALFORMED;
		p->said.flags = h->tcp.flags;
		p->said.seq = h->tcp.seq;
		p->said.ack = h->tcp.ack_seq;
		p->said.payload = p->l4_len - size;
	}
	if (skb->gso_size)
		p->length = p->l4 - L3 + size + skb->gso_size;
	return DROP_NONE;
}

static __always_inline int parse_ipv4(struct __sk_buff *skb, struct work *w)
{
	struct packet *p = &w->packet;
	struct iphdr *ip = &w->headers.in.ip4;

	if (p->read < L3 + sizeof(*ip))
		return DROP_MALFORMED;
	__u32 header = (ip->version_ihl & 15) * 4, total = bpf_ntohs(ip->tot_len), frame = skb->len - L3;
	if (!total && skb->gso_size)
		total = frame; /* more than 64 KiB before it is cut */
	if (ip->version_ihl >> 4 != 4 || header < sizeof(*ip) || total < header || total > frame)
		return DROP_MALFORMED;
	w->key.family = FAMILY_IPV4;
	w->key.protocol = ip->protocol;
	__builtin_memcpy(w->key.src, ip->saddr, 4);
	__builtin_memcpy(w->key.dst, ip->daddr, 4);
	__u8 first = ip->daddr[0];
	if (first == 0 || first == 127 || first >= 224)
		return DROP_NOT_UNICAST;
	if (ip->frag_off & bpf_htons(IP_MF | IP_OFFSET))
		return DROP_FRAGMENT;
	p->whole = !!(ip->frag_off & bpf_htons(IP_DF));
	p->plain = header == sizeof(*ip);
	p->length = total;
	p->l4 = L3 + header;
	p->l4_len = total - header;
	return DROP_NONE;
}

static __always_inline int ipv6_mapped(const __u8 *ip)
{
	const __u32 *w = (const void *)ip;
	return !w[0] && !w[1] && w[2] == bpf_htonl(0xffff);
}

static __always_inline int ipv6_unicast(const __u8 *ip)
{
	const __u32 *w = (const void *)ip;
	return ip[0] != 0xff && (w[0] | w[1] | w[2] || w[3] & ~bpf_htonl(1)); /* nor ::, nor ::1 */
}

static __always_inline int parse_ipv6(struct __sk_buff *skb, struct work *w)
{
	struct packet *p = &w->packet;
	struct ipv6hdr *ip = &w->headers.in.ip6;

	if (p->read < L3 + sizeof(*ip))
		return DROP_MALFORMED;
	__u32 total = sizeof(*ip) + bpf_ntohs(ip->payload_len), frame = skb->len - L3;
	if (ip->version_class >> 4 != 6 || total > frame)
		return DROP_MALFORMED;
	w->key.family = FAMILY_IPV6;
	w->key.protocol = ip->nexthdr;
	__builtin_memcpy(w->key.src, ip->saddr, 16);
	__builtin_memcpy(w->key.dst, ip->daddr, 16);
	if (ipv6_mapped(ip->saddr) || ipv6_mapped(ip->daddr))
		return DROP_MAPPED_ADDRESS;
	if (!ipv6_unicast(ip->daddr) && ip->nexthdr != IPPROTO_ICMPV6)
		return DROP_NOT_UNICAST; /* also reports of multicast listeners, which carry an option */
	switch (ip->nexthdr) {
	case NEXTHDR_FRAGMENT:
		return DROP_FRAGMENT;
	case NEXTHDR_HOP:
	case NEXTHDR_ROUTING:
	case NEXTHDR_AUTH:
	case NEXTHDR_DEST:
	case NEXTHDR_NONE:
		return DROP_EXTENSION_HEADER;
	}
	p->whole = p->plain = 1;
	p->length = total;
	p->l4 = L3 + sizeof(*ip);
	p->l4_len = total - sizeof(*ip);
	return DROP_NONE;
}

/* What may be done with ICMP: errors and oddities are refused, questions for
 * hardware addresses answered, echoes carried. */
static __always_inline int sort_icmp(struct work *w)
{
	struct packet *p = &w->packet;

	if (w->key.family == FAMILY_IPV4) {
		if (w->key.protocol != IPPROTO_ICMP || p->type == 8 || p->type == 0)
			return DROP_NONE;
		return p->type == 3 || p->type == 4 || p->type == 5 || p->type == 11 || p->type == 12 ? DROP_ICMP_ERROR : DROP_ICMP_TYPE;
	}
	if (w->key.protocol != IPPROTO_ICMPV6)
		return DROP_NONE;
	if (p->type >= 133 && p->type <= 137) {
		p->resolution = ETH_P_IPV6;
		return DROP_NONE;
	}
	if (!ipv6_unicast(w->key.dst))
		return DROP_NOT_UNICAST;
	if (p->type == 128 || p->type == 129)
		return DROP_NONE;
	return p->type < 128 ? DROP_ICMP_ERROR : DROP_ICMP_TYPE;
}

STEP int parse(struct __sk_buff *skb, struct work *w)
{
	int why;

	if (!w)
		return DROP_KERNEL;
	struct ethhdr *eth = &w->headers.in.eth;
	__u32 read = skb->len < HEADERS ? skb->len : HEADERS;
	if (read < sizeof(*eth) || bpf_skb_load_bytes(skb, 0, w->headers.bytes + 2, read))
		return DROP_MALFORMED;
	w->packet.read = read;
	__builtin_memcpy(w->packet.source_mac, eth->h_source, 6);
	if (skb->vlan_present)
		return DROP_NOT_IP;
	switch (eth->h_proto) {
	case bpf_htons(ETH_P_ARP):
		w->packet.resolution = ETH_P_ARP;
		return DROP_NONE;
	case bpf_htons(ETH_P_IP):
		why = parse_ipv4(skb, w);
		break;
	case bpf_htons(ETH_P_IPV6):
		why = parse_ipv6(skb, w);
		break;
	default:
		return DROP_NOT_IP;
	}
	if (why)
		return why;
	why = parse_transport(skb, w);
	if (why)
		return why;
	return sort_icmp(w);
}
