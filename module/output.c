// SPDX-License-Identifier: GPL-2.0
/*
 * What to send and when: windows, Nagle, segmentation, FIN.
 *
 * sk_write_queue holds what was never sent, tcp_rtx_queue (a tree by sequence
 * number) what was sent and not yet acknowledged.
 */
#include "tcpx.h"
#include "ip.h"
#include "trace.h"

#include <net/dst.h>
#include <net/tcp.h>

/* Longer than this after the last segment, the next is not held back. */
#define DEFER_NS	NSEC_PER_MSEC
/* The send buffer holds two of these flights at least. */
#define TCPX_INITIAL_SEGS	10

static const struct tcpx_knobs *knobs_of(const struct tcpx_sock *tcb)
{
	return &tcpx_net(sock_net(tcpx_to_sk(tcb)))->knobs;
}

/* --- queues -------------------------------------------------------------- */

static void rtx_insert(struct sock *sk, struct sk_buff *skb)
{
	struct rb_node **p = &sk->tcp_rtx_queue.rb_node;
	struct rb_node *parent = NULL;
	struct sk_buff *at;

	while (*p) {
		parent = *p;
		at = rb_to_skb(parent);
		if (tcpx_seq_before(tcpx_tx_cb(skb)->seq, tcpx_tx_cb(at)->seq))
			p = &parent->rb_left;
		else
			p = &parent->rb_right;
	}
	rb_link_node(&skb->rbnode, parent, p);
	rb_insert_color(&skb->rbnode, &sk->tcp_rtx_queue);
}

static u32 tx_segs(const struct tcpx_sock *tcb, const struct sk_buff *skb)
{
	return skb->len <= tcb->snd.mss ? 1 : DIV_ROUND_UP(skb->len, tcb->snd.mss);
}

void tcpx_output_queue(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);

	memset(cb, 0, sizeof(*cb));
	cb->seq = tcb->snd.write_seq;
	cb->end_seq = tcb->snd.write_seq;
	__skb_header_release(skb);
	__skb_queue_tail(&sk->sk_write_queue, skb);
	sk_wmem_queued_add(sk, skb->truesize);
	sk_mem_charge(sk, skb->truesize);
}

void tcpx_output_purge(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&sk->sk_write_queue)))
		tcpx_tx_free(sk, skb);
	while ((skb = tcpx_rtx_head(sk))) {
		tcpx_rtx_unlink(sk, skb);
		tcpx_tx_free(sk, skb);
	}
	sk_mem_reclaim(sk);
	tcpx_recovery_init(tcb);
}

/* Drop the first @len bytes of payload; all of it is in fragments. */
static void trim_head(struct sk_buff *skb, u32 len)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	u32 left = len;
	int i, k = 0;

	for (i = 0; i < shinfo->nr_frags; i++) {
		u32 size = skb_frag_size(&shinfo->frags[i]);

		if (size <= left) {
			skb_frag_unref(skb, i);
			left -= size;
			continue;
		}
		shinfo->frags[k] = shinfo->frags[i];
		if (left) {
			skb_frag_off_add(&shinfo->frags[k], left);
			skb_frag_size_sub(&shinfo->frags[k], left);
			left = 0;
		}
		k++;
	}
	shinfo->nr_frags = k;
	skb->data_len -= len;
	skb->len -= len;
}

/*
 * ACKs only move cb->seq, since trimming on each would cost more than it
 * frees. Make payload and cb->seq agree again before the skb is touched.
 */
static int trim_acked(struct sock *sk, struct sk_buff *skb)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);
	u32 skip = cb->skip;

	if (skb_unclone(skb, GFP_ATOMIC))
		return -ENOMEM;
	if (!skip)
		return 0;
	trim_head(skb, skip);
	skb->truesize -= skip;
	sk_wmem_queued_add(sk, -(int)skip);
	sk_mem_uncharge(sk, skip);
	cb->skip = 0;
	return 0;
}

/*
 * Each cut costs an skb. A peer must not make us cut all that was sent into
 * the smallest pieces (CVE-2019-11478), but the ends of the queue can be cut
 * always: one of them is sent again next.
 */
static bool may_split(const struct sock *sk, const struct sk_buff *skb)
{
	return sk->sk_wmem_queued / 2 <= max_t(int, sk->sk_sndbuf,
					       GSO_LEGACY_MAX_SIZE) ||
	       skb == tcpx_rtx_head(sk) ||
	       skb == skb_rb_last(&sk->tcp_rtx_queue);
}

int tcpx_output_split(struct tcpx_sock *tcb, struct sk_buff *skb, u32 len,
		      gfp_t gfp)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb), *tail_cb;
	struct sock *sk = tcpx_to_sk(tcb);
	bool sent = tcpx_seq_before(cb->seq, tcb->snd.nxt);
	struct sk_buff *tail;
	u32 moved;

	if (sent && (!may_split(sk, skb) || trim_acked(sk, skb)))
		return -ENOMEM;
	if (len >= skb->len) {
		DEBUG_NET_WARN_ON_ONCE(1);
		return -EINVAL;
	}
	tail = tcpx_tx_alloc(sk, gfp);
	if (!tail)
		return -ENOMEM;
	tcpx_pmtu_probe_void(tcb, skb);

	sk_wmem_queued_add(sk, tail->truesize);
	sk_mem_charge(sk, tail->truesize);
	moved = skb->len - len;
	skb_split(skb, tail, len);
	tail->truesize += moved;
	skb->truesize -= moved;
	tail->ip_summed = CHECKSUM_PARTIAL;
	tail->skb_mstamp_ns = skb->skb_mstamp_ns;
	if (sent)
		tcpx_scoreboard_split(skb, tail);

	tail_cb = tcpx_tx_cb(tail);
	*tail_cb = *cb;
	tail_cb->seq = cb->seq + len;
	cb->end_seq = tail_cb->seq;
	cb->flags &= ~(TCPX_FLAG_FIN | TCPX_FLAG_PSH);
	cb->gso_segs = tx_segs(tcb, skb);
	tail_cb->gso_segs = tx_segs(tcb, tail);

	__skb_header_release(tail);
	if (sent)
		rtx_insert(sk, tail);
	else
		__skb_queue_after(&sk->sk_write_queue, skb, tail);
	return 0;
}

/* --- windows ------------------------------------------------------------- */

/* Bytes that the peer's window still takes from @seq on. */
static u32 window_room(const struct tcpx_sock *tcb, u32 seq)
{
	s32 room = tcb->snd.una + tcb->snd.wnd - seq;

	return max(room, 0);
}

static u32 cwnd_room(const struct tcpx_sock *tcb)
{
	u32 pipe = tcpx_scoreboard_pipe(tcb);

	return tcb->cong.cwnd > pipe ? tcb->cong.cwnd - pipe : 0;
}

static bool may_send_now(const struct sock *sk)
{
	return tcpx_state_in(sk->sk_state, TCPX_MAY_SEND |
			     TCPX_S(FIN_WAIT_1) | TCPX_S(CLOSING) |
			     TCPX_S(LAST_ACK)) ||
	       tcpx_is_early(tcpx_sk(sk));
}

/*
 * May the small segment at the end of the queue go? Minshall's variant of
 * Nagle (RFC 896, 9293 3.7.4): only one small segment in flight. Cork holds it
 * in any case, but never a FIN or urgent data.
 */
static bool is_held_back(const struct tcpx_sock *tcb, const struct sk_buff *skb,
			 u8 nagle)
{
	if (tcpx_tx_cb(skb)->flags & TCPX_FLAG_FIN || tcb->snd.urgent)
		return false;
	if (nagle & TCPX_NAGLE_PUSH)
		return false;
	if (nagle & TCPX_NAGLE_CORK)
		return true;
	if (nagle & TCPX_NAGLE_OFF)
		return false;
	return tcpx_flight(tcb) &&
	       tcpx_seq_after(tcb->snd.small_end, tcb->snd.una);
}

/*
 * While ACKs come thick and fast a piece cut off by a window may wait for the
 * next, to leave as one larger piece: a third of the window is worth sending.
 * The next is near when half a round trip has passed since what it will be
 * about was sent; it is not after an ACK of all that was in flight.
 */
static bool should_defer(struct tcpx_sock *tcb, u32 len)
{
	const struct sk_buff *oldest = tcpx_rtx_head(tcpx_to_sk(tcb));
	u64 now_ns;

	if (!oldest || tcb->recovery.state != TCPX_OPEN ||
	    tcb->recovery.dupacks ||
	    len >= min(tcb->snd.wnd, tcb->cong.cwnd) / 3)
		return false;
	now_ns = ktime_get_ns();
	return now_ns - tcb->snd.last_data_ns < DEFER_NS &&
	       now_ns - oldest->skb_mstamp_ns >
	       tcpx_rtt_srtt_us(&tcb->rtt) * (NSEC_PER_USEC / 2);
}

#define NEAR_RTT_SHIFT	9	/* 512 us: each halves what may go at once */

/*
 * A long path is not sent more than a millisecond's worth at a time: a burst
 * would not fit into a shallow queue. As native TCP's automatic TSO size; near
 * by, where that would cost more than it gains, it is more.
 */
static u32 burst_limit(const struct tcpx_sock *tcb, u32 most)
{
	u32 halvings = tcb->rtt.min_us >> NEAR_RTT_SHIFT;
	u32 srtt_us = tcpx_rtt_srtt_us(&tcb->rtt);
	u64 bytes;

	if (likely(!halvings) || !srtt_us)
		return most;
	bytes = (u64)tcb->cong.cwnd * USEC_PER_MSEC;
	bytes += tcpx_cong_in_slow_start(&tcb->cong) ? bytes : bytes / 4;
	bytes = div_u64(bytes, srtt_us);
	if (halvings < 32)
		bytes += most >> halvings;
	return min_t(u64, bytes, most);
}

/*
 * What one skb may carry: half a window at most, so that the loss of one is
 * seen by the ACKs of another and not by a timeout. After a timeout each
 * segment goes alone: a device or a queue that loses the large ones would
 * lose them again.
 */
static u32 gso_limit(const struct tcpx_sock *tcb)
{
	const struct sock *sk = tcpx_to_sk(tcb);
	u32 most = min_t(u32, sk->sk_gso_max_size,
			 (u32)sk->sk_gso_max_segs * tcb->snd.mss);
	u32 limit;

	if (unlikely(tcb->recovery.state == TCPX_LOSS ||
		     tcb->rcv.ecn & TCPX_ECN_ALONE))
		return tcb->snd.mss;
	if (unlikely(READ_ONCE(sk->sk_pacing_status) != SK_PACING_NONE))
		limit = min_t(u64, most, tcpx_timers_pacing_rate(tcb) >> 10);
	else
		limit = burst_limit(tcb, most);
	/* Two segments at least, unless the device takes one only. */
	limit = min(most, max(limit, 2U * tcb->snd.mss));
	limit = max_t(u32, rounddown(limit, tcb->snd.mss), tcb->snd.mss);
	if (tcb->cong.cwnd / 2 < limit)
		limit = roundup(tcb->cong.cwnd / 2, tcb->snd.mss);
	return limit;
}

/*
 * How many payload bytes of @skb, the head of the send queue, to send now; 0:
 * none. Sender SWS avoidance (RFC 9293 3.8.6.2.1): full segments, or all that
 * there is, or half of the largest window ever seen. Only the @first of a burst
 * may be deferred, not what the largest skb leaves of it.
 */
static u32 sendable(struct tcpx_sock *tcb, const struct sk_buff *skb, u8 nagle,
		    bool first)
{
	const struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);
	const struct sock *sk = tcpx_to_sk(tcb);
	u32 mss = tcb->snd.mss, len = skb->len;
	u32 wnd = window_room(tcb, cb->seq);
	u32 cwnd = cwnd_room(tcb);
	u32 most = gso_limit(tcb);
	u32 limit = min(wnd, cwnd);

	if (skb_queue_is_last(&sk->sk_write_queue, skb) && len % mss &&
	    len <= most && is_held_back(tcb, skb, nagle)) {
		len -= len % mss;
		if (!len)
			return 0;
	}
	if (len <= limit && len <= most)
		return len;

	if (cwnd < wnd && cwnd < len)
		tcb->snd.cwnd_limited = 1;
	len = min(len, most);
	if (len <= limit)
		return len;
	len = rounddown(limit, mss);
	if (!len) {
		/* A window-limited fragment, half the window at least. */
		if (wnd <= cwnd && wnd && wnd >= tcb->snd.max_wnd / 2)
			return wnd;
		return 0;
	}
	return first && should_defer(tcb, len) ? 0 : len;
}

/*
 * The send buffer follows what the congestion window can hold, twice over, so
 * that the user refills it while a window is in flight.
 */
void tcpx_output_grow_sndbuf(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	u32 segs = tcb->cong.cwnd / tcb->snd.mss + 1;
	u64 space;

	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK || tcpx_memory_pressure)
		return;
	space = 2 * (u64)max_t(u32, segs, TCPX_INITIAL_SEGS) *
		SKB_TRUESIZE(tcb->snd.mss + MAX_TCP_HEADER);
	space = min_t(u64, space, READ_ONCE(knobs_of(tcb)->wmem[2]));
	if (space > sk->sk_sndbuf)
		WRITE_ONCE(sk->sk_sndbuf, space);
}

/* --- sending ------------------------------------------------------------- */

static void move_to_rtx(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct sock *sk = tcpx_to_sk(tcb);

	__skb_unlink(skb, &sk->sk_write_queue);
	rtx_insert(sk, skb);
	tcpx_recovery_sent(tcb, skb);
	tcb->snd.nxt = tcpx_tx_cb(skb)->end_seq;
}

/* In segments of @size. */
static bool send_head(struct tcpx_sock *tcb, struct sk_buff *skb, u32 size,
		      u64 now_ns)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);
	struct sock *sk = tcpx_to_sk(tcb);

	if (skb->len && skb_queue_is_last(&sk->sk_write_queue, skb))
		cb->flags |= TCPX_FLAG_PSH;		/* MUST-61 */
	cb->gso_size = size;
	cb->gso_segs = skb->len <= size ? 1 : tx_segs(tcb, skb);
	if (tcpx_xmit_data(tcb, skb, now_ns, GFP_ATOMIC) == -ENOBUFS)
		return false;

	tcpx_timers_pace(tcb, skb->len);
	if (skb->len % size)
		tcb->snd.small_end = cb->end_seq;
	tcb->stats.bytes_sent += skb->len;
	TCPX_ADD(sock_net(sk), OrigDataSent, cb->gso_segs);
	move_to_rtx(tcb, skb);
	return true;
}

/* RFC 5681 4.1: after an idle RTO the window tells nothing any more. */
static void restart_after_idle(struct tcpx_sock *tcb, u64 now_ns)
{
	const struct tcpx_knobs *knobs = knobs_of(tcb);

	if (tcpx_flight(tcb) || !READ_ONCE(knobs->slow_start_after_idle))
		return;
	if (now_ns > tcb->snd.last_data_ns + tcpx_rtt_rto_ns(&tcb->rtt))
		tcpx_cong_restart(&tcb->cong, READ_ONCE(knobs->initial_window));
}

/*
 * RFC 4821 7.5: a segment that is larger than any that is known to pass. It
 * waits for its room in the window, which the next ACKs make.
 */
static bool send_probe(struct tcpx_sock *tcb, struct sk_buff *skb, u32 len,
		       u64 now_ns)
{
	if (cwnd_room(tcb) < len) {
		tcb->snd.cwnd_limited = 1;
		return false;
	}
	if (tcpx_xmit_is_throttled(tcb, skb) ||
	    (len < skb->len && tcpx_output_split(tcb, skb, len, GFP_ATOMIC)) ||
	    !send_head(tcb, skb, len, now_ns))
		return false;
	tcpx_pmtu_probe_sent(tcb, skb);
	return true;
}

static void output(struct tcpx_sock *tcb, u8 nagle)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *skb = tcpx_send_head(sk);
	u32 len, nxt = tcb->snd.nxt;
	bool first = true;
	u64 now_ns;

	if (!skb || !may_send_now(sk))
		return;
	now_ns = ktime_get_ns();	/* of all that goes out now */
	tcpx_pmtu_follow_route(tcb);
	restart_after_idle(tcb, now_ns);
	if (unlikely(tcb->cong.ops->flags & TCPX_CONG_F_RATE))
		tcpx_rate_output(tcb);
	tcb->snd.cwnd_limited = 0;
	do {
		if (tcpx_timers_is_paced(tcb))
			break;
		len = unlikely(tcb->snd.mtu_low) ? tcpx_pmtu_probe_len(tcb) : 0;
		if (unlikely(len)) {
			if (!send_probe(tcb, skb, len, now_ns))
				break;
			skb = tcpx_send_head(sk);
			continue;
		}
		len = sendable(tcb, skb, nagle, first);
		/* A bare FIN takes one number of the window. */
		if (!len && (skb->len || !window_room(tcb, tcpx_tx_cb(skb)->seq)))
			break;
		if (tcpx_xmit_is_throttled(tcb, skb) && tcpx_rtx_head(sk))
			break;
		if (len < skb->len && tcpx_output_split(tcb, skb, len, GFP_ATOMIC))
			break;
		if (!send_head(tcb, skb, tcb->snd.mss, now_ns))
			break;
		first = false;
		skb = tcpx_send_head(sk);
	} while (skb);

	if (tcb->snd.nxt != nxt)
		tcpx_timers_data_sent(tcb);
	else if (skb && !tcpx_rtx_head(sk) && !tcpx_timers_is_paced(tcb))
		tcpx_timers_output_held(tcb);
}

void tcpx_output(struct tcpx_sock *tcb)
{
	output(tcb, tcb->snd.nagle);
}

void tcpx_output_override(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *skb = tcpx_send_head(sk);
	u32 room;

	output(tcb, tcb->snd.nagle | TCPX_NAGLE_PUSH);
	skb = tcpx_send_head(sk);
	if (!skb || tcpx_rtx_head(sk) || !may_send_now(sk))
		return;
	/* What the window takes, however little (RFC 9293 3.8.6.2.1). */
	room = window_room(tcb, tcpx_tx_cb(skb)->seq);
	if (room && room < skb->len &&
	    tcpx_output_split(tcb, skb, room, GFP_ATOMIC) == 0 &&
	    send_head(tcb, skb, tcb->snd.mss, ktime_get_ns()))
		tcpx_timers_data_sent(tcb);
	else
		tcpx_timers_output_held(tcb);
}

bool tcpx_output_beyond_cwnd(struct tcpx_sock *tcb)
{
	struct sk_buff *skb = tcpx_send_head(tcpx_to_sk(tcb));
	u32 len;

	if (!skb || !may_send_now(tcpx_to_sk(tcb)))
		return false;
	len = min_t(u32, skb->len, tcb->snd.mss);
	if (len > window_room(tcb, tcpx_tx_cb(skb)->seq) ||
	    tcpx_xmit_is_throttled(tcb, skb) ||
	    (len < skb->len && tcpx_output_split(tcb, skb, len, GFP_ATOMIC)))
		return false;
	return send_head(tcb, skb, tcb->snd.mss, ktime_get_ns());
}

void tcpx_output_user_data(struct tcpx_sock *tcb, bool more)
{
	struct sk_buff *tail = skb_peek_tail(&tcpx_to_sk(tcb)->sk_write_queue);

	if (!tail)
		return;
	if (!more) {
		tcpx_tx_cb(tail)->flags |= TCPX_FLAG_PSH;
		tcb->snd.pushed_seq = tcb->snd.write_seq;
	}
	output(tcb, more ? TCPX_NAGLE_CORK : tcb->snd.nagle);
}

int tcpx_output_queue_syn(struct tcpx_sock *tcb, u8 ecn, gfp_t gfp)
{
	struct tcpx_tx_cb *cb;
	struct sk_buff *skb;

	skb = tcpx_tx_alloc(tcpx_to_sk(tcb), gfp);
	if (!skb)
		return -ENOBUFS;
	tcpx_output_queue(tcb, skb);
	cb = tcpx_tx_cb(skb);
	cb->flags = TCPX_FLAG_SYN | ecn;
	cb->end_seq++;
	cb->gso_segs = 1;
	tcb->snd.write_seq++;
	move_to_rtx(tcb, skb);
	return 0;
}

/*
 * One segment of two skbs: @syn, which alone is sent again, and @text, which
 * stays where it is. False: not even tried.
 */
static bool send_syn_with_text(struct tcpx_sock *tcb, struct sk_buff *syn,
			       struct sk_buff *text, gfp_t gfp)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(text), saved = *cb;
	int err;

	cb->seq = tcpx_tx_cb(syn)->seq;
	cb->flags = tcpx_tx_cb(syn)->flags;
	cb->gso_size = 0;
	cb->gso_segs = 1;
	err = tcpx_xmit_data(tcb, text, ktime_get_ns(), gfp);
	*cb = saved;
	syn->skb_mstamp_ns = text->skb_mstamp_ns;
	return err != -ENOBUFS;
}

void tcpx_output_send_syn(struct tcpx_sock *tcb, bool text, gfp_t gfp)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *syn = tcpx_rtx_head(sk);

	if (likely(!text) ||
	    !send_syn_with_text(tcb, syn, tcpx_send_head(sk), gfp))
		/* One that is not sent now is sent by the timer. */
		tcpx_xmit_data(tcb, syn, ktime_get_ns(), gfp);
	tcpx_timers_data_sent(tcb);
}

void tcpx_output_sent(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);

	cb->gso_size = tcb->snd.mss;
	cb->gso_segs = tx_segs(tcb, skb);
	skb->skb_mstamp_ns = tcpx_rtx_head(tcpx_to_sk(tcb))->skb_mstamp_ns;
	tcb->stats.bytes_sent += skb->len;
	TCPX_INC(sock_net(tcpx_to_sk(tcb)), OrigDataSent);
	move_to_rtx(tcb, skb);
}

/* The FIN rides on the last segment that waits, or goes alone. */
void tcpx_output_fin(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (!skb) {
		skb = tcpx_tx_alloc(sk, sk->sk_allocation | __GFP_NOFAIL);
		if (!skb)
			return;
		tcpx_output_queue(tcb, skb);
	}
	tcpx_tx_cb(skb)->flags |= TCPX_FLAG_FIN;
	tcpx_tx_cb(skb)->end_seq++;
	tcb->snd.write_seq++;
	output(tcb, TCPX_NAGLE_OFF);
}

int tcpx_output_retransmit(struct tcpx_sock *tcb, struct sk_buff *skb,
			   u32 max_len)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);
	struct sock *sk = tcpx_to_sk(tcb);
	u32 room;
	int err;

	/* The last transmission has not even left the host. */
	if (skb_fclone_busy(sk, skb))
		return -EBUSY;
	if (trim_acked(sk, skb))
		goto failed;
	/* Old data inside a shrunk window only, but always the first segment. */
	room = window_room(tcb, cb->seq);
	if (!room) {
		if (cb->seq != tcb->snd.una)
			return -EAGAIN;
		room = tcb->snd.mss;
	}
	max_len = min3(max_len, room, gso_limit(tcb));
	max_len = max_len > tcb->snd.mss ? rounddown(max_len, tcb->snd.mss) :
		  max_len;
	if (skb->len > max_len &&
	    tcpx_output_split(tcb, skb, max_len, GFP_ATOMIC))
		goto failed;

	if (unlikely(cb->flags & TCPX_FLAG_SYN))
		tcpx_ecn_syn_lost(tcb, skb);
	tcpx_pmtu_probe_void(tcb, skb);
	cb->gso_size = tcb->snd.mss;
	cb->gso_segs = tx_segs(tcb, skb);
	err = tcpx_xmit_data(tcb, skb, ktime_get_ns(), GFP_ATOMIC);
	if (err == -ENOBUFS)
		goto failed;
	tcpx_timers_pace(tcb, skb->len);
	trace_tcpx_retransmit(sk, skb);
	tcpx_recovery_retransmitted(tcb, skb);
	tcb->stats.retrans_segs += cb->gso_segs;
	tcb->stats.bytes_sent += skb->len;
	tcb->stats.bytes_retrans += skb->len;
	TCPX_ADD(sock_net(sk), RetransSegs, cb->gso_segs);
	if (cb->flags & TCPX_FLAG_SYN)
		TCPX_INC(sock_net(sk), SynRetrans);
	return 0;

failed:
	TCPX_INC(sock_net(sk), RetransFail);
	return -ENOMEM;
}

/*
 * RFC 9293 3.8.6.1 wants at least one octet of new data; RFC 9293 3.10.7.4
 * makes any unacceptable segment be answered, so like native TCP we send an
 * empty one below SND.UNA, which the peer need not throw away.
 */
void tcpx_output_probe(struct tcpx_sock *tcb)
{
	tcpx_xmit_probe(tcb, tcb->snd.una - 1);
}

/* --- receive window ------------------------------------------------------ */

/* Payload that @space bytes of buffer take, overhead counted. */
static u32 payload_of_space(const struct tcpx_sock *tcb, int space)
{
	return space > 0 ? (u64)space * tcb->rcv.scaling_ratio >> 8 : 0;
}

/*
 * The right edge never moves left (SHLD-14), and right only by min(half the
 * buffer, MSS): receiver SWS avoidance, RFC 9293 3.8.6.2.2. The buffer is what
 * may be offered of it: with a MSS of 64 KiB half of more than that would leave
 * a window that the sender's half of the largest one never takes.
 */
u32 tcpx_output_select_window(const struct tcpx_sock *tcb)
{
	const struct sock *sk = tcpx_to_sk(tcb);
	int rcvbuf = READ_ONCE(sk->sk_rcvbuf);
	u32 full = payload_of_space(tcb, rcvbuf);
	u32 now = tcpx_receive_window(tcb);
	u32 unit = 1U << tcb->rcv.wscale;
	u32 wnd, step;

	wnd = payload_of_space(tcb, rcvbuf - atomic_read(&sk->sk_rmem_alloc));
	wnd = min3(wnd, tcb->rcv.ssthresh, tcb->rcv.wnd_clamp);
	full = min3(full, tcb->rcv.ssthresh, tcb->rcv.wnd_clamp);
	step = max_t(u32, 1, min_t(u32, full / 2, tcb->rcv.mss_est));
	if (tcpx_memory_pressure && wnd < full / 16)
		wnd = 0;
	if (wnd < now + step)
		wnd = now;
	else
		wnd = max(rounddown(wnd, unit), now);

	return min(ALIGN(wnd, unit), (u32)TCPX_WINDOW_MAX << tcb->rcv.wscale);
}
