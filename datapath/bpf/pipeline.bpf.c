// SPDX-License-Identifier: Apache-2.0
/* The programs of every host: what its ports and its service namespaces run. */
#include "take.h"

char LICENSE[] SEC("license") = "Apache-2.0";

/* An enum that only code uses is lost to Go without a variable of its kind. */
#define SHARE(e) const enum e *share_##e __attribute__((unused))
SHARE(family);
SHARE(address_kind);
SHARE(interface_flag);
SHARE(port_kind);
SHARE(program);
SHARE(rule_flag);
SHARE(route_target);
SHARE(listener_state);
SHARE(socket_kind);
SHARE(flow_state);
SHARE(destination);
SHARE(drop_reason);
SHARE(verdict);

/* The roots are what ports run; they never change, what they call does. */
SEC("tc")
int root(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &programs, PROGRAM_NEAR);
	return TC_ACT_SHOT;
}

SEC("tc")
int root_far(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &programs, PROGRAM_FAR);
	return TC_ACT_SHOT;
}

SEC("tc")
int pipeline(struct __sk_buff *skb)
{
	return take(skb, 0, 0);
}

/* steer gives what arrives in a service namespace to its sockets. The inner end of
 * a door has its network's number as its index, so that one program and one map
 * serve every namespace. */
SEC("sk_lookup")
int steer(struct bpf_sk_lookup *ctx)
{
	struct socket_key k = {.vni = ctx->ingress_ifindex, .kind = SOCKET_TCP};

	if (ctx->protocol == IPPROTO_UDP) {
		if (ctx->local_port != 53)
			return SK_PASS;
		k.kind = SOCKET_UDP53;
	}
	struct bpf_sock *sk = bpf_map_lookup_elem(&sockets, &k);
	if (!sk)
		return SK_PASS;
	long err = bpf_sk_assign(ctx, sk, 0);
	bpf_sk_release(sk);
	return err ? SK_DROP : SK_PASS;
}
