/* SPDX-License-Identifier: Apache-2.0 */
/* The maps. Go sets the size of flows before it loads them. */
#pragma once
#include "types.h"

#define MAP(kind, k, v, n, flags)                                                                  \
	__uint(type, kind);                                                                        \
	__type(key, k);                                                                            \
	__type(value, v);                                                                          \
	__uint(max_entries, n);                                                                    \
	__uint(map_flags, flags)

/* What is wanted: written by Go alone. */
struct { MAP(BPF_MAP_TYPE_HASH, struct port_key, struct port, 1 << 14, BPF_F_NO_PREALLOC); } ports SEC(".maps");
struct { MAP(BPF_MAP_TYPE_HASH, struct network_key, struct network, 1 << 14, BPF_F_NO_PREALLOC); } networks SEC(".maps");
struct { MAP(BPF_MAP_TYPE_HASH, struct address_key, struct address, 1 << 18, BPF_F_NO_PREALLOC); } addresses SEC(".maps");
struct { MAP(BPF_MAP_TYPE_HASH, struct interface_key, struct interface, 1 << 17, BPF_F_NO_PREALLOC); } interfaces SEC(".maps");
struct { MAP(BPF_MAP_TYPE_HASH, struct number_key, struct number, 1 << 17, BPF_F_NO_PREALLOC); } numbers SEC(".maps");
struct { MAP(BPF_MAP_TYPE_HASH, struct listener_key, struct listener, 1 << 16, BPF_F_NO_PREALLOC); } listeners SEC(".maps");
struct { MAP(BPF_MAP_TYPE_HASH, struct probe_key, struct probe, 1 << 10, BPF_F_NO_PREALLOC); } probes SEC(".maps");

/* A list of rules or routes is never changed. Another one is written beside it
 * and takes its place in one write. (Maps in maps would do the same, but the kernel
 * makes each of their updates wait for all processors: 8 ms and more.) */
struct { MAP(BPF_MAP_TYPE_HASH, struct groupset_key, struct groupset, 1 << 16, BPF_F_NO_PREALLOC); } groupsets SEC(".maps");
struct { MAP(BPF_MAP_TYPE_HASH, struct chunk_key, struct chunk, 1 << 17, BPF_F_NO_PREALLOC); } rules SEC(".maps");
struct { MAP(BPF_MAP_TYPE_HASH, struct table_key, struct table, 1 << 14, BPF_F_NO_PREALLOC); } tables SEC(".maps");
struct { MAP(BPF_MAP_TYPE_LPM_TRIE, struct route_key, struct route, 1 << 20, BPF_F_NO_PREALLOC); } routes SEC(".maps");

/* The epoch changes after every change of the above. A flow that was looked at in
 * this one needs no other map than this and its own, but for its owner's number on
 * the way to another host. */
struct { MAP(BPF_MAP_TYPE_ARRAY, __u32, __u64, 1, 0); } epochs SEC(".maps");

/* Whether flows of another layout are still to come. */
struct { MAP(BPF_MAP_TYPE_ARRAY, __u32, __u32, 1, 0); } awaited SEC(".maps");

/* What was seen: written by the program. */
struct { MAP(BPF_MAP_TYPE_HASH, struct flow_key, struct flow, 1 << 19, BPF_F_NO_PREALLOC); } flows SEC(".maps");
struct { MAP(BPF_MAP_TYPE_HASH, struct usage_key, struct usage, 1 << 17, BPF_F_NO_PREALLOC); } usages SEC(".maps");
struct { MAP(BPF_MAP_TYPE_LRU_HASH, struct flow_key, struct parting, 1 << 13, 0); } partings SEC(".maps");
struct { MAP(BPF_MAP_TYPE_PERCPU_HASH, struct drop_key, struct drop_count, 1 << 14, BPF_F_NO_PREALLOC); } drops SEC(".maps");
struct { MAP(BPF_MAP_TYPE_ARRAY, __u32, struct trail, 1, 0); } trails SEC(".maps");

/* How many connections there are in flows: begun on a processor, less ended there. */
struct { MAP(BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __s64, 1, 0); } tracked SEC(".maps");

/* The halves of the connection that a packet explained before would open: its
 * answer can be explained then without one. */
#define SUPPOSED 2
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(key_size, sizeof(__u32)); /* by size, so that Go gets no type of it */
	__uint(value_size, sizeof(struct half));
	__uint(max_entries, SUPPOSED);
} supposed SEC(".maps");

/* What ports run: one write replaces the program under all of a sort. */
struct { MAP(BPF_MAP_TYPE_PROG_ARRAY, __u32, __u32, PROGRAMS, 0); } programs SEC(".maps");

/* The sockets of the service namespaces. */
struct { MAP(BPF_MAP_TYPE_SOCKHASH, struct socket_key, __u64, 1 << 14, 0); } sockets SEC(".maps");
