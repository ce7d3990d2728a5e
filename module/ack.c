// SPDX-License-Identifier: GPL-2.0
/*
 * The fifth check of RFC 9293 3.10.7.4: SND.UNA, the send window, the RTT
 * sample; what it means for loss and congestion is recovery.c's.
 */
#include "tcpx.h"
#include "metrics.h"
#include "trace.h"

#include <net/tcp.h>

/* --- the retransmission queue -------------------------------------------- */

/*
 * RFC 6298 3, Karn: a segment that was sent twice gives no sample. The first
 * segment that the ACK covers is the one that waited longest.
 */
static void take_rtt(struct tcpx_ack_sample *sample, const struct sk_buff *skb,
		     bool *karn)
{
	s64 delta_ns;

	if (tcpx_tx_cb(skb)->marks & TCPX_TX_EVER_RETRANS) {
		*karn = true;
		sample->rtt_us = -1;
	} else if (!*karn && sample->rtt_us < 0 &&
		   !(tcpx_tx_cb(skb)->marks & TCPX_TX_SACKED)) {
		/* It may lie in the future: fq was to hold it. */
		delta_ns = sample->now_ns - skb->skb_mstamp_ns;
		sample->rtt_us = div_u64(max_t(s64, delta_ns, 0),
					 NSEC_PER_USEC);
	}
}

/* Free what lies below @ack; a skb that it cuts is only told so. */
static void free_acked(struct tcpx_sock *tcb, u32 ack,
		       struct tcpx_ack_sample *sample)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct tcpx_tx_cb *cb;
	struct sk_buff *skb;
	bool karn = false;

	while ((skb = tcpx_rtx_head(sk))) {
		cb = tcpx_tx_cb(skb);
		if (!tcpx_seq_before(cb->seq, ack))
			break;
		take_rtt(sample, skb, &karn);
		if (tcpx_seq_after(cb->end_seq, ack)) {
			tcpx_scoreboard_acked(tcb, skb, ack, sample);
			cb->skip += ack - cb->seq;
			cb->seq = ack;
			tcpx_pmtu_arrived(tcb, skb, cb->skip);
			break;
		}
		tcpx_scoreboard_acked(tcb, skb, cb->end_seq, sample);
		tcpx_pmtu_arrived(tcb, skb, skb->len);
		tcpx_rtx_unlink(sk, skb);
		tcpx_tx_free(sk, skb);
	}
}

/* RFC 7323 4: with timestamps even a retransmission gives a sample. */
static void sample_rtt(struct tcpx_sock *tcb, struct tcpx_ack_sample *sample)
{
	u32 delta_ms;

	if (sample->rtt_us < 0 && sample->has_tsecr) {
		delta_ms = tcpx_ts_of(sample->now_ns) - sample->tsecr_ms;
		if ((s32)delta_ms >= 0 && delta_ms < 1000 * MSEC_PER_SEC)
			sample->rtt_us = max_t(s64, 1,
					       (s64)delta_ms * USEC_PER_MSEC);
	}
	if (sample->rtt_us >= 0)
		tcpx_rtt_sample(&tcb->rtt, sample->rtt_us);
}

/* --- the send window ----------------------------------------------------- */

static u32 scaled_window(const struct tcpx_sock *tcb, const struct tcpx_seg *seg)
{
	if (seg->flags & TCPX_FLAG_SYN)
		return seg->wnd;
	return (u32)seg->wnd << tcb->snd.wscale;
}

/* RFC 9293 3.10.7.4: not from an old segment (SND.WL1, SND.WL2). */
static bool may_update_window(const struct tcpx_sock *tcb,
			      const struct tcpx_seg *seg)
{
	return tcpx_seq_before(tcb->snd.wl1, seg->seq) ||
	       (tcb->snd.wl1 == seg->seq &&
		tcpx_seq_before_eq(tcb->snd.wl2, seg->ack));
}

/* True if the window changed. */
static bool update_window(struct tcpx_sock *tcb, const struct tcpx_seg *seg)
{
	u32 wnd = scaled_window(tcb, seg);
	bool changed;

	if (!may_update_window(tcb, seg))
		return false;
	changed = tcb->snd.wnd != wnd;
	if (wnd && !tcb->snd.wnd)
		tcb->recovery.probes = 0;
	tcb->snd.wnd = wnd;
	tcb->snd.wl1 = seg->seq;
	tcb->snd.wl2 = seg->ack;
	tcb->snd.max_wnd = max(tcb->snd.max_wnd, wnd);
	return changed;
}

/* --- the check ----------------------------------------------------------- */

/*
 * RFC 5961 5, RFC 9293 MAY-12: not older than the largest window offered. Two
 * ends that lost their common numbers would answer each other for ever: one
 * ACK a while (SEC-13).
 */
static enum skb_drop_reason check_range(struct tcpx_sock *tcb,
					const struct sk_buff *skb)
{
	struct net *net = sock_net(tcpx_to_sk(tcb));
	u32 ack = tcpx_seg(skb)->ack;
	enum skb_drop_reason reason;

	if (unlikely(tcpx_seq_after(ack, tcb->snd.nxt)))
		reason = SKB_DROP_REASON_TCP_ACK_UNSENT_DATA;
	else if (unlikely(tcpx_seq_before(ack, tcb->snd.una -
					       tcb->snd.max_wnd)))
		reason = SKB_DROP_REASON_TCP_TOO_OLD_ACK;
	else
		return SKB_NOT_DROPPED_YET;

	TCPX_INC(net, AckOutOfRange);
	if (!tcpx_xmit_is_limited(net, &tcb->rcv.ack_limit_ms))
		tcpx_xmit_challenge_ack(tcb);
	return reason;
}

/*
 * RFC 6582 3.2 step 3: without SACK one hole is repaired in a round trip, and
 * the timer, which only the first partial ACK restarts, may be quicker.
 */
static bool keeps_timer(const struct tcpx_sock *tcb, u32 ack)
{
	const struct tcpx_recovery *r = &tcb->recovery;

	return r->state == TCPX_RECOVERY && r->partial && !tcb->rcv.sack_ok &&
	       tcpx_seq_before(ack, r->recover);
}

static void una_advanced(struct tcpx_sock *tcb, struct sk_buff *skb,
			 struct tcpx_ack_sample *sample)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	struct sock *sk = tcpx_to_sk(tcb);

	sample->acked = seg->ack - tcb->snd.una;
	tcb->stats.bytes_acked += sample->acked;
	free_acked(tcb, seg->ack, sample);
	WRITE_ONCE(tcb->snd.una, seg->ack);
	tcb->recovery.timeouts = 0;
	sample_rtt(tcb, sample);
	if (tcb->snd.urgent && tcpx_seq_after_eq(tcb->snd.una, tcb->snd.up))
		tcb->snd.urgent = 0;
	sk_dst_confirm(sk);
}

enum skb_drop_reason tcpx_ack(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	struct tcpx_ack_sample sample = {
		.prior_una = tcb->snd.una,
		.prior_flight = tcpx_flight(tcb),
		.ranges_seq = tcb->snd.una,
		.prior_fack = tcb->rack.has_fack ? tcb->rack.fack :
						   tcb->snd.una,
		.now_ns = ktime_get_ns(),
		.rtt_us = -1,
	};
	bool window_changed, keeps = keeps_timer(tcb, seg->ack);
	enum skb_drop_reason reason;

	reason = check_range(tcb, skb);
	if (unlikely(reason))
		return reason;
	tcb->recovery.probes_unanswered = 0;

	if (likely(tcb->rcv.ts_ok && seg->options & TCPX_HAS_TS &&
		   seg->tsecr)) {
		sample.has_tsecr = true;
		sample.tsecr_ms = seg->tsecr - tcb->snd.ts_offset;
	}
	window_changed = tcpx_seq_after_eq(seg->ack, tcb->snd.una) &&
			 update_window(tcb, seg);
	if (tcpx_seq_after(seg->ack, tcb->snd.una))
		una_advanced(tcb, skb, &sample);
	if (unlikely(seg->options & TCPX_HAS_SACK) && tcb->rcv.sack_ok)
		tcpx_scoreboard_sack(tcb, skb, &sample);

	if (unlikely(tcb->rcv.ecn & TCPX_ECN_SEND))
		tcpx_ecn_feedback(tcb, skb, &sample);
	/* RFC 5681 2: all five conditions of a duplicate ACK. */
	sample.duplicate = sample.prior_flight && !seg->len &&
			   !(seg->flags & (TCPX_FLAG_SYN | TCPX_FLAG_FIN)) &&
			   seg->ack == sample.prior_una && !window_changed;
	tcb->rcv.last_data_ns = sample.now_ns;
	if (sample.prior_flight) {
		tcpx_recovery_ack(tcb, &sample);
		tcpx_timers_acked(tcb, sample.now_ns, sample.acked && !keeps,
				  sample.reorder_ns);
	}
	return SKB_NOT_DROPPED_YET;
}

/* Our SYN is acknowledged; the handshake does not open cwnd (6928-2). */
void tcpx_ack_of_syn(struct tcpx_sock *tcb, u32 ack)
{
	struct tcpx_ack_sample sample = {
		.now_ns = ktime_get_ns(),
		.rtt_us = -1,
	};
	bool again = tcb->recovery.timeouts;

	free_acked(tcb, ack, &sample);
	WRITE_ONCE(tcb->snd.una, ack);
	tcb->recovery.timeouts = 0;
	if (sample.rtt_us >= 0)
		tcpx_rtt_sample(&tcb->rtt, sample.rtt_us);
	else if (again)
		tcpx_rtt_syn_lost(&tcb->rtt);
	tcpx_metrics_apply(tcb);
	tcpx_timers_acked(tcb, sample.now_ns, true, 0);
}
