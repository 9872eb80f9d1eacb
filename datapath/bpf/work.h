/* SPDX-License-Identifier: Apache-2.0 */
/* What one packet's steps hand to the next. It is per processor instead of on the
 * stack, which is too small. Live and dry runs have one each: a packet may come in
 * while an explanation is worked out. */
#pragma once
#include "maps.h"

struct arp {
	__be16 hardware, protocol;
	__u8 hardware_len, protocol_len;
	__be16 op;
	__u8 sender_mac[6], sender_ip[4], target_mac[6], target_ip[4];
};

struct neighbour {
	__u8 type, code;
	__u16 check;
	__u8 flags, reserved[3];
	__u8 target[16];
	__u8 option, option_len, mac[6];
};

#define HEADERS 54 /* read at once: Ethernet, IPv4 and TCP, or Ethernet and IPv6 */

/* What a packet says about its connection; of TCP only. */
struct said {
	__u32 flags;
	__be32 seq, ack;
	__u32 payload;
};

struct packet {
	__u32 read; /* bytes of the frame that are in headers.in */
	__u32 length; /* of the IP packet; of one piece of it if the kernel cuts it later */
	__u32 l4; /* offset of the transport header in the frame */
	__u32 l4_len;
	struct said said;
	__s32 type, code; /* of ICMP */
	__u32 whole; /* must not be cut: IPv6, or IPv4 with DF */
	__u32 plain; /* its IP header has no options */
	__u32 resolution; /* ETH_P_ARP or ETH_P_IPV6: a question for a hardware address */
	__u8 source_mac[6];
};

union transport {
	struct tcphdr tcp;
	struct udphdr udp;
	struct icmphdr icmp;
};

union headers {
	struct {
		__u8 pad[2]; /* aligns what follows Ethernet */
		struct ethhdr eth;
		union {
			struct {
				struct iphdr ip4;
				union transport after4;
			};
			struct ipv6hdr ip6;
		};
	} in;
	struct ethhdr eth;
	struct arp arp;
	struct neighbour neighbour;
	__u8 bytes[128]; /* answers are put together here */
};
_Static_assert(__builtin_offsetof(union headers, in.after4) == 36, "as it is in the frame");

/* What is decided about a packet that opens a connection. */
struct judged {
	__u64 owner; /* who sends it */
	__u64 peer; /* who gets it */
	__u64 generation; /* of the network */
	struct trail trail;
	__u32 to_ifindex;
	__u32 kind, vni; /* of the port */
	__u8 exact; /* the source is the sender's own address */
	__u8 own_untracked, peer_untracked;
	__u8 to_link_local; /* the resolver or metadata */
	__u8 to_mac[6];
};

struct work {
	struct flow_key key; /* the packet as its owner sends it */
	__u32 pad;
	union {
		struct judged;
		struct judged judged;
	};
	struct packet packet;
	/* the target */
	__u64 to_groupset, to_endpoint;
	__u8 exempt; /* groups are not asked */
	__u8 fresh; /* opens a connection, or would */
	__u8 late; /* belongs to none and may not open one */
	__u8 parted; /* late, but of one that has ended just now */
	__u8 holds; /* its flow was looked at in this epoch */
	__u8 recalled; /* one like it was judged in this epoch */
	__u8 to_metadata;
	__u8 has_public; /* a public address stands for the source */
	__u8 foretell; /* ask also the groups that another host asks */
	__u8 suppose; /* the flows are those of supposed */
	/* The above begins as zero, the rest is written before it is read. */
	__u32 ifindex, flags, door; /* of the port */
	__u32 tunnel; /* the link to other hosts */
	__u64 now;
	__u64 epoch;
	struct bpf_tunnel_key outer; /* whose remote end sent it; zero of what comes from this host */
	struct flow_key back; /* its answers as the other side's owner sends them */
	struct address_key address;
	struct route_key route;
	struct flow flow;
	union transport transport;
	union headers headers;
};

enum { WORK_LIVE, WORK_DRY, WORKS };
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(key_size, sizeof(__u32)); /* by size, so that Go gets no type of it */
	__uint(value_size, sizeof(struct work));
	__uint(max_entries, WORKS);
} works SEC(".maps");

const volatile __u32 mtu = 9001;
const volatile __u32 endpoint_mtu = 8500;
const volatile __u32 tunnel_mtu = 8951;
const volatile __u32 flow_quota = 1 << 16; /* connections that one interface opened */
const volatile __u32 link_local_rate = 1024; /* packets a second of one interface to the resolver and to metadata */

/* The next hop to all but neighbours: no interface has this address. */
#define GATEWAY_MAC {0x02, 0, 0, 0, 0, 0x01}

/* The source of a frame between hosts says which interface sent it: this and its number. */
#define TUNNEL_MAC_0 0x02
#define TUNNEL_MAC_1 0x02

/* limit is the largest packet that may go there, from a port of the kind. */
static __always_inline __u32 limit(enum destination to, __u32 kind, __u32 tunnel)
{
	if (to != TO_INTERFACE || kind == PORT_DOOR)
		return endpoint_mtu;
	return tunnel ? tunnel_mtu : mtu;
}

static __always_inline int refuse(struct work *w, __u32 reason)
{
	w->trail.reason = reason;
	return VERDICT_DROP;
}


static __always_inline int same_ip(const __u8 *a, const __u8 *b)
{
	const __u32 *x = (const void *)a, *y = (const void *)b;
	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3];
}

static __always_inline int same_mac(const __u8 *a, const __u8 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] && a[4] == b[4] && a[5] == b[5];
}

/* hand_over gives the frame straight to the other namespace: as if it had come in
 * by the link there. What an interface has sent to its neighbour stays as it is. */
static __always_inline int hand_over(struct __sk_buff *skb, const struct ethhdr *eth, __u32 kind, const __u8 *mac, __u32 ifindex)
{
	__u8 macs[12] = {[6] = 0x02, 0, 0, 0, 0, 0x01};

	if (kind != PORT_INTERFACE || !same_mac(eth->h_dest, mac)) {
		__builtin_memcpy(macs, mac, 6);
		if (bpf_skb_store_bytes(skb, 0, macs, sizeof(macs), 0))
			return -1;
	}
	if (bpf_skb_change_type(skb, PACKET_HOST))
		return -1;
	return bpf_redirect_peer(ifindex, 0);
}

static __always_inline struct address *find_address(struct work *w, const __u8 *ip)
{
	w->address.vni = w->vni;
	w->address.family = w->key.family;
	__builtin_memcpy(w->address.ip, ip, 16);
	return bpf_map_lookup_elem(&addresses, &w->address);
}

/* find_public finds a public service: they are at the same addresses for all networks. */
static __always_inline struct address *find_public(struct work *w, const __u8 *ip)
{
	w->address.vni = 0;
	w->address.family = w->key.family;
	__builtin_memcpy(w->address.ip, ip, 16);
	struct address *a = bpf_map_lookup_elem(&addresses, &w->address);
	return a && a->kind == ADDRESS_PUBLIC ? a : NULL;
}

static __always_inline struct interface *find_interface(__u64 id)
{
	struct interface_key k = {id};
	return bpf_map_lookup_elem(&interfaces, &k);
}

/* send_far gives the frame to the host that has the target. Its source tells that
 * host who sends. */
static __always_inline int send_far(struct __sk_buff *skb, struct bpf_tunnel_key *t, __u64 owner, __u32 vni, __u32 host, const __u8 *mac, __u32 ifindex)
{
	struct interface *from = find_interface(owner);

	if (!from)
		return -1;
	__u32 n = from->number;
	__u8 macs[12] = {[6] = TUNNEL_MAC_0, TUNNEL_MAC_1, n >> 24, n >> 16, n >> 8, n};

	__builtin_memcpy(macs, mac, 6);
	__builtin_memset(t, 0, sizeof(*t));
	t->tunnel_id = vni;
	t->remote_ipv4 = host;
	t->tunnel_ttl = 64;
	if (bpf_skb_store_bytes(skb, 0, macs, sizeof(macs), 0) || bpf_skb_set_tunnel_key(skb, t, sizeof(*t), BPF_F_ZERO_CSUM_TX))
		return -1;
	return bpf_redirect(ifindex, 0);
}
