// SPDX-License-Identifier: GPL-2.0
/* TCP over IPv4, on sockets of AF_INET and, v4-mapped, of AF_INET6. */
#include "ip.h"

#include <linux/random.h>
#include <linux/rcupdate.h>

#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/route.h>
#include <net/tcp.h>

#include "listen.h"
#include "tcpx.h"

/*
 * Native's default of net.ipv4.route.min_pmtu: a smaller path is believed to
 * be this, as its packets are then fragmented.
 */
#define IP4_MTU_MIN	552
#define IP4_MTU_UNKNOWN	576		/* RFC 1122 3.3.3 */

static void fill_checksum(struct sk_buff *skb, __be32 saddr, __be32 daddr)
{
	tcp_hdr(skb)->check = ~tcp_v4_check(skb->len, saddr, daddr, 0);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
}

/* @sk takes over the reference on @dst. */
static void commit_dst(struct sock *sk, struct dst_entry *dst)
{
	sk_setup_caps(sk, dst);
	tcpx_pmtu_route_changed(tcpx_sk(sk), dst);
}

int tcpx_ip4_connect_addr(struct sock *sk, __be32 daddr, __be16 dport)
{
	struct inet_sock *inet = inet_sk(sk);
	struct flowi4 *fl4 = &inet->cork.fl.u.ip4;
	struct rtable *rt;

	sock_owned_by_me(sk);

	/* Unspecified becomes loopback, the source address is chosen. */
	rt = ip_route_connect(fl4, daddr, inet->inet_saddr,
			      sk->sk_bound_dev_if, IPPROTO_TCP,
			      inet->inet_sport, dport, sk);
	if (IS_ERR(rt)) {
		if (PTR_ERR(rt) == -ENETUNREACH)
			IP_INC_STATS(sock_net(sk), IPSTATS_MIB_OUTNOROUTES);
		return PTR_ERR(rt);
	}
	if (rt->rt_flags & (RTCF_MULTICAST | RTCF_BROADCAST)) {
		ip_rt_put(rt);
		return -ENETUNREACH;
	}

	if (!inet->inet_saddr)
		inet->inet_saddr = fl4->saddr;
	sk_rcv_saddr_set(sk, inet->inet_saddr);
	sk_daddr_set(sk, fl4->daddr);
	inet->inet_dport = dport;
	atomic_set(&inet->inet_id, get_random_u16());
	sk_set_txhash(sk);
	sk->sk_gso_type = SKB_GSO_TCPV4;
	commit_dst(sk, &rt->dst);
	return 0;
}

static int tcpx_ip4_connect(struct sock *sk, struct sockaddr *uaddr,
			    int addr_len)
{
	const struct sockaddr_in *usin = (struct sockaddr_in *)uaddr;

	if (addr_len < (int)sizeof(*usin))
		return -EINVAL;
	if (usin->sin_family != AF_INET)
		return -EAFNOSUPPORT;

	return tcpx_ip4_connect_addr(sk, usin->sin_addr.s_addr,
				     usin->sin_port);
}

static struct dst_entry *tcpx_ip4_route(struct sock *sk)
{
	struct dst_entry *dst = __sk_dst_check(sk, 0);
	struct inet_sock *inet = inet_sk(sk);
	struct rtable *rt;

	if (likely(dst))
		return dst;

	rt = ip_route_output_ports(sock_net(sk), &inet->cork.fl.u.ip4, sk,
				   inet->inet_daddr, inet->inet_saddr,
				   inet->inet_dport, inet->inet_sport,
				   IPPROTO_TCP, ip_sock_rt_tos(sk),
				   sk->sk_bound_dev_if);
	if (IS_ERR(rt)) {
		/* Pairs with the lockless reads of sk_err_soft. */
		WRITE_ONCE(sk->sk_err_soft, -PTR_ERR(rt));
		sk->sk_route_caps = 0;
		return NULL;
	}
	commit_dst(sk, &rt->dst);
	return &rt->dst;
}

static int tcpx_ip4_xmit(struct sock *sk, struct sk_buff *skb)
{
	struct inet_sock *inet = inet_sk(sk);

	fill_checksum(skb, inet->inet_saddr, inet->inet_daddr);
	skb_set_hash_from_sk(skb, sk);
	return ip_queue_xmit(sk, skb, &inet->cork.fl);
}

static struct rtable *route_flow(const struct sock *sk,
				 const struct tcpx_flow *flow)
{
	struct flowi4 fl4;

	flowi4_init_output(&fl4, flow->oif, flow->mark, RT_TOS(flow->tos),
			   RT_SCOPE_UNIVERSE, IPPROTO_TCP,
			   inet_sk_flowi_flags(sk), flow->daddr4, flow->saddr4,
			   flow->dport, flow->sport,
			   sock_net_uid(flow->net, sk));
	security_sk_classify_flow((struct sock *)sk,
				  flowi4_to_flowi_common(&fl4));
	return ip_route_output_flow(flow->net, &fl4, sk);
}

static int tcpx_ip4_send_flow(const struct sock *sk, struct sk_buff *skb,
			      const struct tcpx_flow *flow)
{
	struct rtable *rt = route_flow(sk, flow);
	int err;

	if (IS_ERR(rt)) {
		IP_INC_STATS(flow->net, IPSTATS_MIB_OUTNOROUTES);
		kfree_skb_reason(skb, SKB_DROP_REASON_IP_OUTNOROUTES);
		return PTR_ERR(rt);
	}
	skb_dst_set(skb, &rt->dst);
	skb->mark = flow->mark;
	fill_checksum(skb, flow->saddr4, flow->daddr4);
	rcu_read_lock();
	err = ip_build_and_send_pkt(skb, sk, flow->saddr4, flow->daddr4, NULL,
				    flow->tos);
	rcu_read_unlock();
	return net_xmit_eval(err);
}

static u32 tcpx_ip4_options_len(const struct tcpx_sock *tcb)
{
	const struct ip_options_rcu *options;

	options = rcu_dereference_protected(tcb->inet.inet_opt,
					    lockdep_sock_is_held(&tcb->inet.sk));
	return options ? options->opt.optlen : 0;
}

static u32 tcpx_ip4_flow_mtu(const struct sock *sk,
			     const struct tcpx_flow *flow)
{
	struct rtable *rt = route_flow(sk, flow);
	u32 mtu;

	if (IS_ERR(rt))
		return IP4_MTU_UNKNOWN;
	mtu = dst_mtu(&rt->dst);
	ip_rt_put(rt);
	return mtu;
}

static void tcpx_ip4_init_child(struct sock *child, const struct sock *listener,
				const struct tcpx_request *req,
				struct sk_buff *skb)
{
	struct inet_sock *inet = inet_sk(child);

	sk_daddr_set(child, req->common.skc_daddr);
	sk_rcv_saddr_set(child, req->common.skc_rcv_saddr);
	inet->inet_saddr = req->common.skc_rcv_saddr;
	inet->inet_dport = req->common.skc_dport;
	child->sk_bound_dev_if = req->common.skc_bound_dev_if;
	child->sk_mark = req->mark;
	RCU_INIT_POINTER(inet->inet_opt, NULL);
	RCU_INIT_POINTER(inet->mc_list, NULL);
	inet->mc_index = tcpx_seg(skb)->iif;
	inet->mc_ttl = ip_hdr(skb)->ttl;
	inet->rcv_tos = ip_hdr(skb)->tos;
	atomic_set(&inet->inet_id, get_random_u16());
	sk_set_txhash(child);
	child->sk_gso_type = SKB_GSO_TCPV4;

	tcpx_sk(child)->ip = &tcpx_ip4_ops;
	if (child->sk_family == AF_INET6) {
		tcpx_sk(child)->ip = &tcpx_ip4_mapped_ops;
		tcpx_ip6_init_mapped_child(child);
	}
	/* Without a route now, sending looks for one again. */
	tcpx_ip4_route(child);
}

const struct tcpx_ip_ops tcpx_ip4_ops = {
	.family = AF_INET,
	.header_len = sizeof(struct iphdr),
	.mtu_min = IP4_MTU_MIN,
	.connect = tcpx_ip4_connect,
	.route = tcpx_ip4_route,
	.xmit = tcpx_ip4_xmit,
	.send_flow = tcpx_ip4_send_flow,
	.options_len = tcpx_ip4_options_len,
	.flow_mtu = tcpx_ip4_flow_mtu,
	.init_child = tcpx_ip4_init_child,
};

const struct tcpx_ip_ops tcpx_ip4_mapped_ops = {
	.family = AF_INET,
	.header_len = sizeof(struct iphdr),
	.mtu_min = IP4_MTU_MIN,
	.connect = tcpx_ip6_connect,
	.route = tcpx_ip4_route,
	.xmit = tcpx_ip4_xmit,
	.send_flow = tcpx_ip4_send_flow,
	.options_len = tcpx_ip4_options_len,
	.flow_mtu = tcpx_ip4_flow_mtu,
	.init_child = tcpx_ip4_init_child,
};
