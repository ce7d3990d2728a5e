// SPDX-License-Identifier: GPL-2.0
/*
 * Early demultiplexing: find the connection before IP looks for a route, and
 * spare it that. IP does it for native connections alone; we hook in behind all
 * others at the place before, where IP would look native's up next. demux.c takes
 * the connection from the skb then.
 *
 * The switches are IP's: net.ipv4.ip_early_demux and tcp_early_demux.
 */
#include "tcpx.h"
#include "hash.h"

#include <linux/bitmap.h>
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>

#include <net/ip.h>
#include <net/ip6_fib.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/route.h>
#include <net/sock.h>

/* Ports that connections have had since tcpx was last idle. */
static DECLARE_BITMAP(ports, 1 << 16);

void tcpx_early_add_port(u16 port)
{
	if (!test_bit(port, ports))
		set_bit(port, ports);
}

void tcpx_early_forget_ports(void)
{
	bitmap_zero(ports, 1 << 16);
}

#ifdef CONFIG_NETFILTER

static bool is_bridged(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	return nf_bridge_info_exists(skb);
#else
	return false;
#endif
}

/*
 * Not below a bridge, which may pass it on, nor below a VRF, which comes here
 * once more; not if TPROXY, BPF or the loopback device has chosen already.
 */
static bool may_look(const struct net *net, const struct sk_buff *skb)
{
	return skb->pkt_type == PACKET_HOST && !skb->sk && !skb_dst(skb) &&
	       READ_ONCE(net->ipv4.sysctl_ip_early_demux) &&
	       READ_ONCE(net->ipv4.sysctl_tcp_early_demux) &&
	       !netif_is_l3_slave(skb->dev) && !is_bridged(skb);
}

/* First of all, for native's segments end here. */
static bool is_port_ours(struct sk_buff *skb)
{
	return pskb_may_pull(skb, skb_transport_offset(skb) + TCPX_HDR_LEN) &&
	       test_bit(ntohs(tcp_hdr(skb)->dest), ports);
}

/* Only a connection: the others are not full sockets. */
static struct sock *find_connection(struct net *net, const struct sk_buff *skb)
{
	struct sock_common *common = tcpx_hash_find(net, skb);

	if (!common)
		return NULL;
	if (sk_fullsock((struct sock *)common))
		return (struct sock *)common;
	tcpx_hash_put(common);
	return NULL;
}

static void look(struct net *net, struct sk_buff *skb)
{
	struct sock *sk = find_connection(net, skb);
	struct dst_entry *dst;

	if (!sk)
		return;
	skb->sk = sk;
	skb->destructor = sock_edemux;
	if (READ_ONCE(sk->sk_rx_dst_ifindex) != skb->skb_iif)
		return;
	dst = rcu_dereference(sk->sk_rx_dst);
	if (dst)
		dst = dst_check(dst, READ_ONCE(sk->sk_rx_dst_cookie));
	if (dst)
		skb_dst_set_noref(skb, dst);
}

static unsigned int tcpx_early4(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	if (ip_hdr(skb)->protocol == IPPROTO_TCP &&
	    !ip_is_fragment(ip_hdr(skb)) && is_port_ours(skb) &&
	    may_look(state->net, skb))
		look(state->net, skb);
	return NF_ACCEPT;
}

static unsigned int tcpx_early6(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	if (ipv6_hdr(skb)->nexthdr == IPPROTO_TCP && is_port_ours(skb) &&
	    may_look(state->net, skb))
		look(state->net, skb);
	return NF_ACCEPT;
}

static const struct nf_hook_ops hooks[] = {
	{
		.hook = tcpx_early4,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_LAST - 1,
	},
	{
		.hook = tcpx_early6,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP6_PRI_LAST - 1,
	},
};

static DEFINE_MUTEX(hook_lock);

/* Whoever never used tcpx is not to pay for a hook. */
void tcpx_early_start(struct net *net)
{
	struct tcpx_net *tn = tcpx_net(net);

	if (likely(READ_ONCE(tn->early)))
		return;
	mutex_lock(&hook_lock);
	if (!tn->early)
		WRITE_ONCE(tn->early, !nf_register_net_hooks(net, hooks,
							     ARRAY_SIZE(hooks)));
	mutex_unlock(&hook_lock);
}

/* A hook that runs still refers to nothing of the namespace's that is ours. */
void tcpx_early_exit_net(struct net *net)
{
	if (tcpx_net(net)->early)
		nf_unregister_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

#else

void tcpx_early_start(struct net *net)
{
}

void tcpx_early_exit_net(struct net *net)
{
}

#endif

static u32 cookie_of(const struct sk_buff *skb, const struct dst_entry *dst)
{
	if (skb->protocol != htons(ETH_P_IPV6))
		return 0;
	return rt6_get_cookie((const struct rt6_info *)dst);
}

static void set_route(struct sock *sk, struct dst_entry *dst)
{
	struct dst_entry *old;

	old = rcu_replace_pointer(sk->sk_rx_dst, dst,
				  lockdep_sock_is_held(sk));
	dst_release(old);
}

void tcpx_early_keep_route(struct sock *sk, const struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);

	if (likely(rcu_access_pointer(sk->sk_rx_dst) == dst))
		return;
	if (!dst || !dst_hold_safe(dst))
		return;
	WRITE_ONCE(sk->sk_rx_dst_ifindex, skb->skb_iif);
	WRITE_ONCE(sk->sk_rx_dst_cookie, cookie_of(skb, dst));
	set_route(sk, dst);
}

void tcpx_early_forget_route(struct sock *sk)
{
	set_route(sk, NULL);
}
