// SPDX-License-Identifier: Apache-2.0
/* The programs. A packet's way: parse, find its flow, admit (port, who), judge
 * (where, groups, listener), commit. Admission and judgement are left out where the
 * flow holds what they would say, and nearly everything where it is one of TCP (hurry). */
#include "decide.h"
#include "commit.h"
#include "hurry.h"
#include "adopt.h"

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

/* take carries out what becomes of a packet. The network and the host are those of its
 * outer header, 0: it has none. */
static __always_inline int take(struct __sk_buff *skb, __u32 vni, __u32 host)
{
	int act = hurry(skb, vni, host);
	if (act >= 0)
		return act;
	__u32 live = WORK_LIVE;
	struct work *w = bpf_map_lookup_elem(&works, &live);
	struct flow *own = NULL;

	if (!w)
		return TC_ACT_SHOT;
	w->outer.tunnel_id = vni;
	w->outer.remote_ipv4 = host;
	int v = decide(skb, w, skb->ifindex, PASSING, &own);
	return commit(skb, w, own, v);
}

SEC("tc")
int pipeline(struct __sk_buff *skb)
{
	return take(skb, 0, 0);
}

/* pipeline_far is for what comes from other hosts: asking for an outer header takes
 * time, and what comes from this host has none. */
SEC("tc")
int pipeline_far(struct __sk_buff *skb)
{
	struct bpf_tunnel_key outer;

	bpf_skb_get_tunnel_key(skb, &outer, sizeof(outer), 0); /* zero where there is none, or one of IPv6 */
	return take(skb, outer.tunnel_id, outer.remote_ipv4);
}

/* explain is never attached: it says what pipeline would do with a packet from the
 * port whose index is in cb[0], by a tunnel of the network cb[1] from the host cb[2],
 * and writes nothing but its answer and what it supposes. What the target's groups on
 * another host would say to a first packet it foretells: their rules are here too.
 * With cb[3], the packet answers the one explained before. */
SEC("tc")
int explain(struct __sk_buff *skb)
{
	__u32 dry = WORK_DRY, zero = 0;
	struct work *w = bpf_map_lookup_elem(&works, &dry);
	struct trail *t = bpf_map_lookup_elem(&trails, &zero);
	struct flow *own;

	if (!w || !t)
		return VERDICT_GO_ON;
	__builtin_memset(&w->outer, 0, sizeof(w->outer));
	w->outer.tunnel_id = skb->cb[1];
	w->outer.remote_ipv4 = skb->cb[2];
	int v = skb->cb[3] ? decide(skb, w, skb->cb[0], ASKED_BACK, &own) : decide(skb, w, skb->cb[0], ASKED, &own);

	if (v == VERDICT_DELIVER && w->fresh && w->trail.tunnel) {
		w->foretell = 1;
		if (!target_allows(w))
			v = refuse(w, DROP_GROUPS);
	}
	if (v == VERDICT_DELIVER && w->fresh)
		suppose(w);
	w->trail.verdict = v;
	w->trail.vni = w->vni;
	*t = w->trail;
	return v;
}

#define SWEEP_KEYS 64 /* at most in one call; the first 16 bytes of the packet are not read */

struct sweep {
	struct __sk_buff *skb;
	__u64 now;
	__u32 gone;
};

/* orphan: its owner's packets do not come in there any more. */
static __always_inline int orphan(const struct flow_key *k, const struct flow *f)
{
	if (f->owner & OWNER_SERVICE)
		return 0;
	struct interface *i = find_interface(f->owner);
	if (!i)
		return 1;
	if (!k->vni)
		return i->ifindex != k->ifindex;
	struct network_key nk = {k->vni};
	struct network *n = bpf_map_lookup_elem(&networks, &nk);
	return !n || n->tunnel != k->ifindex || !i->tunnel || i->vni != k->vni;
}

static long sweep_one(__u32 index, struct sweep *s)
{
	struct flow_key k;

	if (bpf_skb_load_bytes(s->skb, 16 + index * sizeof(k), &k, sizeof(k)))
		return 1;
	struct flow *f = find_half(&k);
	if (!f)
		return 0;
	if (orphan(&k, f) || expired(&k, f, s->now))
		s->gone += forget_half(&k);
	return 0;
}

/* sweep removes those of the flows named in the packet that have expired, or whose
 * interface is gone, and returns how many. It is never attached. */
SEC("tc")
int sweep(struct __sk_buff *skb)
{
	struct sweep s = {.skb = skb, .now = bpf_ktime_get_coarse_ns()};

	bpf_loop(SWEEP_KEYS, sweep_one, &s, 0);
	return s.gone;
}

/* adopt takes over the halves in the packet, and returns for how many there was no
 * room. It is never attached. */
SEC("tc")
int adopt(struct __sk_buff *skb)
{
	struct adopt a = {.skb = skb};

	bpf_loop(ADOPT_HALVES, adopt_one, &a, 0);
	return a.refused;
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
