// SPDX-License-Identifier: GPL-2.0
/* TCP over IPv6. */
#include "ip.h"

#include <linux/rcupdate.h>

#include <net/inet6_connection_sock.h>
#include <net/inet_ecn.h>
#include <net/inet_sock.h>
#include <net/ip6_checksum.h>
#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/transp_v6.h>

#include "listen.h"
#include "tcpx.h"

static void fill_checksum(struct sk_buff *skb, const struct in6_addr *saddr,
			  const struct in6_addr *daddr)
{
	tcp_hdr(skb)->check = ~csum_ipv6_magic(saddr, daddr, skb->len,
					       IPPROTO_TCP, 0);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
}

/* @sk takes over the reference on @dst. */
static void commit_dst(struct sock *sk, struct dst_entry *dst)
{
	inet6_sk(sk)->dst_cookie = rt6_get_cookie(dst_rt6_info(dst));
	sk_setup_caps(sk, dst);
	tcpx_pmtu_route_changed(tcpx_sk(sk), dst);
}

/* The flow of @sk: addresses and dport set. */
static void init_flow6(struct flowi6 *fl6, struct sock *sk)
{
	const struct ipv6_pinfo *np = inet6_sk(sk);

	memset(fl6, 0, sizeof(*fl6));
	fl6->flowi6_proto = IPPROTO_TCP;
	fl6->daddr = sk->sk_v6_daddr;
	fl6->saddr = np->saddr;
	fl6->flowlabel = ip6_make_flowinfo(np->tclass, np->flow_label);
	fl6->flowi6_oif = sk->sk_bound_dev_if;
	fl6->flowi6_mark = READ_ONCE(sk->sk_mark);
	fl6->fl6_sport = inet_sk(sk)->inet_sport;
	fl6->fl6_dport = inet_sk(sk)->inet_dport;
	fl6->flowi6_uid = sk->sk_uid;
	security_sk_classify_flow(sk, flowi6_to_flowi_common(fl6));
}

/* A route for @fl6, whose saddr is filled in; a routing header counts. */
static struct dst_entry *look_up_route(struct sock *sk, struct flowi6 *fl6)
{
	struct in6_addr *final_p, final;

	rcu_read_lock();
	final_p = fl6_update_dst(fl6, rcu_dereference(inet6_sk(sk)->opt),
				 &final);
	rcu_read_unlock();
	return ip6_dst_lookup_flow(sock_net(sk), sk, fl6, final_p);
}

/* The user's flow label, if he chose one, must be his. */
static int choose_flowlabel(struct sock *sk, const struct sockaddr_in6 *usin)
{
	struct ip6_flowlabel *flowlabel;
	__be32 label = 0;

	if (inet6_test_bit(SNDFLOW, sk)) {
		label = usin->sin6_flowinfo & IPV6_FLOWINFO_MASK;
		IP6_ECN_flow_init(label);
		if (label & IPV6_FLOWLABEL_MASK) {
			flowlabel = fl6_sock_lookup(sk, label);
			if (IS_ERR(flowlabel))
				return -EINVAL;
			fl6_sock_release(flowlabel);
		}
	}
	inet6_sk(sk)->flow_label = label;
	return 0;
}

/* Link-local addresses are on a link: bind @sk to it. */
static int bind_to_scope(struct sock *sk, const struct sockaddr_in6 *usin,
			 int addr_len)
{
	if (addr_len >= (int)sizeof(*usin) && usin->sin6_scope_id) {
		if (!sk_dev_equal_l3scope(sk, usin->sin6_scope_id))
			return -EINVAL;
		sk->sk_bound_dev_if = usin->sin6_scope_id;
	}

	return sk->sk_bound_dev_if ? 0 : -EINVAL;
}

static int connect_mapped(struct sock *sk, const struct sockaddr_in6 *usin,
			  const struct in6_addr *daddr)
{
	int err;

	if (ipv6_only_sock(sk))
		return -ENETUNREACH;

	tcpx_sk(sk)->ip = &tcpx_ip4_mapped_ops;
	err = tcpx_ip4_connect_addr(sk, daddr->s6_addr32[3], usin->sin6_port);
	if (err) {
		tcpx_sk(sk)->ip = &tcpx_ip6_ops;
		return err;
	}
	inet6_sk(sk)->saddr = sk->sk_v6_rcv_saddr;
	return 0;
}

static int connect_native(struct sock *sk, const struct sockaddr_in6 *usin,
			  const struct in6_addr *daddr)
{
	struct ipv6_pinfo *np = inet6_sk(sk);
	struct inet_sock *inet = inet_sk(sk);
	struct dst_entry *dst;
	struct flowi6 fl6;

	tcpx_sk(sk)->ip = &tcpx_ip6_ops;
	sk->sk_v6_daddr = *daddr;
	inet->inet_dport = usin->sin6_port;
	if (!ipv6_addr_any(&sk->sk_v6_rcv_saddr))
		np->saddr = sk->sk_v6_rcv_saddr;

	init_flow6(&fl6, sk);
	dst = look_up_route(sk, &fl6);
	if (IS_ERR(dst)) {
		inet->inet_dport = 0;
		return PTR_ERR(dst);
	}

	if (ipv6_addr_any(&sk->sk_v6_rcv_saddr))
		sk->sk_v6_rcv_saddr = fl6.saddr;
	np->saddr = sk->sk_v6_rcv_saddr;
	inet->inet_rcv_saddr = LOOPBACK4_IPV6;
	sk_set_txhash(sk);
	sk->sk_gso_type = SKB_GSO_TCPV6;
	commit_dst(sk, dst);
	return 0;
}

int tcpx_ip6_connect(struct sock *sk, struct sockaddr *uaddr, int addr_len)
{
	const struct sockaddr_in6 *usin = (struct sockaddr_in6 *)uaddr;
	struct in6_addr daddr;
	int type, err;

	sock_owned_by_me(sk);

	if (addr_len < SIN6_LEN_RFC2133)
		return -EINVAL;
	if (usin->sin6_family != AF_INET6)
		return -EAFNOSUPPORT;
	err = choose_flowlabel(sk, usin);
	if (err)
		return err;

	daddr = usin->sin6_addr;
	if (ipv6_addr_any(&daddr)) {
		if (ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr))
			ipv6_addr_set_v4mapped(htonl(INADDR_LOOPBACK), &daddr);
		else
			daddr = in6addr_loopback;
	}

	type = ipv6_addr_type(&daddr);
	if (type & IPV6_ADDR_MULTICAST)
		return -ENETUNREACH;
	if (type & IPV6_ADDR_LINKLOCAL) {
		err = bind_to_scope(sk, usin, addr_len);
		if (err)
			return err;
	}

	return type & IPV6_ADDR_MAPPED ? connect_mapped(sk, usin, &daddr) :
					 connect_native(sk, usin, &daddr);
}

static struct dst_entry *tcpx_ip6_route(struct sock *sk)
{
	struct dst_entry *dst = __sk_dst_check(sk, inet6_sk(sk)->dst_cookie);
	struct flowi6 fl6;

	if (likely(dst))
		return dst;

	init_flow6(&fl6, sk);
	dst = look_up_route(sk, &fl6);
	if (IS_ERR(dst)) {
		/* Pairs with the lockless reads of sk_err_soft. */
		WRITE_ONCE(sk->sk_err_soft, -PTR_ERR(dst));
		sk->sk_route_caps = 0;
		return NULL;
	}
	commit_dst(sk, dst);
	return dst;
}

static int tcpx_ip6_xmit(struct sock *sk, struct sk_buff *skb)
{
	fill_checksum(skb, &inet6_sk(sk)->saddr, &sk->sk_v6_daddr);
	skb_set_hash_from_sk(skb, sk);
	return inet6_csk_xmit(sk, skb, NULL);
}

static struct dst_entry *route_flow(const struct sock *sk,
				    const struct tcpx_flow *flow,
				    struct flowi6 *fl6)
{
	memset(fl6, 0, sizeof(*fl6));
	fl6->flowi6_proto = IPPROTO_TCP;
	fl6->saddr = flow->saddr6;
	fl6->daddr = flow->daddr6;
	fl6->flowlabel = ip6_make_flowinfo(flow->tos, flow->flowlabel);
	fl6->flowi6_oif = flow->oif;
	fl6->flowi6_mark = flow->mark;
	fl6->fl6_sport = flow->sport;
	fl6->fl6_dport = flow->dport;
	fl6->flowi6_uid = sock_net_uid(flow->net, sk);
	security_sk_classify_flow((struct sock *)sk,
				  flowi6_to_flowi_common(fl6));
	return ip6_dst_lookup_flow(flow->net, sk, fl6, NULL);
}

static int tcpx_ip6_send_flow(const struct sock *sk, struct sk_buff *skb,
			      const struct tcpx_flow *flow)
{
	struct dst_entry *dst;
	struct flowi6 fl6;
	int err;

	dst = route_flow(sk, flow, &fl6);
	if (IS_ERR(dst)) {
		kfree_skb_reason(skb, SKB_DROP_REASON_IP_OUTNOROUTES);
		return PTR_ERR(dst);
	}
	skb_dst_set(skb, dst);
	fill_checksum(skb, &flow->saddr6, &flow->daddr6);
	rcu_read_lock();
	err = ip6_xmit(sk, skb, &fl6, flow->mark, NULL, flow->tos,
		       READ_ONCE(sk->sk_priority));
	rcu_read_unlock();
	return net_xmit_eval(err);
}

static u32 tcpx_ip6_options_len(const struct tcpx_sock *tcb)
{
	const struct sock *sk = tcpx_to_sk(tcb);
	const struct ipv6_txoptions *options;

	options = rcu_dereference_protected(inet6_sk(sk)->opt,
					    lockdep_sock_is_held(sk));
	return options ? options->opt_flen + options->opt_nflen : 0;
}

static u32 tcpx_ip6_flow_mtu(const struct sock *sk,
			     const struct tcpx_flow *flow)
{
	struct dst_entry *dst;
	struct flowi6 fl6;
	u32 mtu;

	dst = route_flow(sk, flow, &fl6);
	if (IS_ERR(dst))
		return IPV6_MIN_MTU;
	mtu = dst_mtu(dst);
	dst_release(dst);
	return mtu;
}

/*
 * @child is a copy of its listener byte by byte: it gets a pinet6 of its own,
 * without the lists that are the listener's.
 */
static void init_pinfo(struct sock *child)
{
	struct ipv6_pinfo *np = &((struct tcpx6_sock *)child)->pinet6;

	inet_sk(child)->pinet6 = np;
	RCU_INIT_POINTER(inet_ipv6_fl_list(child), NULL);
	RCU_INIT_POINTER(np->ipv6_mc_list, NULL);
	np->ipv6_ac_list = NULL;
	np->pktoptions = NULL;
	RCU_INIT_POINTER(np->opt, NULL);
}

void tcpx_ip6_init_mapped_child(struct sock *child)
{
	struct ipv6_pinfo *np;

	init_pinfo(child);
	np = inet6_sk(child);
	np->saddr = child->sk_v6_rcv_saddr;
	np->mcast_oif = inet_sk(child)->mc_index;
	np->mcast_hops = inet_sk(child)->mc_ttl;
	np->rcv_flowinfo = 0;
	if (inet6_test_bit(REPFLOW, child))
		np->flow_label = 0;
}

static void tcpx_ip6_init_child(struct sock *child, const struct sock *listener,
				const struct tcpx_request *req,
				struct sk_buff *skb)
{
	struct inet_sock *inet = inet_sk(child);
	struct ipv6_pinfo *np;

	init_pinfo(child);
	np = inet6_sk(child);
	child->sk_v6_daddr = req->common.skc_v6_daddr;
	child->sk_v6_rcv_saddr = req->common.skc_v6_rcv_saddr;
	np->saddr = req->common.skc_v6_rcv_saddr;
	inet->inet_daddr = LOOPBACK4_IPV6;
	inet->inet_saddr = LOOPBACK4_IPV6;
	inet->inet_rcv_saddr = LOOPBACK4_IPV6;
	inet->inet_dport = req->common.skc_dport;
	child->sk_bound_dev_if = req->common.skc_bound_dev_if;
	child->sk_mark = req->mark;
	RCU_INIT_POINTER(inet->inet_opt, NULL);
	RCU_INIT_POINTER(inet->mc_list, NULL);
	np->mcast_oif = tcpx_seg(skb)->iif;
	np->mcast_hops = ipv6_hdr(skb)->hop_limit;
	np->rcv_flowinfo = ip6_flowinfo(ipv6_hdr(skb));
	if (inet6_test_bit(REPFLOW, child))
		np->flow_label = ip6_flowlabel(ipv6_hdr(skb));
	sk_set_txhash(child);
	child->sk_gso_type = SKB_GSO_TCPV6;

	tcpx_sk(child)->ip = &tcpx_ip6_ops;
	/* Without a route now, sending looks for one again. */
	tcpx_ip6_route(child);
}

const struct tcpx_ip_ops tcpx_ip6_ops = {
	.family = AF_INET6,
	.header_len = sizeof(struct ipv6hdr),
	.mtu_min = IPV6_MIN_MTU,
	.connect = tcpx_ip6_connect,
	.route = tcpx_ip6_route,
	.xmit = tcpx_ip6_xmit,
	.send_flow = tcpx_ip6_send_flow,
	.options_len = tcpx_ip6_options_len,
	.flow_mtu = tcpx_ip6_flow_mtu,
	.init_child = tcpx_ip6_init_child,
};
