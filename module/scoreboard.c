// SPDX-License-Identifier: GPL-2.0
/*
 * The SACK scoreboard (RFC 6675): each skb of the retransmission queue carries
 * its marks; the sums over the queue are kept in bytes, so that the bytes in
 * the network are
 *
 *	pipe = FlightSize - sacked - lost + retrans
 *
 * What is in flight and neither SACKed nor lost is also on a list in the order
 * of its last transmission, for RACK.
 */
#include "tcpx.h"

#include <net/tcp.h>

u32 tcpx_scoreboard_pipe(const struct tcpx_sock *tcb)
{
	const struct tcpx_recovery *r = &tcb->recovery;
	s32 pipe = tcpx_flight(tcb) - r->sacked - r->lost + r->retrans;

	return max(pipe, 0);
}

/* --- marks --------------------------------------------------------------- */

/* @len bytes with @marks leave the sums. */
static void uncount(struct tcpx_recovery *r, u8 marks, u32 len)
{
	if (marks & TCPX_TX_LOST)
		r->lost -= len;
	if (marks & TCPX_TX_RETRANS)
		r->retrans -= len;
	if (tcpx_tx_is_pending(marks))
		r->pending -= len;
}

void tcpx_scoreboard_sent(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	list_add_tail(&skb->tcp_tsorted_anchor, &tcb->recovery.in_flight);
}

void tcpx_scoreboard_split(struct sk_buff *skb, struct sk_buff *tail)
{
	if (list_empty(&skb->tcp_tsorted_anchor))
		INIT_LIST_HEAD(&tail->tcp_tsorted_anchor);
	else
		list_add(&tail->tcp_tsorted_anchor, &skb->tcp_tsorted_anchor);
}

void tcpx_scoreboard_note_lost(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);
	struct tcpx_recovery *r = &tcb->recovery;

	if (cb->marks & (TCPX_TX_SACKED | TCPX_TX_LOST))
		return;
	cb->marks |= TCPX_TX_LOST;
	r->lost += tcpx_tx_bytes(skb);
	if (unlikely(tcb->cong.sampled))
		tcpx_rate_lost(tcb, skb);
	if (!tcpx_tx_is_pending(cb->marks))
		return;
	list_del_init(&skb->tcp_tsorted_anchor);
	if (!r->pending || tcpx_seq_before(cb->seq, r->pending_seq))
		r->pending_seq = cb->seq;
	r->pending += tcpx_tx_bytes(skb);
}

void tcpx_scoreboard_mark_lost(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);

	if (cb->marks & TCPX_TX_SACKED || tcpx_tx_is_pending(cb->marks))
		return;
	uncount(&tcb->recovery, cb->marks, tcpx_tx_bytes(skb));
	cb->marks &= ~(TCPX_TX_LOST | TCPX_TX_RETRANS);
	tcpx_scoreboard_note_lost(tcb, skb);
}

/* @skb, up to @end_seq, has arrived and was not known to have. */
static void note_delivered(struct tcpx_sock *tcb, const struct sk_buff *skb,
			   u32 end_seq, struct tcpx_ack_sample *sample)
{
	const struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);

	sample->delivered += end_seq - cb->seq;
	if (unlikely(tcb->cong.sampled))
		tcpx_rate_delivered(tcb, skb, end_seq - cb->seq, sample);
	if (!(cb->marks & TCPX_TX_EVER_RETRANS) &&
	    tcpx_seq_before_eq(end_seq, tcb->recovery.recover))
		sample->original = true;
	tcpx_rack_delivered(tcb, skb, end_seq, sample);
}

static void mark_sacked(struct tcpx_sock *tcb, struct sk_buff *skb,
			struct tcpx_ack_sample *sample)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);
	struct tcpx_recovery *r = &tcb->recovery;

	note_delivered(tcb, skb, cb->end_seq, sample);
	uncount(r, cb->marks, tcpx_tx_bytes(skb));
	cb->marks &= ~(TCPX_TX_LOST | TCPX_TX_RETRANS);
	cb->marks |= TCPX_TX_SACKED;
	cb->run_end = cb->end_seq;
	list_del_init(&skb->tcp_tsorted_anchor);
	if (!r->sacked)
		r->lost_seq = tcb->snd.una;
	r->sacked += tcpx_tx_bytes(skb);
	if (tcpx_seq_after_eq(cb->seq, r->lost_seq))
		r->sacked_above += tcpx_tx_bytes(skb);
	sample->sacked += tcpx_tx_bytes(skb);
}

void tcpx_scoreboard_retransmitted(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);

	if (!(cb->marks & TCPX_TX_RETRANS))
		tcb->recovery.retrans += tcpx_tx_bytes(skb);
	if (tcpx_tx_is_pending(cb->marks))
		tcb->recovery.pending -= tcpx_tx_bytes(skb);
	cb->marks |= TCPX_TX_RETRANS | TCPX_TX_EVER_RETRANS;
	list_move_tail(&skb->tcp_tsorted_anchor, &tcb->recovery.in_flight);
}

void tcpx_scoreboard_acked(struct tcpx_sock *tcb, const struct sk_buff *skb,
			   u32 end_seq, struct tcpx_ack_sample *sample)
{
	const struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);
	struct tcpx_recovery *r = &tcb->recovery;
	u32 len = end_seq - cb->seq;

	uncount(r, cb->marks, len);
	if (!(cb->marks & TCPX_TX_SACKED)) {
		note_delivered(tcb, skb, end_seq, sample);
		return;
	}
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

struct sk_buff *tcpx_scoreboard_find(const struct sock *sk, u32 seq)
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
						      tcpx_scoreboard_find(sk, end);
	}
	for (; tcpx_tx_cb(skb)->run_end != end; skb = next) {
		next = tcpx_tx_cb(skb)->run_end == tcpx_tx_cb(skb)->end_seq ?
		       skb_rb_next(skb) :
		       tcpx_scoreboard_find(sk, tcpx_tx_cb(skb)->run_end);
		tcpx_tx_cb(skb)->run_end = end;
	}
	return at;
}

static void take_block(struct tcpx_sock *tcb,
		       const struct tcpx_sack_block *block,
		       struct tcpx_ack_sample *sample)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *skb = tcpx_scoreboard_find(sk, block->start);

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
		mark_sacked(tcb, skb, sample);
		skb = skb_rb_next(skb);
	}
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

void tcpx_scoreboard_sack(struct tcpx_sock *tcb, const struct sk_buff *skb,
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
		sample->dsack_block = blocks[i++];
	}
	sample->ranges_seq = ranges_seq(tcb, blocks + i, nr - i);
	for (; i < nr; i++) {
		if (is_valid(tcb, &blocks[i]))
			take_block(tcb, &blocks[i], sample);
		else
			TCPX_INC(net, SackDiscard);
	}
}

/* --- what is lost --------------------------------------------------------- */

/*
 * RFC 6675 4, IsLost(): more than (DupThresh - 1) segments SACKed above, or
 * DupThresh ranges. Nothing that was looked at is looked at again.
 */
void tcpx_scoreboard_mark_below_sack(struct tcpx_sock *tcb, u32 ranges_seq)
{
	struct tcpx_recovery *r = &tcb->recovery;
	u32 thresh = (r->reordering - 1) * tcb->snd.mss;
	struct sk_buff *skb = NULL;

	if (r->sacked_above)
		skb = tcpx_scoreboard_find(tcpx_to_sk(tcb), r->lost_seq);
	for (; skb; skb = skb_rb_next(skb)) {
		const struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);

		if (cb->marks & TCPX_TX_SACKED)
			r->sacked_above -= tcpx_tx_bytes(skb);
		else if (r->sacked_above > thresh ||
			 tcpx_seq_before_eq(cb->end_seq, ranges_seq))
			tcpx_scoreboard_note_lost(tcb, skb);
		else
			break;
		r->lost_seq = cb->end_seq;
	}
}

/* The first segment of the queue, not all of a GSO skb. */
void tcpx_scoreboard_mark_head(struct tcpx_sock *tcb)
{
	struct sk_buff *skb = tcpx_rtx_head(tcpx_to_sk(tcb));

	if (!skb || tcpx_tx_cb(skb)->marks & (TCPX_TX_LOST | TCPX_TX_SACKED))
		return;
	if (skb->len - tcpx_tx_cb(skb)->skip > tcb->snd.mss &&
	    tcpx_output_split(tcb, skb, tcb->snd.mss, GFP_ATOMIC))
		return;
	tcpx_scoreboard_note_lost(tcb, skb);
}

/* RFC 2018 8, 5.1: the peer may have dropped what it reported. */
void tcpx_scoreboard_forget_sack(struct tcpx_sock *tcb)
{
	struct sk_buff *skb;

	TCPX_INC(sock_net(tcpx_to_sk(tcb)), SackReneging);
	for (skb = tcpx_rtx_head(tcpx_to_sk(tcb)); skb; skb = skb_rb_next(skb))
		tcpx_tx_cb(skb)->marks &= ~TCPX_TX_SACKED;
	tcb->recovery.sacked = 0;
	tcb->recovery.sacked_above = 0;
}

/*
 * Nothing was lost after all: what was not sent again is in flight as before.
 * It was sent before all that still is on the list.
 */
void tcpx_scoreboard_undo(struct tcpx_sock *tcb)
{
	struct tcpx_recovery *r = &tcb->recovery;
	struct sk_buff *skb;
	LIST_HEAD(restored);

	for (skb = tcpx_rtx_head(tcpx_to_sk(tcb)); skb; skb = skb_rb_next(skb)) {
		u8 marks = tcpx_tx_cb(skb)->marks;

		if (!(marks & TCPX_TX_LOST))
			continue;
		if (tcpx_tx_is_pending(marks))
			list_add_tail(&skb->tcp_tsorted_anchor, &restored);
		tcpx_tx_cb(skb)->marks &= ~TCPX_TX_LOST;
	}
	list_splice(&restored, &r->in_flight);
	r->lost = 0;
	r->pending = 0;
	r->lost_seq = tcb->snd.una;
	r->sacked_above = r->sacked;
}
