// SPDX-License-Identifier: GPL-2.0
/*
 * Flows: the addresses of a segment, whatever the version of IP, and the keyed
 * functions of them.
 */
#include "ip.h"

#include <linux/once.h>
#include <linux/siphash.h>
#include <linux/string.h>

#include <net/inet_ecn.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/netns/hash.h>

#include "tcpx.h"

/* One key for each purpose, so that none tells about another. */
static struct {
	siphash_aligned_key_t secret;
	siphash_aligned_key_t port_offset;
} keys __read_mostly;

const struct tcpx_ip_ops *tcpx_ip_of_skb(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP) ? &tcpx_ip4_ops :
						  &tcpx_ip6_ops;
}

void tcpx_flow_reply(struct tcpx_flow *flow, struct net *net,
		     const struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	const struct tcphdr *th = tcp_hdr(skb);

	memset(flow, 0, sizeof(*flow));
	flow->net = net;
	flow->sport = th->dest;
	flow->dport = th->source;
	/* Back through the VRF that it came by. */
	if (seg->sdif)
		flow->oif = seg->iif;

	if (skb->protocol == htons(ETH_P_IP)) {
		flow->family = AF_INET;
		flow->saddr4 = ip_hdr(skb)->daddr;
		flow->daddr4 = ip_hdr(skb)->saddr;
		flow->tos = ip_hdr(skb)->tos & ~INET_ECN_MASK;
		flow->mark = IP4_REPLY_MARK(net, skb->mark);
	} else {
		flow->family = AF_INET6;
		flow->saddr6 = ipv6_hdr(skb)->daddr;
		flow->daddr6 = ipv6_hdr(skb)->saddr;
		flow->tos = ipv6_get_dsfield(ipv6_hdr(skb)) & ~INET_ECN_MASK;
		flow->mark = IP6_REPLY_MARK(net, skb->mark);
		if (rt6_need_strict(&flow->daddr6))
			flow->oif = seg->iif;
	}
}

/* Addresses and ports of any object of the connection table. */
static void set_tuple(struct tcpx_flow *flow, const struct sock_common *common)
{
	memset(flow, 0, sizeof(*flow));
	flow->net = read_pnet(&common->skc_net);
	flow->oif = common->skc_bound_dev_if;
	flow->sport = htons(common->skc_num);
	flow->dport = common->skc_dport;
	if (common->skc_family == AF_INET ||
	    ipv6_addr_v4mapped(&common->skc_v6_daddr)) {
		flow->family = AF_INET;
		flow->saddr4 = common->skc_rcv_saddr;
		flow->daddr4 = common->skc_daddr;
	} else {
		flow->family = AF_INET6;
		flow->saddr6 = common->skc_v6_rcv_saddr;
		flow->daddr6 = common->skc_v6_daddr;
	}
}

const struct tcpx_ip_ops *tcpx_flow_of(struct tcpx_flow *flow,
				       const struct sock_common *common)
{
	set_tuple(flow, common);
	return flow->family == AF_INET ? &tcpx_ip4_ops : &tcpx_ip6_ops;
}

void tcpx_flow_of_sock(struct tcpx_flow *flow, const struct sock *sk)
{
	set_tuple(flow, &sk->__sk_common);
	flow->mark = READ_ONCE(sk->sk_mark);
	if (flow->family == AF_INET) {
		flow->tos = inet_sk(sk)->tos;
	} else {
		flow->tos = inet6_sk(sk)->tclass;
		flow->flowlabel = inet6_sk(sk)->flow_label;
	}
}

/*
 * Namespaces may have the same addresses: what one sees of these functions must
 * not tell about another.
 */
static u64 hash_flow(const struct tcpx_flow *flow, __be16 sport,
		     const siphash_key_t *key)
{
	u32 ports = (__force u32)sport << 16 | (__force u32)flow->dport;
	struct {
		struct in6_addr saddr;
		struct in6_addr daddr;
		u32 ports;
		u32 net;
	} __aligned(SIPHASH_ALIGNMENT) tuple6;

	/* Every byte is hashed. */
	BUILD_BUG_ON(sizeof(tuple6) != 2 * 16 + 2 * 4);

	net_get_random_once(&keys, sizeof(keys));
	if (flow->family == AF_INET)
		return siphash_4u32((__force u32)flow->saddr4,
				    (__force u32)flow->daddr4, ports,
				    net_hash_mix(flow->net), key);

	tuple6.saddr = flow->saddr6;
	tuple6.daddr = flow->daddr6;
	tuple6.ports = ports;
	tuple6.net = net_hash_mix(flow->net);
	return siphash(&tuple6, sizeof(tuple6), key);
}

/* The halves of a keyed hash tell nothing about each other. */
u64 tcpx_flow_secret(const struct tcpx_flow *flow)
{
	return hash_flow(flow, flow->sport, &keys.secret);
}

/* RFC 6528 3: a clock, of 64 ns as native's, plus a keyed hash. */
u32 tcpx_flow_isn(u64 secret)
{
	return (u32)secret + (u32)(ktime_get_ns() >> 6);
}

/* RFC 7323 5.4: each connection has its own zero. */
u32 tcpx_flow_ts_offset(u64 secret)
{
	return secret >> 32;
}

/* RFC 6056 3.3.4: by addresses and remote port. */
u64 tcpx_flow_port_offset(const struct tcpx_flow *flow)
{
	return hash_flow(flow, 0, &keys.port_offset);
}
