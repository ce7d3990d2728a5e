// SPDX-License-Identifier: GPL-2.0
/*
 * What is lost, and when to send it again: SACK scoreboard (RFC 6675), fast
 * retransmit and NewReno (RFC 5681, 6582) without SACK, loss after a timeout.
 *
 * Each skb of the retransmission queue carries its marks; the sums over the
 * queue are kept in bytes, so that the bytes in the network are
 *
 *	pipe = FlightSize - sacked - lost + retrans
 *
 * Without SACK a duplicate ACK counts as one SMSS SACKed somewhere above
 * SND.UNA, which makes RFC 6582's inflation of cwnd and RFC 3042's limited
 * transmit the same rule as with SACK.
 */
#include "tcpx.h"
#include "trace.h"

#include <net/tcp.h>

void tcpx_recovery_init(struct tcpx_sock *tcb)
{
	const struct tcpx_knobs *knobs =
		&tcpx_net(sock_net(tcpx_to_sk(tcb)))->knobs;

	memset(&tcb->recovery, 0, sizeof(tcb->recovery));
	tcb->recovery.reordering = READ_ONCE(knobs->reordering);
}

u32 tcpx_recovery_pipe(const struct tcpx_sock *tcb)
{
	const struct tcpx_recovery *r = &tcb->recovery;
	s32 pipe = tcpx_flight(tcb) - r->sacked - r->lost + r->retrans;

	return max(pipe, 0);
}

/* --- marks --------------------------------------------------------------- */

static u32 tx_bytes(const struct sk_buff *skb)
{
	return tcpx_tx_cb(skb)->end_seq - tcpx_tx_cb(skb)->seq;
}

static bool is_pending(u8 marks)
{
	return (marks & (TCPX_TX_LOST | TCPX_TX_RETRANS)) == TCPX_TX_LOST;
}

/* @len bytes with @marks leave the sums. */
static void uncount(struct tcpx_recovery *r, u8 marks, u32 len)
{
	if (marks & TCPX_TX_LOST)
		r->lost -= len;
	if (marks & TCPX_TX_RETRANS)
		r->retrans -= len;
	if (is_pending(marks))
		r->pending -= len;
}

/* The original is lost; a retransmission of it is under way yet. */
static void note_lost(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);
	struct tcpx_recovery *r = &tcb->recovery;

	if (cb->marks & (TCPX_TX_SACKED | TCPX_TX_LOST))
		return;
	cb->marks |= TCPX_TX_LOST;
	r->lost += tx_bytes(skb);
	if (!is_pending(cb->marks))
		return;
	if (!r->pending || tcpx_seq_before(cb->seq, r->pending_seq))
		r->pending_seq = cb->seq;
	r->pending += tx_bytes(skb);
}

/* All that was sent of it is lost. */
void tcpx_recovery_mark_lost(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);

	if (cb->marks & TCPX_TX_SACKED)
		return;
	uncount(&tcb->recovery, cb->marks, tx_bytes(skb));
	cb->marks &= ~(TCPX_TX_LOST | TCPX_TX_RETRANS);
	note_lost(tcb, skb);
}

static void mark_sacked(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);
	struct tcpx_recovery *r = &tcb->recovery;

	uncount(r, cb->marks, tx_bytes(skb));
	cb->marks &= ~(TCPX_TX_LOST | TCPX_TX_RETRANS);
	cb->marks |= TCPX_TX_SACKED;
	cb->run_end = cb->end_seq;
	if (!r->sacked)
		r->lost_seq = tcb->snd.una;
	r->sacked += tx_bytes(skb);
	if (tcpx_seq_after_eq(cb->seq, r->lost_seq))
		r->sacked_above += tx_bytes(skb);
}

void tcpx_recovery_retransmitted(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);

	if (!(cb->marks & TCPX_TX_RETRANS))
		tcb->recovery.retrans += tx_bytes(skb);
	if (is_pending(cb->marks))
		tcb->recovery.pending -= tx_bytes(skb);
	cb->marks |= TCPX_TX_RETRANS | TCPX_TX_EVER_RETRANS;
}

void tcpx_recovery_acked(struct tcpx_sock *tcb, const struct sk_buff *skb,
			 u32 len)
{
	const struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);
	struct tcpx_recovery *r = &tcb->recovery;

	uncount(r, cb->marks, len);
	if (!(cb->marks & TCPX_TX_SACKED))
		return;
	r->sacked -= len;
	if (tcpx_seq_after_eq(cb->seq, r->lost_seq))
		r->sacked_above -= len;
}

/* --- SACK blocks --------------------------------------------------------- */

/* RFC 2883 4: below the ACK, or inside the second block. */
static bool is_dsack(u32 ack, const struct tcpx_sack_block *blocks,
		     unsigned int nr)
{
	if (tcpx_seq_before(blocks[0].start, ack))
		return true;
	return nr > 1 &&
	       tcpx_seq_after_eq(blocks[0].start, blocks[1].start) &&
	       tcpx_seq_before_eq(blocks[0].end, blocks[1].end);
}

/* RFC 2018 5: only what is outstanding can be reported. */
static bool is_valid(const struct tcpx_sock *tcb,
		     const struct tcpx_sack_block *block)
{
	return tcpx_seq_before(block->start, block->end) &&
	       tcpx_seq_after_eq(block->start, tcb->snd.una) &&
	       tcpx_seq_before_eq(block->end, tcb->snd.nxt);
}

/* First skb of the queue that ends after @seq. */
static struct sk_buff *find_sent(const struct sock *sk, u32 seq)
{
	struct rb_node *node = sk->tcp_rtx_queue.rb_node;
	struct sk_buff *skb, *found = NULL;

	while (node) {
		skb = rb_to_skb(node);
		if (tcpx_seq_after(tcpx_tx_cb(skb)->end_seq, seq)) {
			found = skb;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

struct sk_buff *tcpx_recovery_find(const struct sock *sk, u32 seq)
{
	return find_sent(sk, seq);
}

/*
 * Cut @skb so that it starts at @block's start, or where the first whole
 * segment inside does. False if nothing of it is left inside.
 *
 * Cuts are at multiples of the MSS only: a peer that reports odd bytes must
 * not make us keep one skb a byte (CVE-2019-11478).
 */
static struct sk_buff *cut_front(struct tcpx_sock *tcb, struct sk_buff *skb,
				 const struct tcpx_sack_block *block)
{
	const struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);
	u32 len;

	if (!tcpx_seq_before(cb->seq, block->start))
		return skb;
	len = roundup(block->start - cb->seq, tcb->snd.mss);
	if (len >= skb->len - cb->skip)
		return skb_rb_next(skb);
	/* Without memory for a cut it stays as not SACKed. */
	tcpx_output_split(tcb, skb, len, GFP_ATOMIC);
	return skb_rb_next(skb);
}

static bool cut_back(struct tcpx_sock *tcb, struct sk_buff *skb,
		     const struct tcpx_sack_block *block)
{
	const struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);
	u32 len;

	if (!tcpx_seq_after(cb->end_seq, block->end))
		return true;
	len = rounddown(block->end - cb->seq, tcb->snd.mss);
	if (!len || len >= skb->len - cb->skip)
		return false;
	return tcpx_output_split(tcb, skb, len, GFP_ATOMIC) == 0;
}

/*
 * The first skb behind the SACKed run that @skb is in. Peers report the same
 * ranges again and again: each skb of a run knows how far it goes, so that
 * many ACKs do not walk over it each.
 */
static struct sk_buff *skip_run(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *at = skb, *next;
	u32 end = 0;

	while (at && tcpx_tx_cb(at)->marks & TCPX_TX_SACKED) {
		end = tcpx_tx_cb(at)->run_end;
		at = end == tcpx_tx_cb(at)->end_seq ? skb_rb_next(at) :
						      find_sent(sk, end);
	}
	for (; tcpx_tx_cb(skb)->run_end != end; skb = next) {
		next = tcpx_tx_cb(skb)->run_end == tcpx_tx_cb(skb)->end_seq ?
		       skb_rb_next(skb) :
		       find_sent(sk, tcpx_tx_cb(skb)->run_end);
		tcpx_tx_cb(skb)->run_end = end;
	}
	return at;
}

static u32 take_block(struct tcpx_sock *tcb,
		      const struct tcpx_sack_block *block)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *skb = find_sent(sk, block->start);
	u32 newly = 0;

	while (skb && tcpx_seq_before(tcpx_tx_cb(skb)->seq, block->end)) {
		if (tcpx_tx_cb(skb)->marks & TCPX_TX_SACKED) {
			skb = skip_run(sk, skb);
			continue;
		}
		if (tcpx_seq_before(tcpx_tx_cb(skb)->seq, block->start)) {
			skb = cut_front(tcb, skb, block);
			continue;
		}
		if (!cut_back(tcb, skb, block))
			break;
		mark_sacked(tcb, skb);
		newly += tx_bytes(skb);
		skb = skb_rb_next(skb);
	}
	return newly;
}

/*
 * RFC 6675 4, IsLost(): DupThresh discontiguous ranges are SACKed above what
 * lies below the start of the DupThresh-th highest. Of what one ACK reports.
 */
static u32 ranges_seq(const struct tcpx_sock *tcb,
		      const struct tcpx_sack_block *blocks, unsigned int nr)
{
	struct tcpx_sack_block top[TCPX_SACK_MAX];
	unsigned int thresh = tcb->recovery.reordering, i, k, n = 0;

	if (nr < thresh)
		return tcb->snd.una;
	for (i = 0; i < nr; i++) {
		if (!is_valid(tcb, &blocks[i]))
			continue;
		for (k = n++; k && tcpx_seq_before(top[k - 1].start,
						   blocks[i].start); k--)
			top[k] = top[k - 1];
		top[k] = blocks[i];
	}
	if (n < thresh)
		return tcb->snd.una;
	for (i = 1; i < n; i++)
		if (tcpx_seq_after_eq(top[i].end, top[i - 1].start))
			return tcb->snd.una;
	return top[thresh - 1].start;
}

void tcpx_recovery_sack(struct tcpx_sock *tcb, const struct sk_buff *skb,
			struct tcpx_ack_sample *sample)
{
	struct tcpx_sack_block blocks[TCPX_SACK_MAX];
	const struct tcpx_seg *seg = tcpx_seg(skb);
	struct net *net = sock_net(tcpx_to_sk(tcb));
	unsigned int nr, i = 0;

	nr = tcpx_options_sack(skb_transport_header(skb), seg->hdr_len,
			       seg->sack_off, blocks);
	if (!nr)
		return;
	TCPX_ADD(net, SackBlocksIn, nr);
	if (is_dsack(seg->ack, blocks, nr)) {
		TCPX_INC(net, DSACKRecv);
		tcb->stats.dsack_dups++;
		sample->dsack = true;
		i++;
	}
	sample->ranges_seq = ranges_seq(tcb, blocks + i, nr - i);
	for (; i < nr; i++) {
		if (is_valid(tcb, &blocks[i]))
			sample->sacked += take_block(tcb, &blocks[i]);
		else
			TCPX_INC(net, SackDiscard);
	}
}

/* --- what is lost -------------------------------------------------------- */

/*
 * RFC 6675 4, IsLost(): more than (DupThresh - 1) segments SACKed above, or
 * DupThresh ranges. Nothing that was looked at is looked at again.
 */
static void mark_lost_below_sack(struct tcpx_sock *tcb, u32 ranges_seq)
{
	struct tcpx_recovery *r = &tcb->recovery;
	u32 thresh = (r->reordering - 1) * tcb->snd.mss;
	struct sk_buff *skb = NULL;

	if (r->sacked_above)
		skb = find_sent(tcpx_to_sk(tcb), r->lost_seq);
	for (; skb; skb = skb_rb_next(skb)) {
		const struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);

		if (cb->marks & TCPX_TX_SACKED)
			r->sacked_above -= tx_bytes(skb);
		else if (r->sacked_above > thresh ||
			 tcpx_seq_before_eq(cb->end_seq, ranges_seq))
			note_lost(tcb, skb);
		else
			break;
		r->lost_seq = cb->end_seq;
	}
}

/* The first segment of the queue, not all of a GSO skb. */
static void mark_head_lost(struct tcpx_sock *tcb)
{
	struct sk_buff *skb = tcpx_rtx_head(tcpx_to_sk(tcb));

	if (!skb || tcpx_tx_cb(skb)->marks & (TCPX_TX_LOST | TCPX_TX_SACKED))
		return;
	if (skb->len - tcpx_tx_cb(skb)->skip > tcb->snd.mss &&
	    tcpx_output_split(tcb, skb, tcb->snd.mss, GFP_ATOMIC))
		return;
	note_lost(tcb, skb);
}

/* --- sending again ------------------------------------------------------- */

/* RFC 6675 5, step C: room for a whole segment. */
static bool has_room(const struct tcpx_sock *tcb)
{
	return tcpx_recovery_pipe(tcb) + tcb->snd.mss <= tcb->cong.cwnd;
}

/* What is lost, as far as the congestion window goes: NextSeg(), rule 1. */
void tcpx_recovery_retransmit(struct tcpx_sock *tcb)
{
	struct tcpx_recovery *r = &tcb->recovery;
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *skb;

	for (skb = find_sent(sk, r->pending_seq); skb && r->pending;
	     skb = skb_rb_next(skb)) {
		r->pending_seq = tcpx_tx_cb(skb)->seq;
		if (!is_pending(tcpx_tx_cb(skb)->marks))
			continue;
		if (!has_room(tcb) || tcpx_xmit_is_throttled(tcb, skb) ||
		    tcpx_output_retransmit(tcb, skb, tcb->cong.cwnd -
					   tcpx_recovery_pipe(tcb)))
			return;
		if (r->state == TCPX_LOSS)
			TCPX_INC(sock_net(sk), SlowStartRetrans);
		else
			TCPX_INC(sock_net(sk), FastRetrans);
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

/* The last segment outstanding; its SACK shows what is missing before it. */
static void rescue(struct tcpx_sock *tcb)
{
	struct sk_buff *skb = skb_rb_last(&tcpx_to_sk(tcb)->tcp_rtx_queue);
	u32 payload, keep;

	while (skb && tcpx_tx_cb(skb)->marks & TCPX_TX_SACKED)
		skb = skb_rb_prev(skb);
	if (!skb || tcpx_tx_cb(skb)->marks & TCPX_TX_RETRANS)
		return;
	payload = skb->len - tcpx_tx_cb(skb)->skip;
	if (payload > tcb->snd.mss) {
		keep = rounddown(payload - 1, tcb->snd.mss);
		if (tcpx_output_split(tcb, skb, keep, GFP_ATOMIC))
			return;
		skb = skb_rb_next(skb);
	}
	if (retransmit_segment(tcb, skb))
		tcb->recovery.rescued = 1;
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
		skb = find_sent(tcpx_to_sk(tcb), r->lost_seq);
	for (; skb && above; skb = skb_rb_next(skb)) {
		u8 marks = tcpx_tx_cb(skb)->marks;

		if (marks & TCPX_TX_SACKED)
			above -= tx_bytes(skb);
		else if (!(marks & TCPX_TX_RETRANS) &&
			 (!has_room(tcb) || !retransmit_segment(tcb, skb)))
			return;
	}
	if (r->partial && !r->rescued && has_room(tcb))
		rescue(tcb);
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
	note_lost(tcb, head);
	tcpx_pmtu_probe_lost(tcb, head);
	return tcb->recovery.lost == tx_bytes(head);
}

/* Something beside the probe: that is congestion. */
static void probe_was_not_all(struct tcpx_sock *tcb)
{
	tcb->recovery.probe = 0;
	tcpx_cong_enter_recovery(&tcb->cong, tcpx_flight(tcb));
	tcpx_ecn_reduced(tcb);
}

static void enter_recovery(struct tcpx_sock *tcb,
			   const struct tcpx_ack_sample *sample)
{
	struct net *net = sock_net(tcpx_to_sk(tcb));
	bool reduced = is_reduced(tcb);

	if (tcb->rcv.sack_ok)
		TCPX_INC(net, SackRecovery);
	else
		TCPX_INC(net, RenoRecovery);
	tcb->recovery.state = TCPX_RECOVERY;
	tcb->recovery.recover = tcb->snd.nxt;
	tcb->recovery.has_recover = 1;
	tcb->recovery.partial = 0;
	tcb->recovery.rescued = 0;
	if (tcb->rcv.sack_ok)
		mark_lost_below_sack(tcb, sample->ranges_seq);
	tcb->recovery.probe = only_probe_is_lost(tcb);
	if (!reduced && likely(!tcb->recovery.probe))
		tcpx_cong_enter_recovery(&tcb->cong, tcpx_flight(tcb));
	if (likely(!tcb->recovery.probe))
		tcpx_ecn_reduced(tcb);
	/* What triggered the recovery is lost in any case. */
	mark_head_lost(tcb);
	/* The first retransmission does not wait for the window. */
	if (tcpx_output_retransmit(tcb, tcpx_rtx_head(tcpx_to_sk(tcb)),
				   tcb->snd.mss) == 0)
		TCPX_INC(net, FastRetrans);
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
					 tcpx_recovery_pipe(tcb));
	else
		tcpx_cong_leave_loss(&tcb->cong);
	r->state = TCPX_OPEN;
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

static void grow_cwnd(struct tcpx_sock *tcb,
		      const struct tcpx_ack_sample *sample)
{
	struct tcpx_cong_ack ack = {
		.now_ns = tcb->rcv.last_data_ns,
		.rtt_us = sample->rtt_us,
		.srtt_us = tcpx_rtt_srtt_us(&tcb->rtt),
		.una = tcb->snd.una,
		.nxt = tcb->snd.nxt,
		.acked = sample->acked,
		.flight = sample->prior_flight,
	};

	/* In slow start half a window in flight is reason enough to grow. */
	ack.cwnd_limited = tcb->snd.cwnd_limited ||
			   (tcpx_cong_in_slow_start(&tcb->cong) &&
			    sample->prior_flight > tcb->cong.cwnd / 2);
	if (sample->acked)
		tcpx_cong_acked(&tcb->cong, &ack);
}

/* RFC 6582 3.2 and 6675 5: what an ACK in fast recovery shows. */
static void ack_in_recovery(struct tcpx_sock *tcb,
			    const struct tcpx_ack_sample *sample)
{
	u32 lost = tcb->recovery.lost;

	if (tcb->rcv.sack_ok)
		mark_lost_below_sack(tcb, sample->ranges_seq);
	else if (sample->acked)
		mark_head_lost(tcb);
	if (unlikely(tcb->recovery.probe && tcb->recovery.lost > lost))
		probe_was_not_all(tcb);
	if (sample->acked)
		tcb->recovery.partial = 1;
}

void tcpx_recovery_ack(struct tcpx_sock *tcb,
		       const struct tcpx_ack_sample *sample)
{
	struct tcpx_recovery *r = &tcb->recovery;
	bool was_open = r->state == TCPX_OPEN;

	count_duplicates(tcb, sample);
	if (r->sacked && tcpx_seq_before(r->lost_seq, tcb->snd.una))
		r->lost_seq = tcb->snd.una;
	if (r->state == TCPX_LOSS)
		grow_cwnd(tcb, sample);
	if (r->has_recover && tcpx_seq_after_eq(tcb->snd.una, r->recover)) {
		if (r->state == TCPX_RECOVERY || r->state == TCPX_LOSS)
			leave(tcb);
		if (tcb->snd.una != r->recover) {
			r->state = TCPX_OPEN;
			r->has_recover = 0;
		}
	}
	if (unlikely(sample->ece)) {
		TCPX_ADD(sock_net(tcpx_to_sk(tcb)), DeliveredCE,
			 DIV_ROUND_UP(sample->acked, tcb->snd.mss));
		enter_cwr(tcb, sample->prior_flight);
	}

	if (r->state == TCPX_OPEN || r->state == TCPX_CWR) {
		if (loss_is_indicated(tcb, sample))
			enter_recovery(tcb, sample);
		else if (was_open && r->state == TCPX_OPEN)
			grow_cwnd(tcb, sample);
	} else if (r->state == TCPX_RECOVERY) {
		ack_in_recovery(tcb, sample);
	}
	if (r->pending)
		tcpx_recovery_retransmit(tcb);
	else if (unlikely(r->state == TCPX_RECOVERY && tcb->rcv.sack_ok))
		retransmit_unsacked(tcb);
}

/* RFC 2018 8, 5.1: the peer may have dropped what it reported. */
static void forget_sack(struct tcpx_sock *tcb)
{
	struct sk_buff *skb;

	TCPX_INC(sock_net(tcpx_to_sk(tcb)), SackReneging);
	for (skb = tcpx_rtx_head(tcpx_to_sk(tcb)); skb; skb = skb_rb_next(skb))
		tcpx_tx_cb(skb)->marks &= ~TCPX_TX_SACKED;
	tcb->recovery.sacked = 0;
	tcb->recovery.sacked_above = 0;
}

/* Before the retransmission of RFC 6298 5.4; all in flight counts as lost. */
void tcpx_recovery_timeout(struct tcpx_sock *tcb)
{
	struct sk_buff *head = tcpx_rtx_head(tcpx_to_sk(tcb)), *skb;
	struct tcpx_recovery *r = &tcb->recovery;
	u32 flight = tcpx_flight(tcb);

	if (!tcpx_state_in(tcpx_to_sk(tcb)->sk_state, TCPX_SYNCHRONIZED))
		return;
	/* RFC 5681 4.3: a lost retransmission is one more reduction. */
	if (r->state == TCPX_RECOVERY)
		flight = min(flight, tcb->cong.cwnd);
	tcpx_cong_timeout(&tcb->cong, flight, r->timeouts > 0);
	tcpx_ecn_reduced(tcb);
	r->state = TCPX_LOSS;
	r->probe = 0;
	r->recover = tcb->snd.nxt;
	r->has_recover = 1;
	r->dupacks = 0;
	if (!tcb->rcv.sack_ok)
		r->sacked = 0;
	else if (tcpx_tx_cb(head)->marks & TCPX_TX_SACKED)
		forget_sack(tcb);
	for (skb = head; skb; skb = skb_rb_next(skb))
		tcpx_recovery_mark_lost(tcb, skb);
	r->lost_seq = tcb->snd.nxt;
	r->sacked_above = 0;
}
