// SPDX-License-Identifier: GPL-2.0
/*
 * When to send again, and how much: fast recovery at the rate of RFC 9937 (PRR)
 * with SACK, NewReno (RFC 6582) without; loss after a timeout with F-RTO (RFC
 * 5682); what turns out to have been no loss is taken back (RFC 3522, 3708,
 * 4015). What is lost is told by scoreboard.c and rack.c.
 *
 * Without SACK a duplicate ACK counts as one SMSS SACKed somewhere above
 * SND.UNA, which makes RFC 6582's inflation of cwnd and RFC 3042's limited
 * transmit the same rule as with SACK.
 */
#include "tcpx.h"

#include <net/tcp.h>

void tcpx_recovery_init(struct tcpx_sock *tcb)
{
	const struct tcpx_knobs *knobs =
		&tcpx_net(sock_net(tcpx_to_sk(tcb)))->knobs;

	memset(&tcb->recovery, 0, sizeof(tcb->recovery));
	memset(&tcb->rack, 0, sizeof(tcb->rack));
	INIT_LIST_HEAD(&tcb->recovery.in_flight);
	tcb->recovery.reordering = READ_ONCE(knobs->reordering);
}

/* --- sending again ------------------------------------------------------- */

/* RFC 6675 5, step C: room for a whole segment. */
static bool has_room(const struct tcpx_sock *tcb)
{
	return tcpx_scoreboard_pipe(tcb) + tcb->snd.mss <= tcb->cong.cwnd;
}

/* What is lost, as far as the congestion window goes: NextSeg(), rule 1. */
void tcpx_recovery_retransmit(struct tcpx_sock *tcb)
{
	struct tcpx_recovery *r = &tcb->recovery;
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *skb;

	for (skb = tcpx_scoreboard_find(sk, r->pending_seq); skb && r->pending;
	     skb = skb_rb_next(skb)) {
		r->pending_seq = tcpx_tx_cb(skb)->seq;
		if (!tcpx_tx_is_pending(tcpx_tx_cb(skb)->marks))
			continue;
		if (!has_room(tcb) || tcpx_timers_is_paced(tcb) ||
		    tcpx_xmit_is_throttled(tcb, skb) ||
		    tcpx_output_retransmit(tcb, skb, tcb->cong.cwnd -
					   tcpx_scoreboard_pipe(tcb)))
			return;
		if (r->state == TCPX_LOSS) {
			TCPX_INC(sock_net(sk), SlowStartRetrans);
			continue;
		}
		TCPX_INC(sock_net(sk), FastRetrans);
		if (tcb->rcv.sack_ok && r->pending_seq == tcb->snd.una)
			tcpx_timers_head_sent_again(tcb);
	}
}

static bool may_send_new(const struct tcpx_sock *tcb)
{
	s32 room = tcb->snd.una + tcb->snd.wnd - tcb->snd.nxt;

	return tcpx_send_head(tcpx_to_sk(tcb)) && room >= tcb->snd.mss;
}

static bool retransmit_segment(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	if (tcpx_xmit_is_throttled(tcb, skb) ||
	    tcpx_output_retransmit(tcb, skb, tcb->snd.mss))
		return false;
	TCPX_INC(sock_net(tcpx_to_sk(tcb)), FastRetrans);
	return true;
}

/* The last segment outstanding: its SACK shows what is missing before it. */
static bool retransmit_last(struct tcpx_sock *tcb)
{
	struct sk_buff *skb = skb_rb_last(&tcpx_to_sk(tcb)->tcp_rtx_queue);
	u32 payload, keep;

	while (skb && tcpx_tx_cb(skb)->marks & TCPX_TX_SACKED)
		skb = skb_rb_prev(skb);
	if (!skb || tcpx_tx_cb(skb)->marks & TCPX_TX_RETRANS)
		return false;
	payload = skb->len - tcpx_tx_cb(skb)->skip;
	if (payload > tcb->snd.mss) {
		keep = rounddown(payload - 1, tcb->snd.mss);
		if (tcpx_output_split(tcb, skb, keep, GFP_ATOMIC))
			return false;
		skb = skb_rb_next(skb);
	}
	return retransmit_segment(tcb, skb);
}

void tcpx_recovery_probe(struct tcpx_sock *tcb)
{
	if (tcpx_output_beyond_cwnd(tcb))
		tcpx_rack_probe_sent(tcb, false);
	else if (retransmit_last(tcb))
		tcpx_rack_probe_sent(tcb, true);
}

/*
 * RFC 6675 4, NextSeg(): nothing is known to be lost, and there is nothing new
 * to send (rules 1 and 2). Then what is not SACKed below something that is
 * (3), else once the end of the flight (4).
 */
static void retransmit_unsacked(struct tcpx_sock *tcb)
{
	struct tcpx_recovery *r = &tcb->recovery;
	u32 above = r->sacked_above;
	struct sk_buff *skb = NULL;

	if (may_send_new(tcb) || !has_room(tcb))
		return;
	if (above)
		skb = tcpx_scoreboard_find(tcpx_to_sk(tcb), r->lost_seq);
	for (; skb && above; skb = skb_rb_next(skb)) {
		u8 marks = tcpx_tx_cb(skb)->marks;

		if (marks & TCPX_TX_SACKED)
			above -= tcpx_tx_bytes(skb);
		else if (!(marks & TCPX_TX_RETRANS) &&
			 (!has_room(tcb) || !retransmit_segment(tcb, skb)))
			return;
	}
	if (r->partial && !r->rescued && has_room(tcb))
		r->rescued = retransmit_last(tcb);
}

void tcpx_recovery_retransmitted(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_recovery *r = &tcb->recovery;
	u32 len = tcpx_tx_bytes(skb);

	if (unlikely(tcb->cong.sampled))
		tcpx_rate_sent(tcb, skb);
	if (r->state == TCPX_RECOVERY || r->state == TCPX_LOSS) {
		if (!r->undo_bytes)
			r->retrans_ms = tcpx_ts_of(skb->skb_mstamp_ns);
		r->undo_bytes += len;
		r->prr_out += len;
	}
	tcpx_scoreboard_retransmitted(tcb, skb);
}

void tcpx_recovery_sent(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	if (unlikely(tcb->cong.sampled))
		tcpx_rate_sent(tcb, skb);
	if (unlikely(tcb->recovery.state == TCPX_RECOVERY))
		tcb->recovery.prr_out += skb->len;
	tcpx_scoreboard_sent(tcb, skb);
}

/* --- how much: RFC 9937 6 ------------------------------------------------ */

/* What was in flight when the ACK arrived that told of the loss. */
static void start_prr(struct tcpx_sock *tcb, u32 delivered)
{
	struct tcpx_recovery *r = &tcb->recovery;

	r->prr_delivered = 0;
	r->prr_out = 0;
	r->recover_fs = max(tcpx_flight(tcb) - r->sacked + delivered, 1U);
}

/*
 * @delivered bytes arrived; @safe: SND.UNA advanced and no more is lost. The
 * window is a segment at least, so that one may go when nothing is in flight.
 */
static void set_prr_window(struct tcpx_sock *tcb, u32 delivered, bool safe)
{
	u32 pipe = tcpx_scoreboard_pipe(tcb), ssthresh = tcb->cong.ssthresh;
	struct tcpx_recovery *r = &tcb->recovery;
	s64 count;

	if (tcpx_cong_has_model(&tcb->cong))
		return;
	r->prr_delivered += delivered;
	if (pipe > ssthresh) {
		count = DIV_ROUND_UP_ULL((u64)r->prr_delivered * ssthresh,
					 r->recover_fs) - (s64)r->prr_out;
	} else {
		count = max_t(s64, (s64)r->prr_delivered - r->prr_out,
			      delivered);
		if (safe)
			count += tcb->snd.mss;
		count = min_t(s64, count, ssthresh - pipe);
	}
	if (!r->prr_out)
		count = max_t(s64, count, tcb->snd.mss);
	tcb->cong.cwnd = max_t(u32, pipe + max_t(s64, count, 0),
			       tcb->snd.mss);
}

/* --- no loss after all --------------------------------------------------- */

/* The window is about to be reduced: what would show that it need not be. */
static void start_undo(struct tcpx_sock *tcb)
{
	struct tcpx_recovery *r = &tcb->recovery;

	r->undo_una = tcb->snd.una;
	r->undo_bytes = 0;
	r->has_undo = 1;
	r->eifel = 1;
}

/* RFC 3522 3.2: the first ACK of new data is of what was sent at first. */
static bool is_older_than_retransmission(const struct tcpx_sock *tcb,
					 const struct tcpx_ack_sample *sample)
{
	const struct tcpx_recovery *r = &tcb->recovery;

	return r->eifel && r->undo_bytes && sample->acked &&
	       sample->has_tsecr && (s32)(sample->tsecr_ms - r->retrans_ms) < 0;
}

/* RFC 3708 2: D-SACKs have told of all that was sent again. */
static bool is_all_duplicate(struct tcpx_sock *tcb,
			     const struct tcpx_ack_sample *sample)
{
	const struct tcpx_sack_block *block = &sample->dsack_block;
	struct tcpx_recovery *r = &tcb->recovery;

	if (!sample->dsack || !r->undo_bytes ||
	    tcpx_seq_before(block->start, r->undo_una) ||
	    tcpx_seq_after(block->end, tcb->snd.nxt) ||
	    !tcpx_seq_before(block->start, block->end))
		return false;
	r->undo_bytes -= min(r->undo_bytes, block->end - block->start);
	return !r->undo_bytes;
}

/*
 * RFC 4015 3.2. Deviation: cwnd is what it was, not FlightSize and an initial
 * window, as in native TCP; back-pressure and the ACK clock space the burst.
 */
static void undo(struct tcpx_sock *tcb)
{
	struct tcpx_recovery *r = &tcb->recovery;

	if (r->state == TCPX_RECOVERY || r->state == TCPX_LOSS) {
		tcpx_scoreboard_undo(tcb);
		r->state = TCPX_OPEN;
		r->has_recover = 0;
		r->dupacks = 0;
		r->frto = TCPX_FRTO_OFF;
		if (!tcb->rcv.sack_ok)
			r->sacked = 0;
	}
	r->has_undo = 0;
	r->timeouts = 0;
	tcb->rack.reordering_seen = 1;
	tcpx_cong_undo(&tcb->cong);
}

static void undo_if_spurious(struct tcpx_sock *tcb,
			     const struct tcpx_ack_sample *sample)
{
	struct net *net = sock_net(tcpx_to_sk(tcb));
	bool is_loss = tcb->recovery.state == TCPX_LOSS;

	if (is_older_than_retransmission(tcb, sample)) {
		if (is_loss)
			TCPX_INC(net, LossUndo);
		else
			TCPX_INC(net, FullUndo);
		undo(tcb);
	} else if (is_all_duplicate(tcb, sample)) {
		TCPX_INC(net, DSACKUndo);
		undo(tcb);
	}
	if (sample->acked)
		tcb->recovery.eifel = 0;
}

/* --- the three states ---------------------------------------------------- */

static bool loss_is_indicated(const struct tcpx_sock *tcb,
			      const struct tcpx_ack_sample *sample)
{
	const struct tcpx_recovery *r = &tcb->recovery;

	/* RFC 6582 3.2 step 2: not again for the window that was repaired. */
	if (r->has_recover && r->state != TCPX_CWR &&
	    tcpx_seq_before(tcb->snd.una, r->recover))
		return false;
	if (tcb->rack.is_used)
		return sample->lost;
	if (r->dupacks >= r->reordering)
		return true;
	return tcb->rcv.sack_ok &&
	       (r->sacked > (r->reordering - 1) * tcb->snd.mss ||
		tcpx_seq_after(sample->ranges_seq, tcb->snd.una));
}

/* ECN has reduced the window that SND.UNA is still in. */
static bool is_reduced(const struct tcpx_sock *tcb)
{
	return tcb->recovery.state == TCPX_CWR &&
	       tcpx_seq_before(tcb->snd.una, tcb->recovery.recover);
}

/*
 * RFC 3168 6.1.2: once for a window of data, whether for loss or for ECN. The
 * echo goes on until our CWR has arrived, hence until something is
 * acknowledged that was sent after the reduction.
 *
 * Deviation: the window is not less than two segments, as the algorithm has
 * it; the RFC goes down to one, and then to waiting. So does native TCP.
 */
static void enter_cwr(struct tcpx_sock *tcb, u32 flight)
{
	struct tcpx_recovery *r = &tcb->recovery;

	if (r->has_recover && !tcpx_seq_after(tcb->snd.una, r->recover))
		return;
	r->state = TCPX_CWR;
	r->recover = tcb->snd.nxt;
	r->has_recover = 1;
	r->has_undo = 0;	/* what it was for is not the last any more */
	tcpx_cong_ecn(&tcb->cong, flight);
	tcpx_ecn_reduced(tcb);
}

/*
 * RFC 4821 7.6.2: a probe of the path MTU that is lost while all else arrives
 * was too large for the path; that is no sign of congestion.
 */
static bool only_probe_is_lost(struct tcpx_sock *tcb)
{
	struct sk_buff *head = tcpx_rtx_head(tcpx_to_sk(tcb));

	if (likely(!head || !(tcpx_tx_cb(head)->marks & TCPX_TX_PROBE)))
		return false;
	tcpx_scoreboard_note_lost(tcb, head);
	tcpx_pmtu_probe_lost(tcb, head);
	return tcb->recovery.lost == tcpx_tx_bytes(head);
}

/* For the loss that an ACK of @delivered bytes has told of. */
static void reduce(struct tcpx_sock *tcb, u32 delivered)
{
	struct tcpx_recovery *r = &tcb->recovery;

	start_prr(tcb, delivered);
	if (unlikely(r->probe))
		return;
	if (!is_reduced(tcb)) {
		start_undo(tcb);
		tcpx_cong_enter_recovery(&tcb->cong, tcpx_flight(tcb));
	}
	tcpx_ecn_reduced(tcb);
}

/* Without SACK the first retransmission does not wait for the window. */
static void retransmit_head(struct tcpx_sock *tcb)
{
	tcpx_scoreboard_mark_head(tcb);
	if (tcpx_output_retransmit(tcb, tcpx_rtx_head(tcpx_to_sk(tcb)),
				   tcb->snd.mss) == 0)
		TCPX_INC(sock_net(tcpx_to_sk(tcb)), FastRetrans);
}

static void enter_recovery(struct tcpx_sock *tcb,
			   const struct tcpx_ack_sample *sample)
{
	struct net *net = sock_net(tcpx_to_sk(tcb));
	struct tcpx_recovery *r = &tcb->recovery;

	if (tcb->rcv.sack_ok)
		TCPX_INC(net, SackRecovery);
	else
		TCPX_INC(net, RenoRecovery);
	if (tcb->rcv.sack_ok && !tcb->rack.is_used) {
		tcpx_scoreboard_mark_below_sack(tcb, sample->ranges_seq);
		/* What triggered the recovery is lost in any case. */
		tcpx_scoreboard_mark_head(tcb);
	}
	r->probe = only_probe_is_lost(tcb);
	reduce(tcb, sample->delivered);
	r->state = TCPX_RECOVERY;
	r->recover = tcb->snd.nxt;
	r->has_recover = 1;
	r->partial = 0;
	r->rescued = 0;
	tcb->rack.has_probe = 0;
	if (!tcb->rcv.sack_ok)
		retransmit_head(tcb);
	else if (likely(!r->probe))
		set_prr_window(tcb, sample->delivered, false);
}

/* What was sent again after the last reduction is lost, too. */
static bool is_lost_again(const struct tcpx_sock *tcb,
			  const struct tcpx_ack_sample *sample)
{
	return sample->lost_again_ns &&
	       (s32)(tcpx_ts_of(sample->lost_again_ns) -
		     tcb->recovery.retrans_ms) >= 0;
}

/*
 * RFC 5681 4.3: a lost retransmission is one more indication of congestion,
 * once a round trip. The window is what it was to become.
 */
static void enter_again(struct tcpx_sock *tcb, u32 delivered)
{
	struct tcpx_recovery *r = &tcb->recovery;

	if (!tcpx_cong_has_model(&tcb->cong))
		tcb->cong.cwnd = tcb->cong.ssthresh;
	tcpx_cong_enter_recovery(&tcb->cong, tcpx_flight(tcb));
	tcpx_ecn_reduced(tcb);
	start_prr(tcb, delivered);
	r->recover = tcb->snd.nxt;
	r->has_undo = 0;
	r->retrans_ms = tcpx_ts_clock() + 1;
}

static void leave(struct tcpx_sock *tcb)
{
	struct tcpx_recovery *r = &tcb->recovery;

	/* With SACK cwnd counted what was in flight all the time. */
	if (r->state == TCPX_RECOVERY && unlikely(r->probe))
		r->probe = 0;
	else if (r->state == TCPX_RECOVERY)
		tcpx_cong_leave_recovery(&tcb->cong, tcb->rcv.sack_ok ?
					 tcb->cong.ssthresh :
					 tcpx_scoreboard_pipe(tcb));
	else
		tcpx_cong_leave_loss(&tcb->cong);
	tcpx_rack_recovered(tcb);
	r->state = TCPX_OPEN;
	r->frto = TCPX_FRTO_OFF;
	r->dupacks = 0;
	if (!tcb->rcv.sack_ok)
		r->sacked = 0;
}

/* Without SACK: @acked bytes were what the duplicate ACKs stood for. */
static void count_reno(struct tcpx_sock *tcb,
		       const struct tcpx_ack_sample *sample)
{
	struct tcpx_recovery *r = &tcb->recovery;
	u32 most = tcpx_flight(tcb) - min(tcpx_flight(tcb), r->lost);

	if (sample->duplicate)
		r->sacked += tcb->snd.mss;
	else if (sample->acked > tcb->snd.mss)
		r->sacked -= min(r->sacked, sample->acked - tcb->snd.mss);
	r->sacked = min(r->sacked, most);
}

static void count_duplicates(struct tcpx_sock *tcb,
			     const struct tcpx_ack_sample *sample)
{
	struct tcpx_recovery *r = &tcb->recovery;

	if (sample->acked)
		r->dupacks = 0;
	if (tcb->rcv.sack_ok ? sample->sacked && !sample->acked :
			       sample->duplicate) {
		TCPX_INC(sock_net(tcpx_to_sk(tcb)), DupAcksIn);
		if (r->dupacks < U8_MAX)
			r->dupacks++;
	}
	if (!tcb->rcv.sack_ok)
		count_reno(tcb, sample);
}

static void describe_ack(const struct tcpx_sock *tcb,
			 const struct tcpx_ack_sample *sample,
			 struct tcpx_cong_ack *ack)
{
	*ack = (struct tcpx_cong_ack){
		.now_ns = sample->now_ns,
		.rtt_us = sample->rtt_us,
		.srtt_us = tcpx_rtt_srtt_us(&tcb->rtt),
		.una = tcb->snd.una,
		.nxt = tcb->snd.nxt,
		.acked = sample->acked,
		.flight = sample->prior_flight,
		.marked = min(sample->marked, sample->acked),
		.ece = sample->ece,
		.accurate_ecn = tcb->rcv.ecn & TCPX_ECN_ACCURATE,
	};
}

static void grow_cwnd(struct tcpx_sock *tcb,
		      const struct tcpx_ack_sample *sample)
{
	struct tcpx_cong_ack ack;

	if (!sample->acked)
		return;
	describe_ack(tcb, sample, &ack);
	/* In slow start half a window in flight is reason enough to grow. */
	ack.cwnd_limited = tcb->snd.cwnd_limited ||
			   (tcpx_cong_in_slow_start(&tcb->cong) &&
			    sample->prior_flight > tcb->cong.cwnd / 2);
	tcpx_cong_acked(&tcb->cong, &ack);
}

static void measure(struct tcpx_sock *tcb, const struct tcpx_ack_sample *sample)
{
	struct tcpx_cong_ack ack;

	if (likely(!tcb->cong.ops->in_ack) || !sample->acked)
		return;
	describe_ack(tcb, sample, &ack);
	tcpx_cong_in_ack(&tcb->cong, &ack);
}

/* After all that the ACK told: the model of the path decides. */
static void control(struct tcpx_sock *tcb, const struct tcpx_ack_sample *sample)
{
	struct tcpx_cong_ack ack;

	describe_ack(tcb, sample, &ack);
	ack.cwnd_limited = tcb->snd.cwnd_limited;
	tcpx_rate_control(tcb, sample, &ack);
}

/* RFC 6582 3.2, 6675 5, 9937 6: what an ACK in fast recovery shows. */
static void ack_in_recovery(struct tcpx_sock *tcb,
			    const struct tcpx_ack_sample *sample)
{
	struct tcpx_recovery *r = &tcb->recovery;
	bool is_more_lost = sample->lost;
	u32 lost = r->lost;

	if (!tcb->rcv.sack_ok) {
		if (sample->acked)
			tcpx_scoreboard_mark_head(tcb);
	} else if (!tcb->rack.is_used) {
		tcpx_scoreboard_mark_below_sack(tcb, sample->ranges_seq);
		is_more_lost = r->lost > lost;
	}
	if (unlikely(r->probe && is_more_lost)) {
		/* Something beside the probe: that is congestion. */
		r->probe = 0;
		reduce(tcb, sample->delivered);
	} else if (unlikely(is_lost_again(tcb, sample) && !r->probe)) {
		enter_again(tcb, sample->delivered);
	}
	if (sample->acked)
		r->partial = 1;
	if (tcb->rcv.sack_ok && likely(!r->probe))
		set_prr_window(tcb, sample->delivered,
			       sample->acked && !is_more_lost);
}

/*
 * RFC 5682 2.1 and 3.1, F-RTO: after the timeout the head alone is sent again.
 * When it is acknowledged new data go, if there are any; if the next ACK is of
 * something that was never sent again the timeout was spurious, else the rest
 * is lost in earnest. Deviation: none of the RTT estimate is changed (4015
 * 3.3); the sample of the new data does that.
 */
static void ack_in_loss(struct tcpx_sock *tcb,
			const struct tcpx_ack_sample *sample)
{
	struct tcpx_recovery *r = &tcb->recovery;

	if (r->frto == TCPX_FRTO_NEW_SENT) {
		if (sample->original) {
			TCPX_INC(sock_net(tcpx_to_sk(tcb)), SpuriousRTOs);
			undo(tcb);
		} else if (sample->acked || sample->sacked ||
			   sample->duplicate) {
			r->frto = TCPX_FRTO_OFF;
		}
	} else if (r->frto == TCPX_FRTO_HEAD_SENT) {
		if (sample->acked)
			r->frto = may_send_new(tcb) ? TCPX_FRTO_NEW_SENT :
						      TCPX_FRTO_OFF;
		else if (!tcb->rcv.sack_ok && sample->duplicate)
			r->frto = TCPX_FRTO_OFF;
	}
}

/* RFC 6582 3.2, 6675 5: all is acknowledged that was in flight at the entry. */
static void leave_if_recovered(struct tcpx_sock *tcb)
{
	struct tcpx_recovery *r = &tcb->recovery;

	if (!r->has_recover || tcpx_seq_before(tcb->snd.una, r->recover))
		return;
	if (r->state == TCPX_RECOVERY || r->state == TCPX_LOSS)
		leave(tcb);
	if (tcb->snd.una != r->recover) {
		r->state = TCPX_OPEN;
		r->has_recover = 0;
	}
}

/* RFC 8985 7.4.2: once, and it is over. */
static void reduce_for_probe(struct tcpx_sock *tcb, u32 flight)
{
	if (tcb->recovery.state != TCPX_OPEN)
		return;
	tcb->recovery.has_undo = 0;
	tcpx_cong_enter_recovery(&tcb->cong, flight);
	tcpx_ecn_reduced(tcb);
	tcpx_cong_leave_recovery(&tcb->cong, tcb->cong.ssthresh);
}

/* What is known to be lost goes out, as far as the state lets it. */
void tcpx_recovery_continue(struct tcpx_sock *tcb)
{
	struct tcpx_recovery *r = &tcb->recovery;

	if (unlikely(r->frto))
		return;
	if (r->pending)
		tcpx_recovery_retransmit(tcb);
	else if (unlikely(r->state == TCPX_RECOVERY && tcb->rcv.sack_ok &&
			  !tcb->rack.is_used))
		retransmit_unsacked(tcb);
}

void tcpx_recovery_ack(struct tcpx_sock *tcb, struct tcpx_ack_sample *sample)
{
	struct tcpx_recovery *r = &tcb->recovery;
	bool was_open = r->state == TCPX_OPEN;

	measure(tcb, sample);
	count_duplicates(tcb, sample);
	if (r->sacked && tcpx_seq_before(r->lost_seq, tcb->snd.una))
		r->lost_seq = tcb->snd.una;
	if (r->state == TCPX_LOSS)
		grow_cwnd(tcb, sample);
	if (unlikely(r->has_undo))
		undo_if_spurious(tcb, sample);
	if (unlikely(tcb->rack.has_probe) && tcpx_rack_probe_acked(tcb, sample))
		reduce_for_probe(tcb, sample->prior_flight);
	leave_if_recovered(tcb);
	if (unlikely(sample->ece)) {
		TCPX_ADD(sock_net(tcpx_to_sk(tcb)), DeliveredCE,
			 DIV_ROUND_UP(sample->marked, tcb->snd.mss));
		enter_cwr(tcb, sample->prior_flight);
	}
	if (tcb->rack.is_used) {
		if (unlikely(sample->dsack || tcb->rack.has_dsack_round))
			tcpx_rack_adapt(tcb, sample);
		tcpx_rack_detect(tcb, sample);
	}

	if (r->state == TCPX_OPEN || r->state == TCPX_CWR) {
		if (loss_is_indicated(tcb, sample))
			enter_recovery(tcb, sample);
		else if (was_open && r->state == TCPX_OPEN)
			grow_cwnd(tcb, sample);
	} else if (r->state == TCPX_RECOVERY) {
		ack_in_recovery(tcb, sample);
	} else {
		ack_in_loss(tcb, sample);
	}
	if (unlikely(tcb->cong.sampled))
		control(tcb, sample);
	tcpx_recovery_continue(tcb);
}

u64 tcpx_recovery_recheck(struct tcpx_sock *tcb)
{
	struct tcpx_ack_sample sample = {
		.ranges_seq = tcb->snd.una,
		.now_ns = ktime_get_ns(),
	};
	struct tcpx_recovery *r = &tcb->recovery;

	tcpx_rack_detect(tcb, &sample);
	if (!sample.lost)
		return sample.reorder_ns;
	if (r->state == TCPX_RECOVERY)
		ack_in_recovery(tcb, &sample);
	else if (r->state != TCPX_LOSS && loss_is_indicated(tcb, &sample))
		enter_recovery(tcb, &sample);
	tcpx_recovery_continue(tcb);
	return sample.reorder_ns;
}

/* RFC 5682 2.1: not when a window is being repaired, nor for the second time. */
static bool may_be_spurious(const struct tcpx_sock *tcb)
{
	const struct tcpx_recovery *r = &tcb->recovery;

	return READ_ONCE(tcpx_net(sock_net(tcpx_to_sk(tcb)))->knobs.frto) &&
	       !r->timeouts && r->state != TCPX_RECOVERY &&
	       r->state != TCPX_LOSS;
}

/* RFC 8985 6.3: what was sent of late may still arrive. */
static void mark_lost_after_timeout(struct tcpx_sock *tcb)
{
	struct sk_buff *head = tcpx_rtx_head(tcpx_to_sk(tcb)), *skb;
	bool is_rack = tcb->rack.is_used;
	u64 now_ns = ktime_get_ns();

	for (skb = head; skb; skb = skb_rb_next(skb))
		if (skb == head || !is_rack ||
		    tcpx_rack_is_overdue(tcb, skb, now_ns))
			tcpx_scoreboard_mark_lost(tcb, skb);
}

/* Before the retransmission of RFC 6298 5.4. */
void tcpx_recovery_timeout(struct tcpx_sock *tcb)
{
	struct sk_buff *head = tcpx_rtx_head(tcpx_to_sk(tcb));
	struct tcpx_recovery *r = &tcb->recovery;
	u32 flight = tcpx_flight(tcb);

	if (!tcpx_state_in(tcpx_to_sk(tcb)->sk_state, TCPX_SYNCHRONIZED))
		return;
	/* RFC 5681 4.3: a lost retransmission is one more reduction. */
	if (r->state == TCPX_RECOVERY)
		flight = min(flight, tcb->cong.cwnd);
	r->frto = may_be_spurious(tcb) ? TCPX_FRTO_HEAD_SENT : TCPX_FRTO_OFF;
	if (r->frto)
		start_undo(tcb);
	else
		r->has_undo = 0;
	tcpx_cong_timeout(&tcb->cong, flight, r->timeouts > 0);
	tcpx_ecn_reduced(tcb);
	r->state = TCPX_LOSS;
	r->probe = 0;
	r->recover = tcb->snd.nxt;
	r->has_recover = 1;
	r->dupacks = 0;
	tcb->rack.has_probe = 0;
	if (!tcb->rcv.sack_ok)
		r->sacked = 0;
	else if (tcpx_tx_cb(head)->marks & TCPX_TX_SACKED)
		tcpx_scoreboard_forget_sack(tcb);
	mark_lost_after_timeout(tcb);
	r->lost_seq = tcb->snd.nxt;
	r->sacked_above = 0;
}
