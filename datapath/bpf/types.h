/* SPDX-License-Identifier: Apache-2.0 */
/* What Go and the program both know: map keys and values, and the two enums that
 * people read. Go's copies are generated. No struct has a hole that the compiler
 * fills: keys are compared byte by byte. */
#pragma once
#include "kernel.h"

enum family { FAMILY_IPV4 = 4, FAMILY_IPV6 = 6 };

/* An IPv4 address fills the first four bytes of ip, the rest is zero. */
struct address_key {
	__u32 vni;
	__u32 family;
	__u8 ip[16];
};

enum address_kind {
	ADDRESS_NOTHING = 0, /* nobody, whatever the route table says */
	ADDRESS_INTERFACE = 1, /* an instance's */
	ADDRESS_ENDPOINT = 2, /* an interface that the service namespace answers for */
	ADDRESS_RESOLVER = 3,
	ADDRESS_METADATA = 4,
	ADDRESS_PUBLIC = 5, /* a public service's, of no network (vni 0) */
};

struct address {
	__u32 kind;
	__be32 public; /* the address of IPv4 that stands for it outside its network; 0: none */
	__u64 interface; /* of ADDRESS_PUBLIC: the endpoint that listeners have */
};

struct interface_key {
	__u64 id;
};

enum interface_flag { INTERFACE_ANY_SOURCE = 1 }; /* may send and receive for others */

struct interface {
	__u32 vni;
	__u32 ifindex; /* host side of its port; 0: it has none on this host */
	__u64 groupset;
	__u64 table;
	__u64 endpoint; /* not 0: what it answers is in listeners */
	__u32 flags;
	__u32 tunnel; /* IPv4 address, in host order, of the host that has it; 0: this one */
	__u32 number; /* unique over all networks: names it on the way between hosts */
	__u8 mac[6];
	__u8 pad[6];
};

struct number_key {
	__u32 number;
};

/* An interface of another host, by what its packets carry. */
struct number {
	__u64 interface;
};

struct port_key {
	__u32 ifindex;
};

enum port_kind { PORT_INTERFACE = 1, PORT_DOOR = 2, PORT_PROBE = 3, PORT_TUNNEL = 4 };

enum program { PROGRAM_NEAR = 0, PROGRAM_FAR = 1, PROGRAMS };

struct port {
	__u32 kind;
	__u32 vni;
	__u64 interface;
	__u32 flags; /* the interface's */
	__u8 mac[6];
	__u8 pad[2];
};

struct network_key {
	__u32 vni; /* 0: the probe's own */
};

struct network {
	__u64 generation; /* changes with every change that its flows could feel */
	__u32 door; /* host side of the way to its service namespace; 0: none here */
	__u32 tunnel; /* the link to other hosts; 0: none */
};

struct groupset_key {
	__u64 id;
};

#define MAX_GROUPS 16 /* AWS's hard limit for an interface */

struct groupset {
	__u64 list; /* of its rules */
	__u32 group[MAX_GROUPS]; /* 0: none */
	__u32 names_groups; /* RULE_… of the directions in which a rule names one */
	__u32 pad;
};

enum rule_flag { RULE_INGRESS = 1, RULE_EGRESS = 2, RULE_UNTRACKED = 4 };

/* prefix and mask are as on the wire. */
struct rule {
	__u64 prefix[2];
	__u64 mask[2];
	__u32 family; /* 0: group decides */
	__u32 group;
	__u32 flags; /* 0: no rule here */
	__s32 protocol; /* -1: all */
	__s32 from; /* port or ICMP type; -1: all */
	__s32 to; /* port or ICMP code; -1: all */
};

#define RULES_PER_CHUNK 8
#define MAX_CHUNKS 256

struct chunk_key {
	__u64 list;
	__u32 index;
	__u32 pad;
};

struct chunk {
	struct rule rule[RULES_PER_CHUNK];
};

struct table_key {
	__u64 id;
};

struct table {
	__u64 list; /* of its routes */
};

#define ROUTE_FIXED_BITS 96 /* family and list: always compared whole */

struct route_key {
	__u32 prefixlen;
	__u32 family;
	__u64 list;
	__u8 ip[16];
};

enum route_target { ROUTE_NONE = 0, ROUTE_LOCAL = 1, ROUTE_INTERFACE = 2, ROUTE_BLACKHOLE = 3, ROUTE_INTERNET = 4 };

struct route {
	__u32 target;
	__u32 pad;
	__u64 interface;
};

struct listener_key {
	__u64 endpoint;
	__u16 port; /* of TCP, in host order */
	__u16 pad[3];
};

enum listener_state { LISTENER_OPEN = 1, LISTENER_CLOSING = 2 };

struct listener {
	__u32 state;
};

struct probe_key {
	__u16 port; /* of TCP, in host order */
};

struct probe {
	__u32 vni;
};

struct socket_key {
	__u32 vni;
	__u32 kind; /* SOCKET_… */
};

enum socket_kind { SOCKET_TCP = 1, SOCKET_UDP53 = 2 };

/* A connection as its owner sends it: where it comes in, and the packet's own words. */
struct flow_key {
	__u32 ifindex;
	__u32 vni; /* of what comes from another host, else 0: all networks share that port */
	__u8 src[16], dst[16];
	__be16 sport, dport; /* of ICMP echo: both the identifier */
	__u8 protocol, family;
	__u8 pad[2];
};

/* Who owns a half of a connection: an interface, or OWNER_… | vni. */
#define OWNER_SERVICE (1ULL << 63) /* whatever a network's service namespace answers for */
#define OWNER_PROBE (3ULL << 62)

enum flow_state {
	FLOW_INITIATOR = 1, /* the owner sent its first packet */
	FLOW_REPLIED = 2, /* the other side has answered */
	FLOW_ESTABLISHED = 4, /* and the initiator went on */
	FLOW_FIN_SENT = 8, /* by the owner */
	FLOW_FIN_RECEIVED = 16,
	FLOW_RESET = 32,
	FLOW_UNTRACKED = 64, /* the owner's rules are asked again when they change */
	FLOW_ENDPOINT = 128, /* it goes through an endpoint: shorter life */
	FLOW_FIN_ACKED = 256, /* the other side has everything that the owner sent */
	FLOW_LINK_LOCAL = 512, /* to the resolver or to metadata: its packets are counted */
};

/* One half of a connection: what happens to the packets that its owner sends. */
struct flow {
	__u64 seen; /* nanoseconds */
	__u64 epoch; /* when the next three were last found to hold */
	__u64 generation; /* of the network when target was decided; 0: not yet */
	__u64 owner;
	__u64 peer; /* the other half's owner */
	__u64 target; /* the interface that gets the packets */
	__u32 to; /* enum destination */
	__u32 ifindex; /* where its packets go: host side */
	__u32 kind, vni; /* of the port where they come in */
	__u32 state; /* FLOW_…; changed by atomic operations only */
	__u32 rule; /* 1 + index of the rule by which the owner's groups allow it; 0: none was asked */
	__be32 fin; /* with FLOW_FIN_RECEIVED: what acknowledges it */
	__u32 tunnel; /* the host that has the target; 0: this one */
	__u32 source_tunnel; /* the host that has the owner; 0: this one */
	__u8 mac[6]; /* of the target */
	__u8 source_mac[6]; /* that the packets have, if the owner is an interface */
};

/* A connection that has ended here by a packet that may be lost on its way to another host. */
struct parting {
	__u64 at; /* nanoseconds */
	__u64 owner; /* who sent that packet */
	__u64 peer;
};

struct half {
	struct flow_key key;
	struct flow flow;
};

enum destination { TO_NOWHERE = 0, TO_INTERFACE = 1, TO_DOOR = 2, TO_PROBE = 3 };

struct usage_key {
	__u64 owner;
};

struct usage {
	__u32 flows;
	__u32 pad;
	__u64 spent; /* until when (nanoseconds) the packets to the resolver and to metadata use up the allowance */
};

/* Why a packet was refused. drops.go has the words; a test compares the two. */
enum drop_reason {
	DROP_NONE,
	DROP_UNKNOWN_PORT,
	DROP_NOT_IP,
	DROP_MALFORMED,
	DROP_FRAGMENT,
	DROP_EXTENSION_HEADER,
	DROP_NOT_UNICAST,
	DROP_MAPPED_ADDRESS,
	DROP_SPOOFED,
	DROP_RESOLUTION,
	DROP_ICMP_ERROR,
	DROP_ICMP_TYPE,
	DROP_NOT_SYN,
	DROP_NO_REQUEST,
	DROP_FROM_SERVICE,
	DROP_NO_PROBE,
	DROP_NO_ROUTE,
	DROP_NO_ADDRESS,
	DROP_BLACKHOLE,
	DROP_ELSEWHERE,
	DROP_WRONG_HOST,
	DROP_NOT_ITS_ADDRESS,
	DROP_GROUPS,
	DROP_NO_LISTENER,
	DROP_CLOSING,
	DROP_NO_DOOR,
	DROP_TOO_BIG,
	DROP_QUOTA,
	DROP_LINK_LOCAL,
	DROP_TABLE_FULL,
	DROP_KERNEL,
	DROP_NO_PUBLIC_ADDRESS,
	DROP_REASONS,
};

struct drop_key {
	__u32 vni;
	__u32 reason;
};

struct drop_count {
	__u64 packets;
};

enum verdict {
	VERDICT_GO_ON = 0, /* not decided yet */
	VERDICT_DELIVER = 1,
	VERDICT_DROP = 2,
	VERDICT_RESOLVE = 3, /* answered: ARP or neighbour discovery */
	VERDICT_RESET = 4, /* dropped, and answered with a TCP reset */
	VERDICT_TOO_BIG = 5, /* dropped, and answered with the MTU */
};

/* What becomes of a packet, and why. */
struct trail {
	__u32 verdict; /* enum verdict */
	__u32 reason; /* enum drop_reason */
	__u32 to; /* enum destination */
	__u32 route; /* enum route_target; ROUTE_NONE: no table was asked */
	__u64 target; /* the interface that gets it */
	__u64 egress_set, ingress_set; /* whose rules the next two are */
	__u32 egress, ingress; /* 1 + index of the rule that let it out, in; 0: none was asked, or none let it */
	__u32 flow; /* 1: an earlier packet of the connection decided */
	__u32 vni;
	__u32 tunnel; /* the host that gets it; 0: this one */
	__u32 pad;
};

_Static_assert(sizeof(struct address_key) == 24, "shared with Go");
_Static_assert(sizeof(struct address) == 16, "shared with Go");
_Static_assert(sizeof(struct interface) == 56, "shared with Go");
_Static_assert(sizeof(struct port) == 32, "shared with Go");
_Static_assert(sizeof(struct network) == 16, "shared with Go");
_Static_assert(sizeof(struct rule) == 56, "shared with Go");
_Static_assert(sizeof(struct groupset) == 80, "shared with Go");
_Static_assert(sizeof(struct chunk_key) == 16, "shared with Go");
_Static_assert(sizeof(struct chunk) == 448, "shared with Go");
_Static_assert(sizeof(struct route_key) == 32, "shared with Go");
_Static_assert(sizeof(struct route) == 16, "shared with Go");
_Static_assert(sizeof(struct listener_key) == 16, "shared with Go");
_Static_assert(sizeof(struct flow_key) == 48, "shared with Go");
_Static_assert(sizeof(struct usage) == 16, "shared with Go");
_Static_assert(sizeof(struct flow) == 96, "shared with Go");
_Static_assert(sizeof(struct trail) == 64, "shared with Go");
