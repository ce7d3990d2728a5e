// SPDX-License-Identifier: GPL-2.0
/*
 * How large a segment may be: the peer's MSS and the path MTU (RFC 9293 3.7).
 *
 * The path MTU is what the route says, lowered by ICMP (RFC 1191, 8201). ICMP
 * may be forged: what it says counts at once only for a size of which nothing
 * has arrived yet, else after a timeout (RFC 5927 7.2).
 *
 * ICMP may also be missing. A full-sized segment that times out again and
 * again has met a black hole: smaller ones are sent (RFC 4821 7.7), and from
 * there on the largest that passes is searched for, by probes: segments of
 * data that are larger than the others (7.3 to 7.6). As long as there is a
 * search, snd.mtu_low is the size in use. It ends when the range is narrower
 * than probe_threshold, and begins again probe_interval later.
 */
#include "tcpx.h"
#include "ip.h"

#include <linux/ktime.h>

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
	if (unlikely(tcb->snd.mtu_low)) {
		tcb->snd.mtu_high = min_t(u32, tcb->snd.mtu_high, mtu);
		mtu = min_t(u32, tcb->snd.mtu_low, mtu);
	}
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
		tcpx_scoreboard_mark_lost(tcb, skb);
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
	struct sk_buff *skb = tcpx_scoreboard_find(tcpx_to_sk(tcb), seq);

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
	if (sk->sk_state != TCP_SYN_SENT && !is_in_flight(tcb, seq, mss)) {
		tcb->snd.pmtu_pending = 0;
		TCPX_INC(sock_net(sk), PMTUIgnored);
		return;
	}
	if (tcb->snd.mss_acked > mss && !tcb->recovery.timeouts) {
		tcb->snd.pmtu_pending = mtu;
		TCPX_INC(sock_net(sk), PMTUDelayed);
		return;
	}
	believe(tcb, mtu);
	tcpx_recovery_retransmit(tcb);
}

/* --- the search ---------------------------------------------------------- */

static u32 mtu_of_mss(const struct tcpx_sock *tcb, u32 mss)
{
	return min_t(u32, mss + tcb->ip->header_len + TCPX_HDR_LEN, U16_MAX);
}

/* More is not to be had from the route and the peer. */
static u32 mtu_bound(const struct tcpx_sock *tcb)
{
	u32 mtu = min(tcb->snd.pmtu, mtu_of_mss(tcb, tcb->snd.mss_peer));

	if (tcb->snd.mss_user)
		mtu = min(mtu, mtu_of_mss(tcb, tcb->snd.mss_user));
	return mtu;
}

/* A router that may cut our packets has no black hole to offer. */
static bool may_search(const struct tcpx_sock *tcb)
{
	const struct sock *sk = tcpx_to_sk(tcb);

	if (!READ_ONCE(knobs_of(tcb)->mtu_probing))
		return false;
	return tcb->ip->family == AF_INET6 ?
	       inet6_sk(sk)->pmtudisc != IPV6_PMTUDISC_DONT :
	       inet_sk(sk)->pmtudisc != IP_PMTUDISC_DONT;
}

static void search_from(struct tcpx_sock *tcb, u32 mss)
{
	const struct tcpx_knobs *knobs = knobs_of(tcb);
	u32 mtu;

	mss = max3(mss, (u32)READ_ONCE(knobs->mtu_probe_floor),
		   (u32)READ_ONCE(knobs->min_snd_mss));
	mtu = mtu_of_mss(tcb, mss);
	/* RFC 8200 5: all of IPv6 takes that. */
	if (tcb->ip->family == AF_INET6)
		mtu = max_t(u32, mtu, tcb->ip->mtu_min);
	tcb->snd.mtu_high = mtu_bound(tcb);
	tcb->snd.mtu_low = min_t(u32, mtu, tcb->snd.mtu_high);
	tcb->snd.search_s = ktime_get_seconds();
}

void tcpx_pmtu_start(struct tcpx_sock *tcb)
{
	const struct tcpx_knobs *knobs = knobs_of(tcb);

	if (unlikely(READ_ONCE(knobs->mtu_probing) == 2) && may_search(tcb))
		search_from(tcb, READ_ONCE(knobs->base_mss));
}

/*
 * RFC 4821 7.7: first base_mss, then half of what it was, down to the floor.
 * It counts only what is larger, so that a path that is down for everything
 * does not make the segments smaller than those that do not pass.
 */
static void leave_black_hole(struct tcpx_sock *tcb, const struct sk_buff *head)
{
	const struct tcpx_knobs *knobs = knobs_of(tcb);
	u32 base = READ_ONCE(knobs->base_mss), old = tcb->snd.mss;
	u16 low = tcb->snd.mtu_low, high = tcb->snd.mtu_high;

	if (sent_size(head, head->len) < old)
		return;
	search_from(tcb, base < old ? base : old / 2);
	tcpx_pmtu_sync_mss(tcb, tcb->snd.pmtu);
	if (tcb->snd.mss < old) {
		TCPX_INC(sock_net(tcpx_to_sk(tcb)), PMTUBlackHoles);
		return;
	}
	tcb->snd.mtu_low = low;
	tcb->snd.mtu_high = high;
	tcpx_pmtu_sync_mss(tcb, tcb->snd.pmtu);
}

void tcpx_pmtu_timed_out(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *head = tcpx_rtx_head(sk);

	if (!tcpx_state_in(sk->sk_state, TCPX_SYNCHRONIZED))
		return;
	tcpx_pmtu_follow_route(tcb);
	if (unlikely(tcb->snd.pmtu_pending) &&
	    !test_bit(TCPX_DEFER_MTU, &tcb->deferred))
		believe(tcb, tcb->snd.pmtu_pending);
	/* Congestion it is, but it may be the size as well. */
	if (unlikely(tcpx_tx_cb(head)->marks & TCPX_TX_PROBE))
		tcpx_pmtu_probe_lost(tcb, head);
	if (tcb->recovery.timeouts >= READ_ONCE(knobs_of(tcb)->retries1) &&
	    may_search(tcb))
		leave_black_hole(tcb, head);
}

/*
 * The size to try next, 0: none. First the largest, since what looked like a
 * black hole may have been something else; then halve the range.
 */
static u32 next_probe(struct tcpx_sock *tcb)
{
	const struct tcpx_knobs *knobs = knobs_of(tcb);
	u32 low = tcb->snd.mtu_low, high = tcb->snd.mtu_high;
	u32 bound = mtu_bound(tcb), passed_s;

	if (low >= bound)
		return 0;
	if (high < bound && high - min(low, high) <
			    READ_ONCE(knobs->probe_threshold)) {
		passed_s = (u32)ktime_get_seconds() - tcb->snd.search_s;
		if (passed_s < READ_ONCE(knobs->probe_interval_s))
			return 0;
		high = bound;
		tcb->snd.mtu_high = high;
	}
	return high == bound ? high : (low + high + 1) / 2;
}

/*
 * Data for the probe and behind it, so that duplicate ACKs tell if it is lost,
 * and nothing that is under repair (RFC 4821 7.5).
 */
u32 tcpx_pmtu_probe_len(struct tcpx_sock *tcb)
{
	const struct sk_buff *skb = tcpx_send_head(tcpx_to_sk(tcb));
	const struct tcpx_recovery *r = &tcb->recovery;
	u32 mtu, len, need;

	if (tcb->snd.mtu_probe || r->state != TCPX_OPEN || r->dupacks ||
	    r->sacked || r->lost || tcb->snd.urgent || !may_search(tcb))
		return 0;
	mtu = next_probe(tcb);
	if (!mtu)
		return 0;
	len = mss_of_path(tcb, mtu);
	need = len + (r->reordering + 1) * tcb->snd.mss;
	if (len <= tcb->snd.mss || skb->len < len || tcb->cong.cwnd < need ||
	    tcb->snd.write_seq - tcb->snd.nxt < need ||
	    (s32)(tcb->snd.una + tcb->snd.wnd - tcb->snd.nxt) < (s32)need)
		return 0;
	return len;
}

void tcpx_pmtu_probe_sent(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	tcpx_tx_cb(skb)->marks |= TCPX_TX_PROBE;
	tcb->snd.mtu_probe = 1;
}

void tcpx_pmtu_probe_void(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	if (likely(!(tcpx_tx_cb(skb)->marks & TCPX_TX_PROBE)))
		return;
	tcpx_tx_cb(skb)->marks &= ~TCPX_TX_PROBE;
	tcb->snd.mtu_probe = 0;
}

static u32 mtu_of_probe(const struct tcpx_sock *tcb, const struct sk_buff *skb)
{
	return mtu_of_mss(tcb, tcpx_tx_cb(skb)->gso_size +
			       tcb->ip->options_len(tcb) +
			       (tcb->rcv.ts_ok ? TCPX_OPTLEN_TS_ALIGNED : 0));
}

void tcpx_pmtu_probe_lost(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	TCPX_INC(sock_net(tcpx_to_sk(tcb)), MTUPFail);
	tcb->snd.mtu_high = min_t(u32, tcb->snd.mtu_high,
				  mtu_of_probe(tcb, skb) - 1);
	tcb->snd.search_s = ktime_get_seconds();
	tcpx_pmtu_probe_void(tcb, skb);
}

static void probe_arrived(struct tcpx_sock *tcb, const struct sk_buff *skb)
{
	TCPX_INC(sock_net(tcpx_to_sk(tcb)), MTUPSuccess);
	tcb->snd.mtu_low = max_t(u32, tcb->snd.mtu_low, mtu_of_probe(tcb, skb));
	tcb->snd.mtu_probe = 0;
	tcpx_pmtu_sync_mss(tcb, tcb->snd.pmtu);
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
	if (unlikely(tcpx_tx_cb(skb)->marks & TCPX_TX_PROBE) &&
	    len == skb->len)
		probe_arrived(tcb, skb);
}
