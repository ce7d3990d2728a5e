// SPDX-License-Identifier: GPL-2.0
/*
 * How large a segment may be: the peer's MSS and the path MTU (RFC 9293 3.7).
 *
 * The path MTU is what the route says, lowered by ICMP (RFC 1191, 8201). ICMP
 * may be forged: what it says counts at once only for a size of which nothing
 * has arrived yet, else after a timeout (RFC 5927 7.2).
 */
#include "tcpx.h"
#include "ip.h"

#include <net/dst.h>
#include <net/tcp.h>

static const struct tcpx_knobs *knobs_of(const struct tcpx_sock *tcb)
{
	return &tcpx_net(sock_net(tcpx_to_sk(tcb)))->knobs;
}

static u32 mss_of_mtu(const struct tcpx_ip_ops *ip, u32 mtu)
{
	u32 headers = ip->header_len + TCPX_HDR_LEN;

	return mtu > headers ? min_t(u32, mtu - headers,
				     TCPX_MSS_MAX - headers) : 0;
}

u16 tcpx_pmtu_adv_mss(const struct tcpx_ip_ops *ip, u16 mss_user, u32 mtu)
{
	u32 mss = mss_of_mtu(ip, mtu);

	if (mss_user)
		mss = min_t(u32, mss, mss_user);
	return max_t(u32, mss, TCPX_MSS_MIN);
}

/* RFC 9293 3.7.1: Eff.snd.MSS = min(SendMSS, MMS_S) - options. */
static u32 mss_of_path(const struct tcpx_sock *tcb, u32 mtu)
{
	u32 mss = min_t(u32, mss_of_mtu(tcb->ip, mtu), tcb->snd.mss_peer);

	if (tcb->snd.mss_user)
		mss = min_t(u32, mss, tcb->snd.mss_user);
	mss = max_t(u32, mss, READ_ONCE(knobs_of(tcb)->min_snd_mss));
	mss -= min(tcb->ip->options_len(tcb), mss / 2);
	if (tcb->rcv.ts_ok)
		mss -= TCPX_OPTLEN_TS_ALIGNED;
	return mss;
}

void tcpx_pmtu_sync_mss(struct tcpx_sock *tcb, u32 mtu)
{
	u32 mss;

	tcb->snd.pmtu = mtu;
	mss = mss_of_path(tcb, mtu);
	if (tcb->snd.mss == mss)
		return;
	tcb->snd.mss = mss;
	tcpx_cong_set_smss(&tcb->cong, mss);
}

/*
 * RFC 7413 4.1.3: what the server's MSS of last time (0: not known) takes, with
 * room for all options there can be, as native.
 */
u32 tcpx_pmtu_syn_room(const struct tcpx_sock *tcb, u16 mss_peer)
{
	u32 mss = min_t(u32, mss_of_mtu(tcb->ip, tcb->snd.pmtu),
			mss_peer ?: tcb->rcv.mss);
	u32 options_len = TCPX_OPTIONS_LEN_MAX + tcb->ip->options_len(tcb);

	if (tcb->snd.mss_user)
		mss = min_t(u32, mss, tcb->snd.mss_user);
	return mss > options_len ? mss - options_len : 0;
}

void tcpx_pmtu_route_changed(struct tcpx_sock *tcb, struct dst_entry *dst)
{
	u32 size = READ_ONCE(dst->dev->gso_max_size);
	struct sock *sk = tcpx_to_sk(tcb);

	/* sk_setup_caps() leaves 0 where the device has no GSO; IP has. */
	size = min_t(u32, size, GSO_LEGACY_MAX_SIZE);
	sk->sk_gso_max_size = size - (MAX_TCP_HEADER + 1);
	sk->sk_gso_max_segs = min_t(u32, READ_ONCE(dst->dev->gso_max_segs),
				    U16_MAX);
	if (tcb->snd.pmtu != dst_mtu(dst))
		tcpx_pmtu_sync_mss(tcb, dst_mtu(dst));
}

void tcpx_pmtu_follow_route(struct tcpx_sock *tcb)
{
	struct dst_entry *dst = tcb->ip->route(tcpx_to_sk(tcb));

	if (dst && unlikely(dst_mtu(dst) != tcb->snd.pmtu))
		tcpx_pmtu_route_changed(tcb, dst);
}

/* --- what ICMP says ------------------------------------------------------ */

/*
 * RFC 1191, 8201: what was larger than the path must be sent again, smaller,
 * and without a congestion response.
 */
static void lower(struct tcpx_sock *tcb, u32 mtu)
{
	u32 old_mss = tcb->snd.mss;
	struct sk_buff *skb;

	tcpx_pmtu_sync_mss(tcb, mtu);
	/* The SYN that comes next tells what the path takes. */
	if (tcpx_to_sk(tcb)->sk_state == TCP_SYN_SENT)
		tcb->rcv.mss = tcpx_pmtu_adv_mss(tcb->ip, tcb->snd.mss_user,
						 mtu);
	if (tcb->snd.mss >= old_mss)
		return;
	for (skb = tcpx_rtx_head(tcpx_to_sk(tcb)); skb; skb = skb_rb_next(skb)) {
		if (skb->len - tcpx_tx_cb(skb)->skip <= tcb->snd.mss)
			continue;
		tcpx_recovery_mark_lost(tcb, skb);
	}
}

/* @mtu as ICMP has it; the route may know better what to do with a tiny one. */
static void believe(struct tcpx_sock *tcb, u32 mtu)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct dst_entry *dst = sk_dst_get(sk);

	if (dst) {
		dst->ops->update_pmtu(dst, sk, NULL, mtu, true);
		dst_release(dst);
	}
	TCPX_INC(sock_net(sk), PMTUUpdates);
	tcb->snd.pmtu_pending = 0;
	tcb->snd.mss_acked = 0;
	lower(tcb, max_t(u32, mtu, tcb->ip->mtu_min));
}

/* Payload of the largest segment that @len bytes of @skb were sent in. */
static u32 sent_size(const struct sk_buff *skb, u32 len)
{
	return min_t(u32, len, tcpx_tx_cb(skb)->gso_size);
}

/* Is there such a segment at @seq that @mss is too small for? */
static bool is_in_flight(const struct tcpx_sock *tcb, u32 seq, u32 mss)
{
	struct sk_buff *skb = tcpx_recovery_find(tcpx_to_sk(tcb), seq);

	return skb && sent_size(skb, skb->len) > mss;
}

/*
 * RFC 5927 7.2: where segments arrive that are larger than what ICMP says, it
 * is forged, or the path has changed; then one of them times out. That makes
 * an attacker wait for a loss that he cannot cause, and costs a path that does
 * shrink one timeout.
 */
void tcpx_pmtu_too_big(struct tcpx_sock *tcb, u32 mtu, u32 seq)
{
	struct sock *sk = tcpx_to_sk(tcb);
	u32 mss;

	sock_owned_by_me(sk);
	if (!mtu || mtu >= tcb->snd.pmtu)
		return;
	mss = mss_of_path(tcb, max_t(u32, mtu, tcb->ip->mtu_min));
	if (sk->sk_state == TCP_SYN_SENT) {
		believe(tcb, mtu);
	} else if (!is_in_flight(tcb, seq, mss)) {
		tcb->snd.pmtu_pending = 0;
		TCPX_INC(sock_net(sk), PMTUIgnored);
		return;
	} else if (tcb->snd.mss_acked > mss && !tcb->recovery.timeouts) {
		tcb->snd.pmtu_pending = mtu;
		TCPX_INC(sock_net(sk), PMTUDelayed);
		return;
	} else {
		believe(tcb, mtu);
	}
	tcpx_recovery_retransmit(tcb);
}

void tcpx_pmtu_timed_out(struct tcpx_sock *tcb)
{
	if (!tcpx_state_in(tcpx_to_sk(tcb)->sk_state, TCPX_SYNCHRONIZED))
		return;
	tcpx_pmtu_follow_route(tcb);
	if (unlikely(tcb->snd.pmtu_pending) &&
	    !test_bit(TCPX_DEFER_MTU, &tcb->deferred))
		believe(tcb, tcb->snd.pmtu_pending);
}

void tcpx_pmtu_arrived(struct tcpx_sock *tcb, const struct sk_buff *skb,
		       u32 len)
{
	u32 size = sent_size(skb, len);

	if (size > tcb->snd.mss_acked)
		tcb->snd.mss_acked = size;
	if (unlikely(tcb->snd.pmtu_pending) &&
	    !test_bit(TCPX_DEFER_MTU, &tcb->deferred))
		tcb->snd.pmtu_pending = 0;
}
