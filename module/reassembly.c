// SPDX-License-Identifier: GPL-2.0
/*
 * The seventh check of RFC 9293 3.10.7.4, segment text: in-order delivery, the
 * out-of-order queue, SACK blocks to send, and the receive buffer.
 *
 * rcv.ooo is a tree by sequence number. What came first stays, in order or not:
 * of a segment that overlaps a queued one only what fills gaps is taken.
 */
#include "tcpx.h"
#include "trace.h"

#include <net/tcp.h>

/* An skb made by a copy holds so much at most. */
#define COPIED_BYTES		(16 * 1024)

/* When the last segment came, for differences of less than an hour. */
static u32 arrival_us(const struct tcpx_sock *tcb)
{
	return div_u64(tcb->rcv.last_data_ns, NSEC_PER_USEC);
}

/* --- SACK blocks to send ------------------------------------------------- */

/* RFC 2883: the next ACK reports [@seq, @end_seq) as received twice. */
void tcpx_reassembly_dsack(struct tcpx_sock *tcb, u32 seq, u32 end_seq)
{
	struct net *net = sock_net(tcpx_to_sk(tcb));

	if (!tcb->rcv.sack_ok || !tcpx_seq_before(seq, end_seq))
		return;
	if (tcpx_seq_before(seq, tcb->rcv.nxt))
		TCPX_INC(net, DSACKOldSent);
	else
		TCPX_INC(net, DSACKOfoSent);
	tcb->rcv.dsack = 1;
	tcb->rcv.dsack_block.start = seq;
	tcb->rcv.dsack_block.end = end_seq;
}

static void remove_block(struct tcpx_rcv *rcv, unsigned int i)
{
	memmove(&rcv->sack[i], &rcv->sack[i + 1],
		(rcv->sack_nr - i - 1) * sizeof(rcv->sack[0]));
	rcv->sack_nr--;
}

/*
 * RFC 2018 4: the block that holds the segment just queued comes first, grown
 * by the blocks that it touches.
 */
static void add_block(struct tcpx_sock *tcb, u32 seq, u32 end_seq)
{
	struct tcpx_sack_block block = { .start = seq, .end = end_seq };
	struct tcpx_rcv *rcv = &tcb->rcv;
	unsigned int i = 0;

	if (!rcv->sack_ok)
		return;
	while (i < rcv->sack_nr) {
		if (tcpx_seq_after(rcv->sack[i].start, block.end) ||
		    tcpx_seq_before(rcv->sack[i].end, block.start)) {
			i++;
			continue;
		}
		block.start = tcpx_seq_min(block.start, rcv->sack[i].start);
		block.end = tcpx_seq_max(block.end, rcv->sack[i].end);
		remove_block(rcv, i);
		i = 0;
	}
	if (rcv->sack_nr == ARRAY_SIZE(rcv->sack))
		rcv->sack_nr--;
	memmove(&rcv->sack[1], &rcv->sack[0],
		rcv->sack_nr * sizeof(rcv->sack[0]));
	rcv->sack[0] = block;
	rcv->sack_nr++;
}

/* RCV.NXT moved, or the queue now ends at @end: report only what we hold. */
static void remove_blocks(struct tcpx_sock *tcb, u32 end)
{
	struct tcpx_rcv *rcv = &tcb->rcv;
	unsigned int i = 0;

	while (i < rcv->sack_nr) {
		if (tcpx_seq_before_eq(rcv->sack[i].end, rcv->nxt) ||
		    tcpx_seq_after_eq(rcv->sack[i].start, end)) {
			remove_block(rcv, i);
			continue;
		}
		rcv->sack[i].end = tcpx_seq_min(rcv->sack[i].end, end);
		i++;
	}
}

/* --- buffer -------------------------------------------------------------- */

/* Append @from's bytes to @to without a copy; true if @from is gone. */
static bool coalesce(struct sock *sk, struct sk_buff *to, struct sk_buff *from)
{
	bool stolen;
	int delta;

	if (tcpx_seg(to)->end_seq != tcpx_seg(from)->seq ||
	    tcpx_seg(to)->flags & TCPX_FLAG_FIN)
		return false;
	if (!skb_try_coalesce(to, from, &stolen, &delta))
		return false;
	atomic_add(delta, &sk->sk_rmem_alloc);
	sk_mem_charge(sk, delta);
	tcpx_seg(to)->end_seq = tcpx_seg(from)->end_seq;
	tcpx_seg(to)->len += tcpx_seg(from)->len;
	tcpx_seg(to)->flags |= tcpx_seg(from)->flags & TCPX_FLAG_FIN;
	TCPX_INC(sock_net(sk), RcvCoalesce);
	kfree_skb_partial(from, stolen);
	return true;
}

static void unlink_ooo(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	if (tcb->rcv.ooo_last == skb)
		tcb->rcv.ooo_last = skb_rb_prev(skb);
	rb_erase(&skb->rbnode, &tcb->rcv.ooo);
}

void tcpx_reassembly_purge(struct tcpx_sock *tcb)
{
	struct sk_buff *skb;

	while ((skb = skb_rb_first(&tcb->rcv.ooo))) {
		unlink_ooo(tcb, skb);
		kfree_skb(skb);
	}
	tcb->rcv.sack_nr = 0;
	tcb->rcv.dsack = 0;
}

/*
 * Give up what is farthest ahead, beyond @seq, until the buffer is filled to
 * @target; the peer has it still (RFC 2018 8). True if that gave room.
 */
static bool prune_ooo(struct tcpx_sock *tcb, u32 seq, int target)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *skb;
	bool pruned = false;

	while ((skb = tcb->rcv.ooo_last) &&
	       tcpx_seq_after(tcpx_seg(skb)->seq, seq) &&
	       atomic_read(&sk->sk_rmem_alloc) > target) {
		TCPX_INC(sock_net(sk), OfoPruned);
		unlink_ooo(tcb, skb);
		remove_blocks(tcb, tcpx_seg(skb)->seq);
		kfree_skb_reason(skb, SKB_DROP_REASON_TCP_OFO_QUEUE_PRUNE);
		pruned = true;
	}
	if (pruned) {
		tcb->rcv.dense = 0;
		sk_mem_reclaim(sk);
	}
	return pruned;
}

/* A linear copy of bytes of @skb, with a segment header of its own. */
static struct sk_buff *copy_bytes(const struct sk_buff *skb, u32 offset,
				  u32 len)
{
	struct sk_buff *copy = alloc_skb(len, GFP_ATOMIC | __GFP_NOWARN);
	struct tcpx_seg *seg;

	if (!copy)
		return NULL;
	seg = tcpx_seg(copy);
	*seg = *tcpx_seg(skb);
	seg->seq += offset;
	seg->end_seq = seg->seq + len;
	seg->len = len;
	seg->flags &= ~TCPX_FLAG_FIN;
	copy->tstamp = skb->tstamp;
	if (skb_copy_bits(skb, offset, skb_put(copy, len), len))
		DEBUG_NET_WARN_ON_ONCE(1);
	return copy;
}

static bool is_sparse(const struct sk_buff *skb)
{
	return skb->truesize > 2 * skb->len + SKB_TRUESIZE(0);
}

/* Behind @skb in the receive queue or the out-of-order queue. */
static struct sk_buff *next_of(struct sock *sk, struct sk_buff *skb, bool ooo)
{
	if (ooo)
		return skb_rb_next(skb);
	return skb_queue_is_last(&sk->sk_receive_queue, skb) ? NULL :
	       skb_queue_next(&sk->sk_receive_queue, skb);
}

/* Bytes of the run of sparse skbs that @skb begins; 0 if it is alone. */
static u32 sparse_run(struct sock *sk, struct sk_buff *skb, bool ooo)
{
	u32 seq = tcpx_seg(skb)->seq, bytes = 0;
	unsigned int nr = 0;

	while (skb && tcpx_seg(skb)->seq == seq && is_sparse(skb) &&
	       bytes + skb->len <= COPIED_BYTES) {
		bytes += skb->len;
		seq = tcpx_seg(skb)->end_seq;
		nr++;
		if (tcpx_seg(skb)->flags & TCPX_FLAG_FIN)
			break;
		skb = next_of(sk, skb, ooo);
	}
	return nr > 1 ? bytes : 0;
}

static void put_in_place(struct tcpx_sock *tcb, struct sk_buff *old,
			 struct sk_buff *new, bool ooo)
{
	if (!ooo) {
		__skb_queue_before(&tcpx_to_sk(tcb)->sk_receive_queue, old, new);
		__skb_unlink(old, &tcpx_to_sk(tcb)->sk_receive_queue);
		return;
	}
	rb_replace_node(&old->rbnode, &new->rbnode, &tcb->rcv.ooo);
	if (tcb->rcv.ooo_last == old)
		tcb->rcv.ooo_last = new;
}

static void append_copy(struct sk_buff *dense, const struct sk_buff *skb)
{
	if (skb_copy_bits(skb, 0, skb_put(dense, skb->len), skb->len))
		DEBUG_NET_WARN_ON_ONCE(1);
	tcpx_seg(dense)->end_seq = tcpx_seg(skb)->end_seq;
	tcpx_seg(dense)->len += skb->len;
	tcpx_seg(dense)->flags |= tcpx_seg(skb)->flags & TCPX_FLAG_FIN;
}

/*
 * Small segments in large buffers: copy a run of them, from @skb on, into one
 * skb of the right size. Returns what comes behind, NULL at the end.
 */
static struct sk_buff *collapse_run(struct tcpx_sock *tcb, struct sk_buff *skb,
				    u32 bytes, bool ooo)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *dense = alloc_skb(bytes, GFP_ATOMIC | __GFP_NOWARN);
	struct sk_buff *next;

	if (!dense)
		return NULL;
	*tcpx_seg(dense) = *tcpx_seg(skb);
	tcpx_seg(dense)->len = 0;
	dense->tstamp = skb->tstamp;
	put_in_place(tcb, skb, dense, ooo);
	for (;;) {
		append_copy(dense, skb);
		consume_skb(skb);
		next = next_of(sk, dense, ooo);
		if (!next || next->len > bytes - dense->len ||
		    dense->len == bytes)
			break;
		skb = next;
		if (!ooo)
			__skb_unlink(skb, &sk->sk_receive_queue);
		else
			unlink_ooo(tcb, skb);
	}
	skb_set_owner_r(dense, sk);
	return next;
}

static void collapse_queue(struct tcpx_sock *tcb, struct sk_buff *skb, bool ooo)
{
	struct sock *sk = tcpx_to_sk(tcb);
	u32 bytes;

	while (skb) {
		bytes = sparse_run(sk, skb, ooo);
		skb = bytes ? collapse_run(tcb, skb, bytes, ooo) :
			      next_of(sk, skb, ooo);
	}
}

/*
 * Walks over all that is queued: not again for the next segment if it does
 * not gain much (CVE-2018-5390).
 */
static void collapse(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	int before = atomic_read(&sk->sk_rmem_alloc);
	struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);

	TCPX_INC(sock_net(sk), RcvPruned);
	/* The first may be half read: it stays. */
	if (skb)
		collapse_queue(tcb, next_of(sk, skb, false), false);
	collapse_queue(tcb, skb_rb_first(&tcb->rcv.ooo), true);
	tcb->rcv.dense = before - atomic_read(&sk->sk_rmem_alloc) <
			 sk->sk_rcvbuf / 8;
	sk_mem_reclaim(sk);
}

/*
 * Memory for @skb. In-order data squeeze the rest out, and always find room
 * in an empty queue, or the connection could not go on: what is not granted
 * makes sk_forward_alloc negative until it is freed.
 */
static bool make_room(struct tcpx_sock *tcb, struct sk_buff *skb, bool in_order)
{
	struct sock *sk = tcpx_to_sk(tcb);
	u32 seq = tcpx_seg(skb)->seq;

	if (likely(atomic_read(&sk->sk_rmem_alloc) <= sk->sk_rcvbuf &&
		   tcpx_sock_schedule(sk, skb->truesize, SK_MEM_RECV)))
		return true;

	if (atomic_read(&sk->sk_rmem_alloc) > sk->sk_rcvbuf && !tcb->rcv.dense)
		collapse(tcb);
	if (atomic_read(&sk->sk_rmem_alloc) > sk->sk_rcvbuf)
		prune_ooo(tcb, seq, sk->sk_rcvbuf - sk->sk_rcvbuf / 8);
	while (atomic_read(&sk->sk_rmem_alloc) <= sk->sk_rcvbuf) {
		if (sk_rmem_schedule(sk, skb, skb->truesize))
			return true;
		if (!prune_ooo(tcb, seq, atomic_read(&sk->sk_rmem_alloc) / 2))
			break;
	}
	return in_order && skb_queue_empty(&sk->sk_receive_queue);
}

/* --- out of order -------------------------------------------------------- */

/* Keep what comes before @seq; a FIN beyond it goes. */
static bool trim_back(struct sk_buff *skb, u32 seq)
{
	struct tcpx_seg *seg = tcpx_seg(skb);
	u32 len = seq - seg->seq;

	if (!tcpx_seq_after(seg->end_seq, seq))
		return true;
	if (len < skb->len && pskb_trim(skb, len))
		return false;
	seg->flags &= ~TCPX_FLAG_FIN;
	seg->len = skb->len;
	seg->end_seq = seg->seq + skb->len;
	return true;
}

static bool trim_front(struct sk_buff *skb, u32 seq)
{
	struct tcpx_seg *seg = tcpx_seg(skb);
	u32 len = seq - seg->seq;

	if (len && !pskb_pull(skb, min(len, skb->len)))
		return false;
	seg->len = skb->len;
	seg->seq = seq;
	return true;
}

/* First skb of the queue that ends after @seq. */
static struct sk_buff *find_ooo(const struct tcpx_sock *tcb, u32 seq)
{
	struct rb_node *node = tcb->rcv.ooo.rb_node;
	struct sk_buff *skb, *found = NULL;

	while (node) {
		skb = rb_to_skb(node);
		if (tcpx_seq_after(tcpx_seg(skb)->end_seq, seq)) {
			found = skb;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

/* Report what was queued, with what it touches (RFC 2018 4). */
static void report_block(struct tcpx_sock *tcb, u32 seq, u32 end_seq)
{
	const struct sk_buff *at;

	if (!tcb->rcv.sack_ok)
		return;
	at = find_ooo(tcb, seq - 1);
	if (at && tcpx_seq_before(tcpx_seg(at)->seq, seq))
		seq = tcpx_seg(at)->seq;
	at = find_ooo(tcb, end_seq);
	if (at && tcpx_seg(at)->seq == end_seq)
		end_seq = tcpx_seg(at)->end_seq;
	add_block(tcb, seq, end_seq);
}

/* Queue @skb, which overlaps nothing. False: there was no room. */
static bool insert(struct tcpx_sock *tcb, struct sk_buff *skb, bool in_order)
{
	u32 seq = tcpx_seg(skb)->seq, end_seq = tcpx_seg(skb)->end_seq;
	struct rb_node **p = &tcb->rcv.ooo.rb_node, *parent = NULL;
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *at, *before = NULL;

	if (!make_room(tcb, skb, in_order)) {
		TCPX_INC(sock_net(sk), OFODrop);
		kfree_skb_reason(skb, SKB_DROP_REASON_PROTO_MEM);
		return false;
	}
	TCPX_INC(sock_net(sk), OFOQueue);
	while (*p) {
		parent = *p;
		at = rb_to_skb(parent);
		if (tcpx_seq_before(seq, tcpx_seg(at)->seq)) {
			p = &parent->rb_left;
		} else {
			p = &parent->rb_right;
			before = at;
		}
	}
	if (!before || !coalesce(sk, before, skb)) {
		rb_link_node(&skb->rbnode, parent, p);
		rb_insert_color(&skb->rbnode, &tcb->rcv.ooo);
		if (before == tcb->rcv.ooo_last)
			tcb->rcv.ooo_last = skb;
		skb_set_owner_r(skb, sk);
	}
	report_block(tcb, seq, end_seq);
	return true;
}

/* The bytes of a segment that we have already; the first run of them. */
struct duplicate {
	u32 start;
	u32 end;
};

static void note_duplicate(struct tcpx_sock *tcb, struct duplicate *dup,
			   const struct tcpx_seg *at, const struct tcpx_seg *seg)
{
	u32 start = tcpx_seq_max(at->seq, seg->seq);
	u32 end = tcpx_seq_min(at->end_seq, seg->end_seq);

	if (dup->start == dup->end)
		dup->start = start;
	else if (dup->end != start)
		return;
	dup->end = end;
	/* RFC 2883 4: the second block is the one around the duplicate. */
	report_block(tcb, at->seq, at->end_seq);
}

/*
 * Queue the parts of @skb from *@from on that lie before queued data. Queued
 * bytes are not replaced: who guesses the window must not change what the
 * peer has sent before. False: nothing is left, or there was no room.
 */
static bool fill_gaps(struct tcpx_sock *tcb, const struct sk_buff *skb,
		      u32 *from, struct duplicate *dup, bool in_order)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	struct sk_buff *at, *part;

	while ((at = find_ooo(tcb, *from)) &&
	       tcpx_seq_before(tcpx_seg(at)->seq, seg->end_seq)) {
		u32 to = tcpx_seg(at)->seq, next = tcpx_seg(at)->end_seq;

		note_duplicate(tcb, dup, tcpx_seg(at), seg);
		if (tcpx_seq_before(*from, to)) {
			part = copy_bytes(skb, *from - seg->seq, to - *from);
			if (!part || !insert(tcb, part, in_order))
				return false;
		}
		*from = next;
		if (!tcpx_seq_before(next, seg->end_seq))
			return false;
	}
	return true;
}

/* Takes over @skb. */
static void queue_ooo(struct tcpx_sock *tcb, struct sk_buff *skb, bool in_order)
{
	u32 from = tcpx_seq_max(tcpx_seg(skb)->seq, tcb->rcv.nxt);
	struct duplicate dup = {};

	if (fill_gaps(tcb, skb, &from, &dup, in_order) &&
	    trim_front(skb, from)) {
		insert(tcb, skb, in_order);
	} else {
		TCPX_INC(sock_net(tcpx_to_sk(tcb)), OFOMerge);
		kfree_skb_reason(skb, SKB_DROP_REASON_TCP_OFOMERGE);
	}
	/* What is below RCV.NXT was reported before. */
	if (dup.start != dup.end && !tcb->rcv.dsack)
		tcpx_reassembly_dsack(tcb, dup.start, dup.end);
}

/* --- in order ------------------------------------------------------------ */

/* Takes over @skb, whose bytes from RCV.NXT on are new. */
static void queue_in_order(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *tail = skb_peek_tail(&sk->sk_receive_queue);
	u32 end_seq = tcpx_seg(skb)->end_seq;

	/* The FIN is no octet. */
	tcb->stats.bytes_received += end_seq - tcb->rcv.nxt -
				     !!(tcpx_seg(skb)->flags & TCPX_FLAG_FIN);
	if (tail && coalesce(sk, tail, skb)) {
		WRITE_ONCE(tcb->rcv.nxt, end_seq);
		return;
	}
	__skb_queue_tail(&sk->sk_receive_queue, skb);
	WRITE_ONCE(tcb->rcv.nxt, end_seq);
	if (!skb->sk)
		skb_set_owner_r(skb, sk);
}

/* What RCV.NXT has reached of the out-of-order queue; true: a FIN too. */
static bool drain_ooo(struct tcpx_sock *tcb)
{
	struct sk_buff *skb;
	bool fin = false;

	while ((skb = skb_rb_first(&tcb->rcv.ooo))) {
		const struct tcpx_seg *seg = tcpx_seg(skb);

		if (tcpx_seq_after(seg->seq, tcb->rcv.nxt))
			break;
		unlink_ooo(tcb, skb);
		fin = seg->flags & TCPX_FLAG_FIN;
		queue_in_order(tcb, skb);
		if (fin)
			break;	/* what the peer sent beyond it is purged */
	}
	return fin;
}

static void tell_user(struct sock *sk)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);

	if (sock_flag(sk, SOCK_DEAD))
		return;
	if (tcb->rcv.nxt - tcb->rcv.copied >= READ_ONCE(sk->sk_rcvlowat) ||
	    tcb->rcv.urgent || tcpx_memory_pressure ||
	    atomic_read(&sk->sk_rmem_alloc) > sk->sk_rcvbuf)
		sk->sk_data_ready(sk);
}

/*
 * Half empty buffers must not promise what they cannot hold. Full segments of
 * one connection may come in buffers of several sizes: what was promised for
 * the larger ones is the dearer mistake.
 */
static void learn_ratio(struct tcpx_sock *tcb, const struct sk_buff *skb,
			bool first)
{
	int ratio = clamp_t(u32, (skb->len << 8) / skb->truesize, 32, 224);
	int more = ratio - tcb->rcv.scaling_ratio;

	if (!first)
		more = more < 0 ? (more - 3) / 4 : (more + 7) / 8;
	tcb->rcv.scaling_ratio += more;
}

/* What the peer's MSS and our buffers are; from what may be full segments. */
static void learn_mss(struct tcpx_sock *tcb, const struct sk_buff *skb)
{
	u32 len = skb_shinfo(skb)->gso_size ?: skb->len;
	bool larger = len > tcb->rcv.mss_est;

	if (len < tcb->rcv.mss_est)
		return;
	if (larger)
		tcb->rcv.mss_est = min_t(u32, len, tcb->rcv.mss);
	learn_ratio(tcb, skb, larger);
}

/* RFC 7323 4 at the receiver: the peer's clock of our ACKs gives the RTT. */
static void sample_rtt(struct tcpx_sock *tcb, const struct tcpx_seg *seg)
{
	u32 now_us, rtt_us;

	if (tcb->rcv.ts_ok && seg->tsecr) {
		if (seg->tsecr == tcb->rcv.rtt_seq)
			return;
		tcb->rcv.rtt_seq = seg->tsecr;
		rtt_us = tcpx_ts_of(tcb->rcv.last_data_ns) +
			 tcb->snd.ts_offset - seg->tsecr;
		rtt_us = min_t(u32, rtt_us, 60 * MSEC_PER_SEC) * USEC_PER_MSEC;
	} else {
		if (tcb->rcv.rtt_start_us &&
		    tcpx_seq_before(tcb->rcv.nxt, tcb->rcv.rtt_seq))
			return;
		now_us = arrival_us(tcb);
		rtt_us = tcb->rcv.rtt_start_us ?
			 now_us - tcb->rcv.rtt_start_us : 0;
		tcb->rcv.rtt_seq = tcb->rcv.nxt + tcb->rcv.wnd;
		tcb->rcv.rtt_start_us = now_us ?: 1;
		if (!rtt_us)
			return;
	}
	rtt_us = max_t(u32, rtt_us, 100);
	if (!tcb->rcv.rtt_us || rtt_us < tcb->rcv.rtt_us)
		tcb->rcv.rtt_us = rtt_us;
	else
		tcb->rcv.rtt_us += (s32)(rtt_us - tcb->rcv.rtt_us) / 8;
}

/* Does a user wait for what there is, or call us right now? */
static bool is_reader_near(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	bool near;

	if (sock_owned_by_user(sk))
		return true;
	if (tcb->rcv.nxt - tcb->rcv.copied < READ_ONCE(sk->sk_rcvlowat))
		return false;
	rcu_read_lock();
	near = skwq_has_sleeper(rcu_dereference(sk->sk_wq));
	rcu_read_unlock();
	return near;
}

static bool is_ack_due(const struct tcpx_sock *tcb)
{
	return tcb->rcv.nxt - tcb->rcv.wup >= 2 * (u32)tcb->rcv.mss_est;
}

/*
 * Delay the ACK, or owe one at once: RFC 9293 3.8.6.3, RFC 5681 4.2.
 *
 * Deviation: it is not each second segment that is acknowledged but each train,
 * if a user is about to read it. A window that shrinks until he does makes the
 * peer send in pieces.
 */
static void owe_ack(struct tcpx_sock *tcb, bool had_hole, bool psh)
{
	bool due = is_ack_due(tcb);

	if (had_hole || tcb->user.quickack || (due && !is_reader_near(tcb))) {
		tcb->rcv.ack_now = 1;
		return;
	}
	tcb->rcv.pushed |= psh && tcb->rcv.ack_pending;
	if (due || tcb->rcv.quick_acks)
		tcpx_timers_ack_held(tcb, tcb->rcv.last_data_ns);
	else
		tcpx_timers_ack_delayed(tcb, tcb->rcv.last_data_ns);
}

/* Does @skb, which is in order, reach into the out-of-order queue? */
static bool is_overlapping(const struct tcpx_sock *tcb,
			   const struct sk_buff *skb)
{
	const struct sk_buff *first = skb_rb_first(&tcb->rcv.ooo);

	return first && tcpx_seq_before(tcpx_seg(first)->seq,
					tcpx_seg(skb)->end_seq);
}

static bool text_in_order(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	bool had_hole = !RB_EMPTY_ROOT(&tcb->rcv.ooo);
	struct sock *sk = tcpx_to_sk(tcb);
	bool fin = tcpx_seg(skb)->flags & TCPX_FLAG_FIN;
	bool psh = tcpx_seg(skb)->flags & TCPX_FLAG_PSH;

	if (!make_room(tcb, skb, true)) {
		TCPX_INC(sock_net(sk), RcvQDrop);
		tcb->rcv.ack_now = 1;
		kfree_skb_reason(skb, SKB_DROP_REASON_PROTO_MEM);
		return false;
	}
	learn_mss(tcb, skb);
	sample_rtt(tcb, tcpx_seg(skb));
	if (unlikely(had_hole && is_overlapping(tcb, skb))) {
		queue_ooo(tcb, skb, true);
		fin = false;
	} else if (skb->len) {
		queue_in_order(tcb, skb);
	} else {
		WRITE_ONCE(tcb->rcv.nxt, tcpx_seg(skb)->end_seq);
		__kfree_skb(skb);
	}
	if (had_hole) {
		fin = fin || drain_ooo(tcb);
		remove_blocks(tcb, tcb->rcv.nxt - 1 + (1U << 31));
	}
	owe_ack(tcb, had_hole, psh);
	tell_user(sk);
	return fin;
}

/*
 * True if a FIN is now in sequence. The segment passed the first check: some
 * of it lies in the window.
 */
bool tcpx_reassembly_text(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_seg *seg = tcpx_seg(skb);
	struct sock *sk = tcpx_to_sk(tcb);
	u32 edge = tcb->rcv.nxt + tcpx_receive_window(tcb);

	if (!trim_back(skb, edge) || seg->seq == seg->end_seq) {
		kfree_skb_reason(skb, SKB_DROP_REASON_TCP_OVERWINDOW);
		return false;
	}
	if (likely(seg->len))
		tcb->stats.data_segs_in += max_t(u16, 1,
						 skb_shinfo(skb)->gso_segs);
	if (tcpx_seq_before_eq(seg->end_seq, tcb->rcv.nxt)) {
		TCPX_INC(sock_net(sk), DelayedACKLost);
		tcpx_reassembly_dsack(tcb, seg->seq, seg->end_seq);
		tcb->rcv.ack_now = 1;
		kfree_skb_reason(skb, SKB_DROP_REASON_TCP_OLD_DATA);
		return false;
	}
	if (tcpx_seq_after(seg->seq, tcb->rcv.nxt)) {
		tcb->rcv.ack_now = 1;
		queue_ooo(tcb, skb, false);
		return false;
	}
	if (tcpx_seq_before(seg->seq, tcb->rcv.nxt)) {
		tcpx_reassembly_dsack(tcb, seg->seq, tcb->rcv.nxt);
		tcb->rcv.ack_now = 1;
	}
	return text_in_order(tcb, skb);
}

/* --- kept until the connection is open ----------------------------------- */

void tcpx_reassembly_keep(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_seg *seg = tcpx_seg(skb);
	struct sock *sk = tcpx_to_sk(tcb);
	struct rb_node *parent = NULL;

	if (!trim_back(skb, tcb->rcv.nxt + tcpx_receive_window(tcb)) ||
	    seg->seq == seg->end_seq || !RB_EMPTY_ROOT(&tcb->rcv.ooo) ||
	    !make_room(tcb, skb, true)) {
		__kfree_skb(skb);
		return;
	}
	rb_link_node(&skb->rbnode, parent, &tcb->rcv.ooo.rb_node);
	rb_insert_color(&skb->rbnode, &tcb->rcv.ooo);
	tcb->rcv.ooo_last = skb;
	skb_set_owner_r(skb, sk);
}

bool tcpx_reassembly_take_kept(struct tcpx_sock *tcb)
{
	bool fin = drain_ooo(tcb);

	tcb->rcv.ack_now = 1;
	tell_user(tcpx_to_sk(tcb));
	return fin;
}

/* --- the receive buffer and its window ----------------------------------- */

static u32 payload_of_space(const struct tcpx_sock *tcb, int space)
{
	return (u64)max(space, 0) * tcb->rcv.scaling_ratio >> 8;
}

static int space_of_payload(const struct tcpx_sock *tcb, u32 payload)
{
	return min_t(u64, ((u64)payload << 8) / tcb->rcv.scaling_ratio, INT_MAX);
}

/*
 * When a connection starts: the whole buffer is offered. rcv.mss is what we
 * advertised, rcv.mss_est a cautious guess until segments come.
 */
void tcpx_reassembly_init_window(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);

	tcb->rcv.mss_est = min_t(u16, tcb->rcv.mss, TCPX_MSS_DEFAULT_V4);
	tcb->rcv.quick_acks = tcb->rcv.pingpong ? 0 : TCPX_QUICK_ACKS;
	tcb->rcv.space_bytes = 10 * (u32)tcb->rcv.mss;
	tcb->rcv.space_seq = tcb->rcv.copied;
	tcb->rcv.last_data_ns = ktime_get_ns();
	tcb->rcv.space_us = arrival_us(tcb);
	tcb->rcv.ssthresh = payload_of_space(tcb, sk->sk_rcvbuf);
}

/*
 * Dynamic right-sizing: keep twice what the user took in the last round trip,
 * and more while that grows, in the buffer.
 */
static void autotune(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	const struct tcpx_knobs *knobs = &tcpx_net(sock_net(sk))->knobs;
	u32 now_us = arrival_us(tcb);
	u32 taken;
	u64 want;
	int space;

	if (!tcb->rcv.rtt_us ||
	    now_us - tcb->rcv.space_us < tcb->rcv.rtt_us)
		return;
	taken = tcb->rcv.copied - tcb->rcv.space_seq;
	if (taken > tcb->rcv.space_bytes) {
		if (READ_ONCE(knobs->moderate_rcvbuf) &&
		    !(sk->sk_userlocks & SOCK_RCVBUF_LOCK)) {
			want = 2 * (u64)taken + 16 * tcb->rcv.mss;
			want += 2 * div_u64(want * (taken -
						    tcb->rcv.space_bytes),
					    tcb->rcv.space_bytes);
			want = min_t(u64, want, 1U << 30);
			space = min(space_of_payload(tcb, want),
				    READ_ONCE(knobs->rmem[2]));
			if (space > sk->sk_rcvbuf)
				WRITE_ONCE(sk->sk_rcvbuf, space);
			tcb->rcv.ssthresh = payload_of_space(tcb,
							     sk->sk_rcvbuf);
		}
		tcb->rcv.space_bytes = taken;
	}
	tcb->rcv.space_seq = tcb->rcv.copied;
	tcb->rcv.space_us = now_us;
}

/*
 * The window opened by what the user read: tell the peer when it doubles, or
 * when an ACK that waits can go with it.
 */
static bool should_update_window(struct tcpx_sock *tcb)
{
	u32 now, new;

	if (tcpx_to_sk(tcb)->sk_shutdown & RCV_SHUTDOWN)
		return false;
	now = tcpx_receive_window(tcb);
	if (2 * now > min(tcb->rcv.wnd_clamp, tcb->rcv.ssthresh))
		return false;
	new = tcpx_output_select_window(tcb);
	return new && new >= 2 * now;
}

/*
 * An ACK that waits goes with the window that the user opens. A peer that sends
 * many small segments may have no room for more until they are acknowledged:
 * not before all is read, as an answer may carry it.
 */
static bool is_ack_worth_it(const struct tcpx_sock *tcb)
{
	if (!tcb->rcv.ack_pending)
		return false;
	return is_ack_due(tcb) ||
	       (tcb->rcv.pushed && tcb->rcv.copied == tcb->rcv.nxt);
}

void tcpx_reassembly_user_read(struct tcpx_sock *tcb, int copied)
{
	struct sock *sk = tcpx_to_sk(tcb);

	sock_owned_by_me(sk);
	if (copied <= 0 || sk->sk_state == TCP_CLOSE)
		return;
	tcb->rcv.dense = 0;
	autotune(tcb);
	if (is_ack_worth_it(tcb) || should_update_window(tcb))
		tcpx_xmit_ack(tcb);
}
