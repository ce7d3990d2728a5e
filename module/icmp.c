// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP errors about our segments. RFC 5927: an error counts only if the
 * sequence number that it quotes is in flight, and never ends a synchronised
 * connection. RFC 1191, 8201: path MTU; whether to believe it is pmtu.c's.
 *
 * Deviation: hard errors end a connection in SYN-SENT and SYN-RECEIVED only,
 * though RFC 9293 3.9.2.2 (SHLD-26) has them end any; RFC 5927 6.1 and native
 * do the same. Soft errors end none (MUST-56), where native ends a connect():
 * they are reported if the connection times out.
 */
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>

#include <net/icmp.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/ndisc.h>
#include <net/route.h>

#include "hash.h"
#include "ip.h"
#include "seq.h"
#include "state.h"
#include "tcpx.h"

/* One error as both versions see it. */
struct tcpx_icmp_error {
	u32 seq;	/* quoted */
	int err;	/* errno, 0: none to report */
	bool hard;
	bool mtu;	/* packet too big */
	bool redirect;
	u32 info;	/* its MTU, or the pointer of a parameter problem */
	u32 quoted_len;	/* of the quoted IP header, bytes */
	__be16 dport;	/* quoted */
};

static void path_mtu_changed(struct sock *sk, u32 mtu, u32 seq)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);

	if (tcpx_state_in(sk->sk_state, TCPX_S(LISTEN) | TCPX_S(CLOSED)))
		return;
	if (tcb->ip->family == AF_INET) {
		if (inet_sk(sk)->pmtudisc == IP_PMTUDISC_DONT ||
		    !ip_sk_accept_pmtu(sk))
			return;
	} else if (!ip6_sk_accept_pmtu(sk) || mtu < tcb->ip->mtu_min) {
		return;
	}

	if (!sock_owned_by_user(sk)) {
		tcpx_pmtu_too_big(tcb, mtu ?: 1, seq);
		return;
	}
	/* Never larger. */
	if (mtu >= READ_ONCE(tcb->snd.pmtu))
		return;
	/* Pairs with the READ_ONCE() of release_cb. */
	WRITE_ONCE(tcb->snd.pmtu_pending, clamp_t(u32, mtu, 1, U16_MAX));
	if (!test_and_set_bit(TCPX_DEFER_MTU, &tcb->deferred))
		sock_hold(sk);
}

static void follow_redirect(struct sock *sk, struct sk_buff *skb)
{
	u32 cookie = tcpx_sk(sk)->ip->family == AF_INET6 ?
		     inet6_sk(sk)->dst_cookie : 0;
	struct dst_entry *dst;

	if (sock_owned_by_user(sk))
		return;
	dst = __sk_dst_check(sk, cookie);
	if (dst)
		dst->ops->redirect(dst, sk, skb);
}

/* @skb is at the quoted TCP header. Type and code, and where the rest is. */
static void describe4(struct sock *sk, struct sk_buff *skb)
{
	struct sock_exterr_skb *serr = SKB_EXT_ERR(skb);
	const struct icmphdr *icmp = icmp_hdr(skb);
	const struct iphdr *quoted = (const struct iphdr *)(icmp + 1);

	serr->ee.ee_origin = SO_EE_ORIGIN_ICMP;
	serr->ee.ee_type = icmp->type;
	serr->ee.ee_code = icmp->code;
	serr->addr_offset = (u8 *)&quoted->daddr - skb_network_header(skb);
	if (inet_test_bit(RECVERR_RFC4884, sk))
		ip_icmp_error_rfc4884(skb, &serr->ee.ee_rfc4884, sizeof(*icmp),
				      icmp->un.reserved[1] * sizeof(u32));
}

static void describe6(struct sock *sk, struct sk_buff *skb)
{
	struct sock_exterr_skb *serr = SKB_EXT_ERR(skb);
	const struct icmp6hdr *icmp = icmp6_hdr(skb);
	const struct ipv6hdr *quoted = (const struct ipv6hdr *)(icmp + 1);

	skb->protocol = htons(ETH_P_IPV6);
	serr->ee.ee_origin = SO_EE_ORIGIN_ICMP6;
	serr->ee.ee_type = icmp->icmp6_type;
	serr->ee.ee_code = icmp->icmp6_code;
	serr->addr_offset = (u8 *)&quoted->daddr - skb_network_header(skb);
	if (inet6_test_bit(RECVERR6_RFC4884, sk))
		ip_icmp_error_rfc4884(skb, &serr->ee.ee_rfc4884, sizeof(*icmp),
				      icmp->icmp6_datagram_len * sizeof(u64));
}

/* For recvmsg(MSG_ERRQUEUE): the error with what it quotes of ours. */
static void queue_error(struct sock *sk, struct sk_buff *skb,
			const struct tcpx_icmp_error *error)
{
	struct sock_exterr_skb *serr;

	skb = skb_clone(skb, GFP_ATOMIC);
	if (!skb)
		return;

	serr = SKB_EXT_ERR(skb);
	memset(&serr->ee, 0, sizeof(serr->ee));
	serr->ee.ee_errno = error->err;
	serr->ee.ee_info = error->info;
	serr->port = error->dport;
	__skb_pull(skb, error->quoted_len);
	if (tcpx_sk(sk)->ip->family == AF_INET6)
		describe6(sk, skb);
	else
		describe4(sk, skb);
	skb_reset_transport_header(skb);
	if (sock_queue_err_skb(sk, skb))
		kfree_skb(skb);
}

/*
 * As native, but that it queues errors of IPv4 for everybody: an error that
 * ends nothing must not make poll() of those who do not ask return (SHLD-20).
 */
static void report(struct sock *sk, struct sk_buff *skb,
		   const struct tcpx_icmp_error *error)
{
	bool opening = tcpx_state_in(sk->sk_state, TCPX_S(SYN_SENT) |
						   TCPX_S(SYN_RECEIVED)) &&
		       !tcpx_is_early(tcpx_sk(sk));

	if (opening && tcpx_sock_wants_errors(sk))
		queue_error(sk, skb, error);

	if (sock_owned_by_user(sk)) {
		TCPX_INC(sock_net(sk), LockDroppedIcmps);
	} else if (opening && error->hard) {
		tcpx_fastopen_unreachable(tcpx_sk(sk));
		tcpx_sock_done(sk, TCPX_EV_RCV_RST, error->err);
		return;
	} else if (!opening && tcpx_sock_wants_errors(sk)) {
		/* Pairs with the xchg() of sock_error(). */
		WRITE_ONCE(sk->sk_err, error->err);
		sk_error_report(sk);
		return;
	}
	/* Pairs with the READ_ONCE() where a connection times out. */
	WRITE_ONCE(sk->sk_err_soft, error->err);
}

static void deliver_to_socket(struct sock *sk, struct sk_buff *skb,
			      const struct tcpx_icmp_error *error)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);

	bh_lock_sock(sk);
	if (sk->sk_state == TCP_CLOSE)
		goto out;

	/* SND.UNA <= SEQ < SND.NXT */
	if (!tcpx_seq_in_window(error->seq, tcb->snd.una,
				tcb->snd.nxt - tcb->snd.una)) {
		TCPX_INC(sock_net(sk), IcmpOutOfWindow);
		goto out;
	}

	if (error->mtu)
		path_mtu_changed(sk, error->info, error->seq);
	else if (error->redirect)
		follow_redirect(sk, skb);
	else if (error->err)
		report(sk, skb, error);
out:
	bh_unlock_sock(sk);
}

static int deliver(struct sock_common *common, struct sk_buff *skb,
		   const struct tcpx_icmp_error *error)
{
	switch (READ_ONCE(common->skc_state)) {
	case TCP_TIME_WAIT:
		break;
	case TCP_NEW_SYN_RECV:
		if (error->err)
			tcpx_listen_request_error((struct tcpx_request *)common,
						  error->seq, error->hard);
		break;
	default:
		deliver_to_socket((struct sock *)common, skb, error);
	}
	tcpx_hash_put(common);
	return 0;
}

static void classify4(struct tcpx_icmp_error *error, u8 type, u8 code)
{
	switch (type) {
	case ICMP_REDIRECT:
		error->redirect = true;
		break;
	case ICMP_PARAMETERPROB:
		error->err = EPROTO;
		break;
	case ICMP_TIME_EXCEEDED:
		error->err = EHOSTUNREACH;
		break;
	case ICMP_DEST_UNREACH:
		if (code > NR_ICMP_UNREACH)
			break;
		if (code == ICMP_FRAG_NEEDED) {
			error->mtu = true;
			break;
		}
		error->err = icmp_err_convert[code].errno;
		error->hard = icmp_err_convert[code].fatal;
	}
}

/* @skb is at the quoted IP header, with at least 8 bytes behind it. */
int tcpx_icmp4_err(struct sk_buff *skb, u32 info)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	const struct tcphdr *th = (const struct tcphdr *)(skb->data +
							  iph->ihl * 4);
	struct tcpx_icmp_error error = {
		.seq = ntohl(th->seq),
		.info = info,
		.quoted_len = iph->ihl * 4,
		.dport = th->dest,
	};
	struct tcpx_flow flow = {
		.net = dev_net(skb->dev),
		.family = AF_INET,
		.saddr4 = iph->saddr,
		.daddr4 = iph->daddr,
		.sport = th->source,
		.dport = th->dest,
	};
	struct sock_common *common;

	common = tcpx_hash_find_flow(&flow, inet_iif(skb), 0);
	if (!common)
		return -ENOENT;

	classify4(&error, icmp_hdr(skb)->type, icmp_hdr(skb)->code);
	return deliver(common, skb, &error);
}

static void classify6(struct tcpx_icmp_error *error, u8 type, u8 code)
{
	if (type == NDISC_REDIRECT)
		error->redirect = true;
	else if (type == ICMPV6_PKT_TOOBIG)
		error->mtu = true;
	else
		error->hard = icmpv6_err_convert(type, code, &error->err);
}

int tcpx_icmp6_err(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type,
		   u8 code, int offset, __be32 info)
{
	const struct ipv6hdr *hdr = (const struct ipv6hdr *)skb->data;
	const struct tcphdr *th = (const struct tcphdr *)(skb->data + offset);
	struct tcpx_icmp_error error = {
		.seq = ntohl(th->seq),
		.info = ntohl(info),
		.quoted_len = offset,
		.dport = th->dest,
	};
	struct tcpx_flow flow = {
		.net = dev_net(skb->dev),
		.family = AF_INET6,
		.saddr6 = hdr->saddr,
		.daddr6 = hdr->daddr,
		.sport = th->source,
		.dport = th->dest,
	};
	struct sock_common *common;

	common = tcpx_hash_find_flow(&flow, skb->dev->ifindex,
				     inet6_sdif(skb));
	if (!common)
		return -ENOENT;

	classify6(&error, type, code);
	return deliver(common, skb, &error);
}
