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

void tcpx_recovery_mark_lost(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);

	if (cb->marks & TCPX_TX_SACKED)
		return;
	if (!(cb->marks & TCPX_TX_LOST))
		tcb->recovery.lost += tx_bytes(skb);
	if (cb->marks & TCPX_TX_RETRANS)
		tcb->recovery.retrans -= tx_bytes(skb);
	cb->marks = (cb->marks | TCPX_TX_LOST) & ~TCPX_TX_RETRANS;
}

static void mark_sacked(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);

	if (cb->marks & TCPX_TX_LOST)
		tcb->recovery.lost -= tx_bytes(skb);
	if (cb->marks & TCPX_TX_RETRANS)
		tcb->recovery.retrans -= tx_bytes(skb);
	cb->marks &= ~(TCPX_TX_LOST | TCPX_TX_RETRANS);
	cb->marks |= TCPX_TX_SACKED;
	tcb->recovery.sacked += tx_bytes(skb);
}

void tcpx_recovery_retransmitted(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);

	if (!(cb->marks & TCPX_TX_RETRANS))
		tcb->recovery.retrans += tx_bytes(skb);
	cb->marks |= TCPX_TX_RETRANS | TCPX_TX_EVER_RETRANS;
}

void tcpx_recovery_acked(struct tcpx_sock *tcb, const struct sk_buff *skb,
			 u32 len)
{
	struct tcpx_recovery *r = &tcb->recovery;
	u8 marks = tcpx_tx_cb(skb)->marks;

	if (marks & TCPX_TX_SACKED)
		r->sacked -= len;
	if (marks & TCPX_TX_LOST)
		r->lost -= len;
	if (marks & TCPX_TX_RETRANS)
		r->retrans -= len;
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
static struct sk_buff *find_sent(struct sock *sk, u32 seq)
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
	if (tcpx_output_split(tcb, skb, len, GFP_ATOMIC))
		return NULL;
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

static u32 take_block(struct tcpx_sock *tcb, const struct tcpx_sack_block *block)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *skb = find_sent(sk, block->start);
	u32 newly = 0;

	while (skb && tcpx_seq_before(tcpx_tx_cb(skb)->seq, block->end)) {
		if (!(tcpx_tx_cb(skb)->marks & TCPX_TX_SACKED)) {
			if (tcpx_seq_before(tcpx_tx_cb(skb)->seq, block->start)) {
				skb = cut_front(tcb, skb, block);
				continue;
			}
			if (!cut_back(tcb, skb, block))
				break;
			mark_sacked(tcb, skb);
			newly += tx_bytes(skb);
		}
		skb = skb_rb_next(skb);
	}
	return newly;
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
	for (; i < nr; i++) {
		if (is_valid(tcb, &blocks[i]))
			sample->sacked += take_block(tcb, &blocks[i]);
		else
			TCPX_INC(net, SackDiscard);
	}
}

/* --- what is lost -------------------------------------------------------- */

/*
 * RFC 6675 4, IsLost(): more than (DupThresh - 1) segments SACKed above. The
 * walk ends where that is no longer so.
 */
static void mark_lost_below_sack(struct tcpx_sock *tcb)
{
	u32 thresh = (tcb->recovery.reordering - 1) * tcb->snd.mss;
	u32 above = tcb->recovery.sacked;
	struct sk_buff *skb;

	for (skb = tcpx_rtx_head(tcpx_to_sk(tcb)); skb && above > thresh;
	     skb = skb_rb_next(skb)) {
		if (tcpx_tx_cb(skb)->marks & TCPX_TX_SACKED)
			above -= tx_bytes(skb);
		else if (!(tcpx_tx_cb(skb)->marks & TCPX_TX_LOST))
			tcpx_recovery_mark_lost(tcb, skb);
	}
}

/* The first segment of the queue, not all of a GSO skb. */
static void mark_head_lost(struct tcpx_sock *tcb)
{
	struct sk_buff *skb = tcpx_rtx_head(tcpx_to_sk(tcb));

	if (!skb || tcpx_tx_cb(skb)->marks & TCPX_TX_LOST)
		return;
	if (skb->len - tcpx_tx_cb(skb)->skip > tcb->snd.mss &&
	    tcpx_output_split(tcb, skb, tcb->snd.mss, GFP_ATOMIC))
		return;
	tcpx_recovery_mark_lost(tcb, skb);
}

static void mark_lost(struct tcpx_sock *tcb)
{
	if (tcb->rcv.sack_ok)
		mark_lost_below_sack(tcb);
	/* What triggered the recovery is lost in any case. */
	if (!tcb->recovery.lost)
		mark_head_lost(tcb);
}

/* --- the three states ---------------------------------------------------- */

static bool loss_is_indicated(const struct tcpx_sock *tcb)
{
	const struct tcpx_recovery *r = &tcb->recovery;

	/* RFC 6582 3.2 step 2: not again for the window that was repaired. */
	if (r->has_recover && r->state != TCPX_CWR &&
	    tcpx_seq_before(tcb->snd.una, r->recover))
		return false;
	if (r->dupacks >= r->reordering)
		return true;
	return tcb->rcv.sack_ok &&
	       r->sacked > (r->reordering - 1) * tcb->snd.mss;
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

static void enter_recovery(struct tcpx_sock *tcb)
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
	if (!reduced)
		tcpx_cong_enter_recovery(&tcb->cong, tcpx_flight(tcb));
	tcpx_ecn_reduced(tcb);
	mark_lost(tcb);
	/* The first retransmission does not wait for the window. */
	tcpx_output_retransmit(tcb, tcpx_rtx_head(tcpx_to_sk(tcb)),
			       tcb->snd.mss);
	TCPX_INC(net, FastRetrans);
}

static void leave(struct tcpx_sock *tcb)
{
	struct tcpx_recovery *r = &tcb->recovery;

	if (r->state == TCPX_RECOVERY)
		tcpx_cong_leave_recovery(&tcb->cong, tcpx_recovery_pipe(tcb));
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

void tcpx_recovery_ack(struct tcpx_sock *tcb,
		       const struct tcpx_ack_sample *sample)
{
	struct tcpx_recovery *r = &tcb->recovery;

	count_duplicates(tcb, sample);
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

	switch (r->state) {
	case TCPX_CWR:
		if (loss_is_indicated(tcb))
			enter_recovery(tcb);
		break;
	case TCPX_OPEN:
		if (loss_is_indicated(tcb))
			enter_recovery(tcb);
		else
			grow_cwnd(tcb, sample);
		break;
	case TCPX_RECOVERY:
		/* RFC 6582 3.2: a partial ACK shows the next hole. */
		if (sample->acked || sample->sacked)
			mark_lost(tcb);
		break;
	case TCPX_LOSS:
		grow_cwnd(tcb, sample);
		break;
	}
	if (r->lost)
		tcpx_recovery_retransmit(tcb);
}

/* RFC 2018 8, 5.1: the peer may have dropped what it reported. */
static void forget_sack(struct tcpx_sock *tcb)
{
	struct sk_buff *skb;

	TCPX_INC(sock_net(tcpx_to_sk(tcb)), SackReneging);
	for (skb = tcpx_rtx_head(tcpx_to_sk(tcb)); skb; skb = skb_rb_next(skb))
		tcpx_tx_cb(skb)->marks &= ~TCPX_TX_SACKED;
	tcb->recovery.sacked = 0;
}

/* Before the retransmission of RFC 6298 5.4; all in flight counts as lost. */
void tcpx_recovery_timeout(struct tcpx_sock *tcb)
{
	struct sk_buff *head = tcpx_rtx_head(tcpx_to_sk(tcb)), *skb;
	struct tcpx_recovery *r = &tcb->recovery;

	if (!tcpx_state_in(tcpx_to_sk(tcb)->sk_state, TCPX_SYNCHRONIZED))
		return;
	tcpx_cong_timeout(&tcb->cong, tcpx_flight(tcb), r->timeouts > 0);
	tcpx_ecn_reduced(tcb);
	r->state = TCPX_LOSS;
	r->recover = tcb->snd.nxt;
	r->has_recover = 1;
	r->dupacks = 0;
	if (!tcb->rcv.sack_ok)
		r->sacked = 0;
	else if (tcpx_tx_cb(head)->marks & TCPX_TX_SACKED)
		forget_sack(tcb);
	for (skb = head; skb; skb = skb_rb_next(skb))
		tcpx_recovery_mark_lost(tcb, skb);
}

/* Send again what is lost, as far as the congestion window goes. */
void tcpx_recovery_retransmit(struct tcpx_sock *tcb)
{
	struct tcpx_recovery *r = &tcb->recovery;
	struct net *net = sock_net(tcpx_to_sk(tcb));
	struct sk_buff *skb;
	u32 pipe;

	for (skb = tcpx_rtx_head(tcpx_to_sk(tcb)); skb; skb = skb_rb_next(skb)) {
		u8 marks = tcpx_tx_cb(skb)->marks;

		if (r->lost <= r->retrans)
			return;
		if (!(marks & TCPX_TX_LOST) || marks & TCPX_TX_RETRANS)
			continue;
		pipe = tcpx_recovery_pipe(tcb);
		if (pipe >= tcb->cong.cwnd)
			return;
		if (tcpx_xmit_is_throttled(tcb, skb))
			return;
		if (tcpx_output_retransmit(tcb, skb,
					   max_t(u32, tcb->cong.cwnd - pipe,
						 tcb->snd.mss)))
			return;
		if (r->state == TCPX_LOSS)
			TCPX_INC(net, SlowStartRetrans);
		else
			TCPX_INC(net, FastRetrans);
	}
}
