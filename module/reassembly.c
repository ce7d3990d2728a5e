// SPDX-License-Identifier: GPL-2.0
/*
 * The seventh check of RFC 9293 3.10.7.4, segment text: in-order delivery, the
 * out-of-order queue, SACK blocks to send, and the receive buffer.
 *
 * rcv.ooo is a tree by sequence number. What came first stays: a segment that
 * overlaps a queued one is trimmed.
 */
#include "tcpx.h"
#include "trace.h"

#include <net/tcp.h>

/* What the peer may still send is never refused for these many bytes. */
#define COLLAPSED_BYTES		(16 * 1024)

/* For differences of less than an hour. */
static u32 clock_us(void)
{
	return div_u64(ktime_get_ns(), NSEC_PER_USEC);
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

/* Give up what is farthest ahead; the peer has it still (RFC 2018 8). */
static void prune_ooo(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *skb;

	if (!tcb->rcv.ooo_last)
		return;
	while ((skb = tcb->rcv.ooo_last) &&
	       atomic_read(&sk->sk_rmem_alloc) > sk->sk_rcvbuf / 2) {
		TCPX_INC(sock_net(sk), OfoPruned);
		unlink_ooo(tcb, skb);
		remove_blocks(tcb, tcpx_seg(skb)->seq);
		kfree_skb_reason(skb, SKB_DROP_REASON_TCP_OFO_QUEUE_PRUNE);
	}
	sk_mem_reclaim(sk);
}

static bool is_sparse(const struct sk_buff *skb)
{
	return skb->truesize > 2 * skb->len + SKB_TRUESIZE(0);
}

/* May @next's bytes be copied behind those of @dense? */
static bool is_collapsible(const struct sk_buff *dense,
			   const struct sk_buff *next)
{
	return is_sparse(next) && next->len <= skb_tailroom(dense) &&
	       tcpx_seg(next)->seq == tcpx_seg(dense)->end_seq &&
	       !(tcpx_seg(dense)->flags & TCPX_FLAG_FIN);
}

/* An skb that can take many small ones, to stand where @skb stands. */
static struct sk_buff *alloc_dense(const struct sk_buff *skb)
{
	struct sk_buff *dense = alloc_skb(COLLAPSED_BYTES,
					  GFP_ATOMIC | __GFP_NOWARN);

	if (!dense)
		return NULL;
	*tcpx_seg(dense) = *tcpx_seg(skb);
	tcpx_seg(dense)->len = 0;
	tcpx_seg(dense)->end_seq = tcpx_seg(skb)->seq;
	tcpx_seg(dense)->flags &= ~TCPX_FLAG_FIN;
	return dense;
}

static void copy_behind(struct sk_buff *dense, const struct sk_buff *skb)
{
	unsigned int len = skb->len;

	if (skb_copy_bits(skb, 0, skb_put(dense, len), len))
		DEBUG_NET_WARN_ON_ONCE(1);
	tcpx_seg(dense)->end_seq = tcpx_seg(skb)->end_seq;
	tcpx_seg(dense)->len += len;
	tcpx_seg(dense)->flags |= tcpx_seg(skb)->flags & TCPX_FLAG_FIN;
}

/*
 * Small segments in large buffers: copy a run of them, from @skb on, into one
 * dense skb. Returns what comes behind the run, NULL at the end.
 */
static struct sk_buff *collapse_run(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff *dense = alloc_dense(skb), *next;

	if (!dense)
		return NULL;
	__skb_queue_before(queue, skb, dense);
	while (skb && is_collapsible(dense, skb)) {
		next = skb_queue_is_last(queue, skb) ? NULL :
		       skb_queue_next(queue, skb);
		copy_behind(dense, skb);
		__skb_unlink(skb, queue);
		__kfree_skb(skb);
		skb = next;
	}
	skb_set_owner_r(dense, sk);
	return skb;
}

/* The first skb may be half read: it stays. */
static void collapse_receive_queue(struct sock *sk)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff *skb = skb_peek(queue);

	if (!skb || skb_queue_is_last(queue, skb))
		return;
	skb = skb_queue_next(queue, skb);
	while (skb && !skb_queue_is_last(queue, skb)) {
		if (is_sparse(skb) && skb->len <= COLLAPSED_BYTES / 2)
			skb = collapse_run(sk, skb);
		else
			skb = skb_queue_next(queue, skb);
	}
}

static struct sk_buff *collapse_ooo_run(struct tcpx_sock *tcb,
					struct sk_buff *skb)
{
	struct sk_buff *dense = alloc_dense(skb);

	if (!dense)
		return NULL;
	rb_replace_node(&skb->rbnode, &dense->rbnode, &tcb->rcv.ooo);
	for (;;) {
		copy_behind(dense, skb);
		if (tcb->rcv.ooo_last == skb)
			tcb->rcv.ooo_last = dense;
		__kfree_skb(skb);
		skb = skb_rb_next(dense);
		if (!skb || !is_collapsible(dense, skb))
			break;
		rb_erase(&skb->rbnode, &tcb->rcv.ooo);
	}
	skb_set_owner_r(dense, tcpx_to_sk(tcb));
	return skb;
}

static void collapse_ooo(struct tcpx_sock *tcb)
{
	struct sk_buff *skb = skb_rb_first(&tcb->rcv.ooo), *next;

	while (skb) {
		next = skb_rb_next(skb);
		if (next && is_sparse(skb) && is_sparse(next) &&
		    skb->len <= COLLAPSED_BYTES / 2 &&
		    tcpx_seg(next)->seq == tcpx_seg(skb)->end_seq)
			skb = collapse_ooo_run(tcb, skb);
		else
			skb = next;
	}
}

static void collapse(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);

	TCPX_INC(sock_net(sk), RcvPruned);
	collapse_receive_queue(sk);
	collapse_ooo(tcb);
	sk_mem_reclaim(sk);
}

/* Memory for @skb; in-order data may squeeze the rest out. */
static bool make_room(struct tcpx_sock *tcb, struct sk_buff *skb, bool in_order)
{
	struct sock *sk = tcpx_to_sk(tcb);

	if (likely(atomic_read(&sk->sk_rmem_alloc) <= sk->sk_rcvbuf &&
		   sk_rmem_schedule(sk, skb, skb->truesize)))
		return true;

	if (atomic_read(&sk->sk_rmem_alloc) > sk->sk_rcvbuf)
		collapse(tcb);
	if (in_order)
		prune_ooo(tcb);
	/* An empty queue takes one segment whatever its size. */
	if (in_order && skb_queue_empty(&sk->sk_receive_queue))
		return sk_rmem_schedule(sk, skb, skb->truesize);
	return atomic_read(&sk->sk_rmem_alloc) <= sk->sk_rcvbuf &&
	       sk_rmem_schedule(sk, skb, skb->truesize);
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

/* Where @skb belongs in the tree; false: it holds nothing new. */
static bool find_place(struct tcpx_sock *tcb, struct sk_buff *skb,
		       struct rb_node ***place, struct rb_node **parent)
{
	struct tcpx_seg *seg = tcpx_seg(skb);
	struct rb_node **p = &tcb->rcv.ooo.rb_node;
	const struct tcpx_seg *at;

	*parent = NULL;
	while (*p) {
		*parent = *p;
		at = tcpx_seg(rb_to_skb(*p));
		if (tcpx_seq_before(seg->seq, at->seq)) {
			if (tcpx_seq_after(seg->end_seq, at->seq)) {
				tcpx_reassembly_dsack(tcb, at->seq,
						      tcpx_seq_min(at->end_seq,
								   seg->end_seq));
				if (!trim_back(skb, at->seq))
					return false;
			}
			p = &(*p)->rb_left;
		} else if (tcpx_seq_before(seg->seq, at->end_seq)) {
			tcpx_reassembly_dsack(tcb, seg->seq,
					      tcpx_seq_min(at->end_seq,
							   seg->end_seq));
			if (!tcpx_seq_after(seg->end_seq, at->end_seq) ||
			    !trim_front(skb, at->end_seq))
				return false;
			p = &(*p)->rb_right;
		} else {
			p = &(*p)->rb_right;
		}
	}
	*place = p;
	return true;
}

static void queue_ooo(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct sk_buff *last = tcb->rcv.ooo_last;
	struct sock *sk = tcpx_to_sk(tcb);
	struct tcpx_seg *seg = tcpx_seg(skb);
	u32 seq = seg->seq, end_seq = seg->end_seq;
	struct rb_node **place, *parent;

	if (!make_room(tcb, skb, false)) {
		TCPX_INC(sock_net(sk), OFODrop);
		kfree_skb_reason(skb, SKB_DROP_REASON_PROTO_MEM);
		return;
	}
	TCPX_INC(sock_net(sk), OFOQueue);
	if (last && coalesce(sk, last, skb)) {
		add_block(tcb, seq, end_seq);
		return;
	}
	if (!find_place(tcb, skb, &place, &parent)) {
		TCPX_INC(sock_net(sk), OFOMerge);
		kfree_skb_reason(skb, SKB_DROP_REASON_TCP_OFOMERGE);
		return;
	}
	rb_link_node(&skb->rbnode, parent, place);
	rb_insert_color(&skb->rbnode, &tcb->rcv.ooo);
	if (!last || tcpx_seq_after(seg->seq, tcpx_seg(last)->seq))
		tcb->rcv.ooo_last = skb;
	skb_set_owner_r(skb, sk);
	add_block(tcb, seg->seq, seg->end_seq);
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
		u32 dup_end;

		if (tcpx_seq_after(seg->seq, tcb->rcv.nxt))
			break;
		dup_end = tcpx_seq_min(seg->end_seq, tcb->rcv.nxt);
		if (tcpx_seq_before(seg->seq, dup_end))
			tcpx_reassembly_dsack(tcb, seg->seq, dup_end);
		unlink_ooo(tcb, skb);
		if (!tcpx_seq_after(seg->end_seq, tcb->rcv.nxt)) {
			kfree_skb_reason(skb, SKB_DROP_REASON_TCP_OFOMERGE);
			continue;
		}
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

/* A larger segment than any before: what the peer's MSS and buffers are. */
static void learn_mss(struct tcpx_sock *tcb, const struct sk_buff *skb)
{
	u32 len = skb_shinfo(skb)->gso_size ?: skb->len;

	if (likely(len <= tcb->rcv.mss_est))
		return;
	tcb->rcv.mss_est = min_t(u32, len, tcb->rcv.mss);
	/* Half empty buffers must not promise what they cannot hold. */
	tcb->rcv.scaling_ratio = clamp_t(u64, ((u64)skb->len << 8) /
					      skb->truesize, 32, 224);
}

/* RFC 7323 4 at the receiver: the peer's clock of our ACKs gives the RTT. */
static void sample_rtt(struct tcpx_sock *tcb, const struct tcpx_seg *seg)
{
	u32 now_us = clock_us(), rtt_us;

	if (tcb->rcv.ts_ok && seg->tsecr) {
		if (seg->tsecr == tcb->rcv.rtt_seq)
			return;
		tcb->rcv.rtt_seq = seg->tsecr;
		rtt_us = tcpx_ts_clock() + tcb->snd.ts_offset - seg->tsecr;
		rtt_us = min_t(u32, rtt_us, 60 * MSEC_PER_SEC) * USEC_PER_MSEC;
	} else {
		if (tcb->rcv.rtt_start_us &&
		    tcpx_seq_before(tcb->rcv.nxt, tcb->rcv.rtt_seq))
			return;
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

/* Delay the ACK, or owe one at once: RFC 9293 3.8.6.3, RFC 5681 4.2. */
static void owe_ack(struct tcpx_sock *tcb, bool had_hole)
{
	u32 unacked = tcb->rcv.nxt - tcb->rcv.last_ack_sent;

	if (had_hole || tcb->rcv.quick_acks || tcb->user.quickack ||
	    unacked >= 2 * (u32)tcb->rcv.mss_est) {
		tcb->rcv.ack_now = 1;
		return;
	}
	tcpx_timers_ack_delayed(tcb);
}

static bool text_in_order(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	bool had_hole = !RB_EMPTY_ROOT(&tcb->rcv.ooo);
	struct sock *sk = tcpx_to_sk(tcb);
	bool fin = tcpx_seg(skb)->flags & TCPX_FLAG_FIN;

	if (!make_room(tcb, skb, true)) {
		TCPX_INC(sock_net(sk), RcvQDrop);
		tcb->rcv.ack_now = 1;
		kfree_skb_reason(skb, SKB_DROP_REASON_PROTO_MEM);
		return false;
	}
	learn_mss(tcb, skb);
	sample_rtt(tcb, tcpx_seg(skb));
	if (skb->len) {
		queue_in_order(tcb, skb);
	} else {
		WRITE_ONCE(tcb->rcv.nxt, tcpx_seg(skb)->end_seq);
		__kfree_skb(skb);
	}
	if (had_hole) {
		fin = fin || drain_ooo(tcb);
		remove_blocks(tcb, tcb->rcv.nxt - 1 + (1U << 31));
	}
	owe_ack(tcb, had_hole);
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
	tcb->stats.data_segs_in += max_t(u16, 1, skb_shinfo(skb)->gso_segs);
	if (tcpx_seq_before_eq(seg->end_seq, tcb->rcv.nxt)) {
		TCPX_INC(sock_net(sk), DelayedACKLost);
		tcpx_reassembly_dsack(tcb, seg->seq, seg->end_seq);
		tcb->rcv.ack_now = 1;
		kfree_skb_reason(skb, SKB_DROP_REASON_TCP_OLD_DATA);
		return false;
	}
	if (tcpx_seq_after(seg->seq, tcb->rcv.nxt)) {
		tcb->rcv.ack_now = 1;
		queue_ooo(tcb, skb);
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
	tcb->rcv.space_bytes = 10 * (u32)tcb->rcv.mss;
	tcb->rcv.space_seq = tcb->rcv.copied;
	tcb->rcv.space_us = clock_us();
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
	u32 now_us = clock_us();
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

void tcpx_reassembly_user_read(struct tcpx_sock *tcb, int copied)
{
	struct sock *sk = tcpx_to_sk(tcb);

	sock_owned_by_me(sk);
	if (copied <= 0 || sk->sk_state == TCP_CLOSE)
		return;
	autotune(tcb);
	if (should_update_window(tcb))
		tcpx_xmit_ack(tcb);
}
