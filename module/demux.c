// SPDX-License-Identifier: GPL-2.0
/*
 * Where segments come in: take those that are ours from IP, leave all others
 * to native TCP, untouched.
 *
 * We put ourselves in the place of native TCP in the tables of IP's protocols,
 * which is behind the firewall, conntrack, defragmentation, IPsec and
 * extension headers. Native's segments pay one static branch while nobody
 * uses tcpx, else the test of skb->sk (IP's early demux found a native
 * connection) or a lookup that fails. early.c looks our connections up before.
 *
 * Once a segment is ours it is ours whatever is wrong with it: native would
 * answer it with a RST.
 */
#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/jump_label.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include <net/busy_poll.h>
#include <net/inet_ecn.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/protocol.h>
#include <net/route.h>
#include <net/sock.h>
#include <net/xfrm.h>

#include "hash.h"
#include "listen.h"
#include "options.h"
#include "tcpx.h"
#include "timewait.h"
#include "wire.h"

static const struct net_protocol *native4;
static const struct inet6_protocol *native6;	/* NULL: no IPv6 */
static struct net_protocol ours4;
static struct inet6_protocol ours6;

/*
 * Sockets, requests and TIME-WAIT blocks. The branch is on while there are
 * any; @used_lock guards its switch and the step from 0.
 */
static DEFINE_STATIC_KEY_FALSE(used_branch);
static DEFINE_MUTEX(used_lock);
static atomic_t used ____cacheline_aligned_in_smp = ATOMIC_INIT(0);

static void tcpx_demux_idle(struct work_struct *work)
{
	mutex_lock(&used_lock);
	if (!atomic_read(&used)) {
		static_branch_disable(&used_branch);
		tcpx_early_forget_ports();
	}
	mutex_unlock(&used_lock);
}

static DECLARE_DELAYED_WORK(idle_work, tcpx_demux_idle);

/*
 * The first user is a socket that a process opens, hence may sleep; in softirq
 * there is one already: the listener, or the socket that becomes TIME-WAIT.
 */
void tcpx_demux_get(void)
{
	if (atomic_inc_not_zero(&used))
		return;

	mutex_lock(&used_lock);
	static_branch_enable(&used_branch);
	atomic_inc(&used);
	mutex_unlock(&used_lock);
}

/* Patching code is dear: wait whether the next user comes soon. */
void tcpx_demux_put(void)
{
	if (atomic_dec_and_test(&used))
		schedule_delayed_work(&idle_work, HZ);
}

static bool is_ipv4(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP);
}

static void count_segments(struct net *net, const struct sk_buff *skb)
{
	TCPX_ADD(net, InSegs, max_t(u16, 1, skb_shinfo(skb)->gso_segs));
}

/* LAND: the listener would answer itself. Its own connects come elsewhere. */
static bool is_from_itself(const struct sk_buff *skb)
{
	if (tcpx_wire_be16(skb->data) != tcpx_wire_be16(skb->data + 2))
		return false;
	return is_ipv4(skb) ?
	       ip_hdr(skb)->saddr == ip_hdr(skb)->daddr :
	       ipv6_addr_equal(&ipv6_hdr(skb)->saddr, &ipv6_hdr(skb)->daddr);
}

/*
 * A SYN to a broadcast or multicast address (RFC 9293 MUST-57) or from an
 * address that cannot be answered (MUST-63). IP has refused most of them.
 */
static bool is_bad_address(const struct sk_buff *skb)
{
	if (is_from_itself(skb))
		return true;
	if (is_ipv4(skb)) {
		__be32 saddr = ip_hdr(skb)->saddr;

		return skb_rtable(skb)->rt_flags &
			       (RTCF_BROADCAST | RTCF_MULTICAST) ||
		       ipv4_is_multicast(saddr) || ipv4_is_lbcast(saddr) ||
		       ipv4_is_zeronet(saddr);
	}

	return !ipv6_unicast_destination(skb) ||
	       ipv6_addr_is_multicast(&ipv6_hdr(skb)->saddr) ||
	       ipv6_addr_any(&ipv6_hdr(skb)->saddr) ||
	       ipv6_addr_v4mapped(&ipv6_hdr(skb)->saddr);
}

static bool has_good_checksum(struct sk_buff *skb)
{
	if (is_ipv4(skb)) {
		if (skb_checksum_init(skb, IPPROTO_TCP, inet_compute_pseudo))
			return false;
	} else {
		if (skb_checksum_init(skb, IPPROTO_TCP, ip6_compute_pseudo))
			return false;
	}

	return !skb_checksum_complete(skb);
}

/* False: *@reason says why it must be dropped. */
static bool validate_header(struct net *net, struct sk_buff *skb,
			    enum skb_drop_reason *reason)
{
	u8 hdr_len = tcpx_wire_hdr_len(skb->data);

	if (hdr_len < TCPX_HDR_LEN || !pskb_may_pull(skb, hdr_len)) {
		TCPX_INC(net, InErrs);
		TCPX_INC(net, InHdrErrors);
		*reason = SKB_DROP_REASON_PKT_TOO_SMALL;
		return false;
	}
	if (!has_good_checksum(skb)) {
		TCPX_INC(net, InErrs);
		TCPX_INC(net, InCsumErrors);
		*reason = SKB_DROP_REASON_TCP_CSUM;
		return false;
	}

	return true;
}

static bool may_pass_policy(struct sock *sk, struct sk_buff *skb)
{
	return is_ipv4(skb) ? xfrm4_policy_check(sk, XFRM_POLICY_IN, skb) :
			      xfrm6_policy_check(sk, XFRM_POLICY_IN, skb);
}

static bool has_min_ttl(const struct sock *sk, const struct sk_buff *skb)
{
	if (is_ipv4(skb))
		return ip_hdr(skb)->ttl >= READ_ONCE(inet_sk(sk)->min_ttl);

	return ipv6_hdr(skb)->hop_limit >= READ_ONCE(inet6_sk(sk)->min_hopcount);
}

/* What @sk, the connection or the listener, wants to be kept from it. */
static bool may_receive(struct net *net, struct sock *sk, struct sk_buff *skb,
			enum skb_drop_reason *reason)
{
	if (!has_min_ttl(sk, skb)) {
		TCPX_INC(net, MinTTLDrop);
		*reason = SKB_DROP_REASON_TCP_MINTTL;
		return false;
	}
	if (!may_pass_policy(sk, skb)) {
		*reason = SKB_DROP_REASON_XFRM_POLICY;
		return false;
	}
	nf_reset_ct(skb);

	/* A filter may cut the payload, not the header. */
	if (sk_filter_trim_cap(sk, skb, tcpx_wire_hdr_len(skb->data), reason)) {
		TCPX_INC(net, FilterDrop);
		return false;
	}

	return true;
}

static void parse_options(struct tcpx_seg *seg, const u8 *th)
{
	struct tcpx_options opt;

	/* The usual layout, RFC 7323 appendix A: NOP, NOP, timestamps. */
	if (seg->hdr_len == TCPX_HDR_LEN + TCPX_OPTLEN_TS_ALIGNED &&
	    tcpx_wire_be32(th + TCPX_HDR_LEN) ==
	    (TCPX_OPT_NOP << 24 | TCPX_OPT_NOP << 16 |
	     TCPX_OPT_TS << 8 | TCPX_OPTLEN_TS)) {
		seg->options = TCPX_HAS_TS;
		seg->tsval = tcpx_wire_be32(th + TCPX_HDR_LEN + 4);
		seg->tsecr = tcpx_wire_be32(th + TCPX_HDR_LEN + 8);
		return;
	}
	if (seg->hdr_len == TCPX_HDR_LEN)
		return;

	tcpx_options_parse(th + TCPX_HDR_LEN, seg->hdr_len - TCPX_HDR_LEN,
			   seg->flags & TCPX_FLAG_SYN, &opt);
	seg->options = opt.present;
	seg->tsval = opt.tsval;
	seg->tsecr = opt.tsecr;
	seg->sack_off = opt.sack_off;
	seg->accecn_off = opt.accecn_off;
}

/*
 * Make the segment of the header at skb->data, in the place of IP's control
 * block, and cut @skb loose from its device.
 */
static void parse_segment(struct sk_buff *skb)
{
	struct tcpx_seg *seg = tcpx_seg(skb);
	const u8 *th = skb->data;
	int iif, sdif;
	u8 tos;

	BUILD_BUG_ON(sizeof(*seg) > sizeof(skb->cb));

	if (is_ipv4(skb)) {
		iif = inet_iif(skb);
		sdif = inet_sdif(skb);
		tos = ip_hdr(skb)->tos;
	} else {
		iif = inet6_iif(skb);
		sdif = inet6_sdif(skb);
		tos = ipv6_get_dsfield(ipv6_hdr(skb));
	}
	/* The compiler must not move the reads behind the stores. */
	barrier();

	memset(seg, 0, sizeof(*seg));
	seg->iif = iif;
	seg->sdif = sdif;
	seg->ecn = tos & INET_ECN_MASK;
	seg->seq = tcpx_wire_be32(th + 4);
	seg->ack = tcpx_wire_be32(th + 8);
	seg->hdr_len = tcpx_wire_hdr_len(th);
	seg->flags = tcpx_wire_flags(th);
	seg->wnd = tcpx_wire_be16(th + 14);
	seg->urp = tcpx_wire_be16(th + 18);
	seg->len = skb->len - seg->hdr_len;
	seg->end_seq = seg->seq + seg->len + tcpx_wire_syn_fin(seg->flags);
	parse_options(seg, th);

	skb->dev = NULL;
}

/* And from its route: it may be queued for long. */
static void parse_and_cut_loose(struct sk_buff *skb)
{
	parse_segment(skb);
	skb_dst_drop(skb);
}

/* As native: what the user may not have read yet, and our ACKs' skbs. */
static u32 backlog_limit(const struct sock *sk)
{
	u64 limit = (u64)READ_ONCE(sk->sk_rcvbuf) * 2;

	limit += READ_ONCE(sk->sk_sndbuf) / 2 + 64 * 1024;
	return min_t(u64, limit, U32_MAX);
}

static void deliver_to_connection(struct net *net, struct sock *sk,
				  struct sk_buff *skb)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_SOCKET_BACKLOG;

	if (!may_receive(net, sk, skb, &reason))
		goto drop;

	sk_incoming_cpu_update(sk);
	sk_mark_napi_id(sk, skb);
	sock_rps_save_rxhash(sk, skb);
	parse_segment(skb);

	bh_lock_sock_nested(sk);
	if (!sock_owned_by_user(sk)) {
		tcpx_early_keep_route(sk, skb);
		skb_dst_drop(skb);
		tcpx_input(sk, skb);
		bh_unlock_sock(sk);
		return;
	}
	skb_dst_drop(skb);
	if (sk_add_backlog(sk, skb, backlog_limit(sk))) {
		bh_unlock_sock(sk);
		TCPX_INC(net, BacklogDrop);
		goto drop;
	}
	bh_unlock_sock(sk);
	return;

drop:
	sk_drops_add(sk, skb);
	kfree_skb_reason(skb, reason);
}

static void deliver_to_listener(struct net *net, struct sock *sk,
				struct sk_buff *skb)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_NOT_SPECIFIED;

	if (is_bad_address(skb)) {
		reason = SKB_DROP_REASON_IP_INADDRERRORS;
	} else if (may_receive(net, sk, skb, &reason)) {
		parse_and_cut_loose(skb);
		tcpx_listen_input(sk, skb, 0);
		return;
	}

	sk_drops_add(sk, skb);
	kfree_skb_reason(skb, reason);
}

static void deliver_to_request(struct net *net, struct tcpx_request *req,
			       struct sk_buff *skb)
{
	struct sock *listener = req->common.skc_listener;
	enum skb_drop_reason reason;

	if (!may_receive(net, listener, skb, &reason)) {
		sk_drops_add(listener, skb);
		kfree_skb_reason(skb, reason);
		return;
	}
	parse_and_cut_loose(skb);
	tcpx_listen_input_request(req, skb);
}

static void deliver_to_timewait(struct tcpx_timewait *tw, struct sk_buff *skb)
{
	if (!may_pass_policy(NULL, skb)) {
		kfree_skb_reason(skb, SKB_DROP_REASON_XFRM_POLICY);
		return;
	}
	nf_reset_ct(skb);
	parse_and_cut_loose(skb);
	tcpx_timewait_input(tw, skb);
}

static void deliver_to_object(struct net *net, struct sock_common *common,
			      struct sk_buff *skb)
{
	switch (READ_ONCE(common->skc_state)) {
	case TCP_TIME_WAIT:
		deliver_to_timewait((struct tcpx_timewait *)common, skb);
		break;
	case TCP_NEW_SYN_RECV:
		deliver_to_request(net, (struct tcpx_request *)common, skb);
		break;
	default:
		deliver_to_connection(net, (struct sock *)common, skb);
	}
}

/* Found by early.c: ours, with a reference. */
static bool is_found(const struct sk_buff *skb)
{
	return skb->destructor == sock_edemux && sk_fullsock(skb->sk) &&
	       skb->sk->sk_protocol == TCPX_SK_PROTOCOL;
}

/*
 * It may be over since, or another connection of the same socket: then the
 * table is asked once more.
 */
static struct sock_common *take_found(struct net *net, struct sk_buff *skb)
{
	const struct tcphdr *th = tcp_hdr(skb);
	struct sock *sk = skb->sk;

	skb->sk = NULL;
	skb->destructor = NULL;
	if (likely(READ_ONCE(sk->sk_state) != TCP_CLOSE &&
		   inet_sk(sk)->inet_sport == th->dest &&
		   inet_sk(sk)->inet_dport == th->source)) {
		TCPX_INC(net, EarlyDemux);
		return &sk->__sk_common;
	}
	sock_put(sk);
	return NULL;
}

/* False: not ours, nothing done to @skb. Else @skb is consumed. */
static bool take_segment(struct sk_buff *skb)
{
	struct net *net = dev_net(skb->dev);
	struct sock_common *common = NULL;
	struct sock *listener = NULL;
	enum skb_drop_reason reason;

	/* Native drops these without an answer, as we would. */
	if (skb->pkt_type != PACKET_HOST ||
	    !pskb_may_pull(skb, TCPX_HDR_LEN)) {
		skb_orphan(skb);	/* native must not take it for its own */
		return false;
	}

	if (skb->sk)
		common = take_found(net, skb);
	if (!common)
		common = tcpx_hash_find(net, skb);
	if (!common) {
		listener = tcpx_hash_find_listener(net, skb);
		if (!listener)
			return false;
	}

	count_segments(net, skb);
	if (!validate_header(net, skb, &reason))
		kfree_skb_reason(skb, reason);
	else if (common)
		deliver_to_object(net, common, skb);
	else
		deliver_to_listener(net, listener, skb);

	if (common)
		tcpx_hash_put(common);
	return true;
}

/* skb->sk: native's connection, or chosen by TPROXY or BPF, or by early.c. */
static bool may_be_ours(const struct sk_buff *skb)
{
	return static_branch_unlikely(&used_branch) &&
	       (!skb->sk || is_found(skb));
}

static int tcpx_demux4_input(struct sk_buff *skb)
{
	if (may_be_ours(skb) && take_segment(skb))
		return 0;

	return native4->handler(skb);
}

static int tcpx_demux6_input(struct sk_buff *skb)
{
	if (may_be_ours(skb) && take_segment(skb))
		return 0;

	return native6->handler(skb);
}

static int tcpx_demux4_err(struct sk_buff *skb, u32 info)
{
	int err = -ENOENT;

	if (static_branch_unlikely(&used_branch))
		err = tcpx_icmp4_err(skb, info);

	return err == -ENOENT ? native4->err_handler(skb, info) : err;
}

static int tcpx_demux6_err(struct sk_buff *skb, struct inet6_skb_parm *opt,
			   u8 type, u8 code, int offset, __be32 info)
{
	int err = -ENOENT;

	if (static_branch_unlikely(&used_branch))
		err = tcpx_icmp6_err(skb, opt, type, code, offset, info);

	return err == -ENOENT ?
	       native6->err_handler(skb, opt, type, code, offset, info) : err;
}

/* Put @new into IP's table of protocols if @old is there still. */
static bool swap4(const struct net_protocol *old,
		  const struct net_protocol *new)
{
	const struct net_protocol **slot = (const struct net_protocol __force **)
					   &inet_protos[IPPROTO_TCP];

	return cmpxchg(slot, old, new) == old;
}

static bool swap6(const struct inet6_protocol *old,
		  const struct inet6_protocol *new)
{
	const struct inet6_protocol **slot =
		(const struct inet6_protocol __force **)
		&inet6_protos[IPPROTO_TCP];

	return cmpxchg(slot, old, new) == old;
}

int tcpx_demux_init(void)
{
	native4 = rcu_access_pointer(inet_protos[IPPROTO_TCP]);
	if (!native4)
		return -ENOENT;
	ours4 = *native4;
	ours4.handler = tcpx_demux4_input;
	ours4.err_handler = tcpx_demux4_err;
	if (!swap4(native4, &ours4))
		return -EBUSY;

	/* Absent with ipv6.disable=1. */
	native6 = rcu_access_pointer(inet6_protos[IPPROTO_TCP]);
	if (!native6)
		return 0;
	ours6 = *native6;
	ours6.handler = tcpx_demux6_input;
	ours6.err_handler = tcpx_demux6_err;
	if (!swap6(native6, &ours6)) {
		native6 = NULL;
		while (tcpx_demux_exit())
			schedule_timeout_idle(HZ);
		return -EBUSY;
	}

	return 0;
}

/*
 * -EBUSY: somebody has put himself in front of us since, as we did with
 * native, and calls us. Our text must stay: call again later. What was
 * restored stays so.
 */
int tcpx_demux_exit(void)
{
	static bool restored4, restored6;

	if (!restored4)
		restored4 = swap4(&ours4, native4);
	if (!restored6)
		restored6 = !native6 || swap6(&ours6, native6);
	if (!restored4 || !restored6)
		return -EBUSY;

	/* Segments that are in one of our handlers. */
	synchronize_net();
	/* TIME-WAIT blocks, purged later, are not to start the work again. */
	atomic_inc(&used);
	cancel_delayed_work_sync(&idle_work);
	return 0;
}
