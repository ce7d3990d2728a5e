// SPDX-License-Identifier: GPL-2.0
/*
 * SEGMENT ARRIVES, RFC 9293 3.10.7, for a connection that is a socket. The
 * eight checks are one function each, called in the RFC's order. LISTEN and
 * passive SYN-RECEIVED are in listen.c, TIME-WAIT in timewait.c.
 *
 * A check returns why the segment ends there, having sent what is due, or
 * SKB_NOT_DROPPED_YET.
 */
#include "tcpx.h"
#include "trace.h"

#include <net/tcp.h>

/* --- what ends in a reset ------------------------------------------------ */

static int errno_of_reset(const struct sock *sk)
{
	switch (sk->sk_state) {
	case TCP_SYN_RECV:
		if (tcpx_is_early(tcpx_sk(sk)))
			return ECONNRESET;
		fallthrough;
	case TCP_SYN_SENT:
		return ECONNREFUSED;
	case TCP_CLOSE_WAIT:
		return EPIPE;
	default:
		return ECONNRESET;
	}
}

static void reset_arrived(struct sock *sk)
{
	struct net *net = sock_net(sk);
	int err = errno_of_reset(sk);

	if (unlikely(tcpx_sk(sk)->user.fastopen & TCPX_TFO_PENDING))
		tcpx_fastopen_settled(tcpx_sk(sk), true);
	if (tcpx_state_in(sk->sk_state, TCPX_S(ESTABLISHED) |
			  TCPX_S(CLOSE_WAIT)))
		TCPX_INC(net, EstabResets);
	else if (tcpx_state_in(sk->sk_state, TCPX_S(SYN_SENT) |
			       TCPX_S(SYN_RECEIVED)))
		TCPX_INC(net, AttemptFails);
	tcpx_sock_done(sk, TCPX_EV_RCV_RST, err);
}

/* --- timestamps, RFC 7323 5.3 -------------------------------------------- */

static bool ts_recent_is_valid(const struct tcpx_sock *tcb)
{
	return (u32)ktime_get_seconds() - tcb->rcv.ts_recent_s <
	       TCPX_PAWS_IDLE_S;
}

/*
 * Once negotiated, a segment without is dropped, RFC 7323 3.2. A SYN may be of
 * a peer that has started again: RFC 5961 4 has it answered.
 */
static enum skb_drop_reason no_timestamps(const struct tcpx_sock *tcb,
					  const struct tcpx_seg *seg)
{
	if (seg->flags & TCPX_FLAG_SYN)
		return SKB_NOT_DROPPED_YET;
	TCPX_INC(sock_net(tcpx_to_sk(tcb)), TSMissing);
	return SKB_DROP_REASON_TCP_RFC7323_PAWS;
}

/* R1; a RST is not checked. */
static enum skb_drop_reason check_paws(struct tcpx_sock *tcb,
				       const struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);

	if (!tcb->rcv.ts_ok || seg->flags & TCPX_FLAG_RST)
		return SKB_NOT_DROPPED_YET;
	if (unlikely(!(seg->options & TCPX_HAS_TS)))
		return no_timestamps(tcb, seg);
	if (likely(!tcpx_ts_before(seg->tsval, tcb->rcv.ts_recent)) ||
	    !ts_recent_is_valid(tcb))
		return SKB_NOT_DROPPED_YET;

	TCPX_INC(sock_net(tcpx_to_sk(tcb)), PAWSEstab);
	if (tcpx_seq_before(seg->seq, tcb->rcv.nxt))
		tcpx_reassembly_dsack(tcb, seg->seq,
				      tcpx_seq_min(seg->end_seq, tcb->rcv.nxt));
	tcpx_xmit_limited_ack(tcb, skb);
	return SKB_DROP_REASON_TCP_RFC7323_PAWS;
}

/* R3: only from a segment that covers what we acknowledged last. */
static void update_ts_recent(struct tcpx_sock *tcb, const struct tcpx_seg *seg)
{
	if (!tcb->rcv.ts_ok || !(seg->options & TCPX_HAS_TS) ||
	    tcpx_seq_after(seg->seq, tcb->rcv.wup))
		return;
	if (tcpx_ts_before(seg->tsval, tcb->rcv.ts_recent) &&
	    ts_recent_is_valid(tcb))
		return;
	tcb->rcv.ts_recent = seg->tsval;
	tcb->rcv.ts_recent_s = ktime_get_seconds();
}

/* --- first: sequence number ---------------------------------------------- */

/*
 * An old duplicate may carry an ACK that nothing else will bring: our peer
 * sends its FIN again while we wait for its ACK of ours (RFC 9293 A.2). Its
 * text is dropped by the seventh check.
 */
static bool is_recent_duplicate(const struct tcpx_sock *tcb,
				const struct tcpx_seg *seg)
{
	return tcpx_seq_before_eq(seg->end_seq, tcb->rcv.nxt) &&
	       tcpx_seq_after_eq(seg->end_seq, tcb->rcv.wup) &&
	       seg->end_seq != seg->seq && seg->flags & TCPX_FLAG_ACK;
}

static enum skb_drop_reason first_sequence(struct tcpx_sock *tcb,
					   const struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	u32 wnd = tcpx_receive_window(tcb);

	if (likely(tcpx_seq_acceptable(seg->seq, seg->end_seq, tcb->rcv.nxt,
				       wnd)))
		return SKB_NOT_DROPPED_YET;
	/* RST, ACK and URG at a closed window: RFC 9293 MUST-66. */
	if (!wnd && seg->seq == tcb->rcv.nxt) {
		if (seg->flags & TCPX_FLAG_RST)
			return SKB_NOT_DROPPED_YET;
		TCPX_INC(sock_net(tcpx_to_sk(tcb)), ZeroWindowDrop);
		tcb->rcv.ack_now = 1;
		return SKB_NOT_DROPPED_YET;
	}
	if (seg->flags & TCPX_FLAG_RST)
		goto unacceptable;
	if (seg->flags & TCPX_FLAG_SYN)	/* RFC 5961 4: the fourth check */
		return SKB_NOT_DROPPED_YET;
	if (is_recent_duplicate(tcb, seg))
		return SKB_NOT_DROPPED_YET;

	if (tcpx_seq_before(seg->seq, tcb->rcv.nxt))
		tcpx_reassembly_dsack(tcb, seg->seq,
				      tcpx_seq_min(seg->end_seq, tcb->rcv.nxt));
	tcpx_xmit_limited_ack(tcb, skb);
unacceptable:
	TCPX_INC(sock_net(tcpx_to_sk(tcb)), BeyondWindow);
	return SKB_DROP_REASON_TCP_INVALID_SEQUENCE;
}

/* --- second: RST (RFC 5961 3) -------------------------------------------- */

static enum skb_drop_reason second_rst(struct tcpx_sock *tcb,
				       const struct tcpx_seg *seg)
{
	if (likely(!(seg->flags & TCPX_FLAG_RST)))
		return SKB_NOT_DROPPED_YET;
	if (seg->seq == tcb->rcv.nxt) {
		reset_arrived(tcpx_to_sk(tcb));
		return SKB_DROP_REASON_TCP_RESET;
	}
	if (unlikely(tcb->user.fastopen & TCPX_TFO_ACTIVE) &&
	    !tcb->stats.data_segs_in &&
	    tcpx_to_sk(tcb)->sk_state == TCP_ESTABLISHED)
		tcpx_fastopen_blackholed(tcb);
	tcpx_xmit_challenge_ack(tcb);
	return SKB_DROP_REASON_TCP_RESET;
}

/* --- fourth: SYN (RFC 5961 4) -------------------------------------------- */

/* What is left of @seg when the SYN is dealt with. */
static void strip_syn(struct tcpx_seg *seg)
{
	seg->flags &= ~TCPX_FLAG_SYN;
	seg->seq++;
	if (seg->urp)
		seg->urp--;
}

/*
 * 7413-5: the SYN of a Fast Open child again, with its text or without: its
 * SYN,ACK was lost, or is late. The text was taken when the child was made.
 */
static bool is_syn_again(const struct tcpx_sock *tcb,
			 const struct tcpx_seg *seg)
{
	return tcb->user.fastopen & TCPX_TFO_PENDING &&
	       seg->seq == tcb->rcv.irs && !(seg->flags & TCPX_FLAG_ACK);
}

static void answer_syn_again(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);

	if (!tcpx_xmit_is_limited(sock_net(sk), &tcb->rcv.ack_limit_ms))
		tcpx_output_retransmit(tcb, tcpx_rtx_head(sk), tcb->snd.mss);
}

static enum skb_drop_reason fourth_syn(struct tcpx_sock *tcb,
				       struct tcpx_seg *seg)
{
	if (likely(!(seg->flags & TCPX_FLAG_SYN)))
		return SKB_NOT_DROPPED_YET;
	if (is_syn_again(tcb, seg)) {
		answer_syn_again(tcb);
		return SKB_DROP_REASON_TCP_INVALID_SYN;
	}
	/* The other half of a simultaneous open: its ACK is what we want. */
	if (tcpx_to_sk(tcb)->sk_state == TCP_SYN_RECV &&
	    seg->seq == tcb->rcv.irs && seg->flags & TCPX_FLAG_ACK) {
		strip_syn(seg);
		tcb->rcv.ack_now = 1;
		return SKB_NOT_DROPPED_YET;
	}
	TCPX_INC(sock_net(tcpx_to_sk(tcb)), SYNChallenge);
	tcpx_xmit_challenge_ack(tcb);
	return SKB_DROP_REASON_TCP_INVALID_SYN;
}

/* --- fifth: ACK ---------------------------------------------------------- */

static void eighth_fin(struct tcpx_sock *tcb);

static bool fin_is_acked(const struct tcpx_sock *tcb)
{
	const struct sock *sk = tcpx_to_sk(tcb);

	return tcb->snd.una == tcb->snd.write_seq && !tcpx_send_head(sk);
}

static void connection_opens(struct tcpx_sock *tcb, enum tcpx_event event)
{
	struct sock *sk = tcpx_to_sk(tcb);

	/* Idle from now on: keepalive, started by the event, counts from here. */
	tcb->rcv.last_data_ns = ktime_get_ns();
	tcb->snd.last_data_ns = tcb->rcv.last_data_ns;
	tcpx_sock_event(sk, event);
	smp_mb();	/* the state is seen before the wake-up */
	if (!sock_flag(sk, SOCK_DEAD)) {
		sk->sk_state_change(sk);
		sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
	}
}

/* In SYN-RECEIVED: the ACK of our SYN,ACK, else RST. */
static bool ack_of_our_syn(struct tcpx_sock *tcb, const struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	struct sock *sk = tcpx_to_sk(tcb);

	/* Of a simultaneous open whose SYN had text. */
	if (unlikely(tcb->user.fastopen & TCPX_TFO_TEXT) &&
	    tcpx_seq_after(seg->ack, tcb->snd.una) &&
	    tcpx_seq_before_eq(seg->ack, tcb->snd.write_seq))
		tcpx_fastopen_text_acked(tcb, seg->ack);
	if (!tcpx_seq_after(seg->ack, tcb->snd.una) ||
	    tcpx_seq_after(seg->ack, tcb->snd.nxt)) {
		tcpx_xmit_rst_reply(sock_net(sk), skb);
		return false;
	}
	tcb->snd.wnd = (u32)seg->wnd << tcb->snd.wscale;
	tcb->snd.max_wnd = max(tcb->snd.max_wnd, tcb->snd.wnd);
	tcb->snd.wl1 = seg->seq;
	tcb->snd.wl2 = seg->ack;
	/* With text in flight behind the SYN, it is an ACK as any other. */
	if (likely(tcpx_flight(tcb) == 1))
		tcpx_ack_of_syn(tcb, tcb->snd.iss + 1);
	else
		tcb->stats.bytes_acked--;
	connection_opens(tcb, TCPX_EV_ACK_OF_SYN);
	return true;
}

/* False: the connection is over, or lives on as a TIME-WAIT block. */
static bool ack_of_our_fin(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);

	switch (sk->sk_state) {
	case TCP_FIN_WAIT1:
		sk->sk_shutdown |= SEND_SHUTDOWN;
		tcpx_sock_event(sk, TCPX_EV_ACK_OF_FIN);
		sk_dst_confirm(sk);
		if (!sock_flag(sk, SOCK_DEAD)) {
			sk->sk_state_change(sk);
		} else if (READ_ONCE(tcb->user.linger2_s) < 0) {
			TCPX_INC(sock_net(sk), AbortOnLinger);
			tcpx_sock_done(sk, TCPX_EV_TIMEOUT, 0);
			return false;
		}
		return true;
	case TCP_CLOSING:
		tcpx_sock_event(sk, TCPX_EV_ACK_OF_FIN);
		return false;
	case TCP_LAST_ACK:
		tcpx_sock_done(sk, TCPX_EV_ACK_OF_FIN, 0);
		return false;
	}
	return true;
}

/* The text and FIN of the SYN that crossed ours had to wait until now. */
static void take_kept_text(struct tcpx_sock *tcb)
{
	if (unlikely(!RB_EMPTY_ROOT(&tcb->rcv.ooo)) &&
	    tcpx_reassembly_take_kept(tcb))
		eighth_fin(tcb);
}

static enum skb_drop_reason fifth_ack(struct tcpx_sock *tcb,
				      struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	struct sock *sk = tcpx_to_sk(tcb);
	enum skb_drop_reason reason;
	bool opens = false;

	if (!(seg->flags & TCPX_FLAG_ACK))
		return SKB_DROP_REASON_TCP_FLAGS;
	if (unlikely(sk->sk_state == TCP_SYN_RECV)) {
		if (!ack_of_our_syn(tcb, skb))
			return SKB_DROP_REASON_TCP_FLAGS;
		opens = true;
	}
	if (unlikely(opens && tcb->rcv.ecn & TCPX_ECN_ACCURATE))
		tcpx_accecn_opened(tcb, seg);
	reason = tcpx_ack(tcb, skb);
	if (unlikely(reason))
		return reason;
	if (unlikely(tcb->user.fastopen & TCPX_TFO_PENDING) &&
	    tcb->snd.una != tcb->snd.iss)
		tcpx_fastopen_settled(tcb, false);
	update_ts_recent(tcb, seg);

	tcb->recovery.keepalive_probes = 0;
	if (unlikely(opens))
		take_kept_text(tcb);
	if (!tcpx_state_in(sk->sk_state, TCPX_MAY_SEND | TCPX_S(FIN_WAIT_2)) &&
	    fin_is_acked(tcb) && !ack_of_our_fin(tcb))
		return SKB_DROP_REASON_TCP_CLOSE;
	return SKB_NOT_DROPPED_YET;
}

/* --- sixth: URG ---------------------------------------------------------- */

/* The user left the last urgent byte where it was: step over it. */
static void skip_old_urgent(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);

	if (tcb->rcv.urgent && !sock_flag(sk, SOCK_URGINLINE) &&
	    tcb->rcv.up - 1 == tcb->rcv.copied &&
	    tcb->rcv.copied != tcb->rcv.nxt)
		tcb->rcv.copied++;
}

/* RFC 9293 3.8.5: RCV.UP = max(RCV.UP, SEG.UP), and tell the user once. */
static void urgent_pointer(struct tcpx_sock *tcb, const struct tcpx_seg *seg)
{
	u32 up = seg->seq + seg->urp;

	/* UP = 0 points before the segment: no urgent data (RFC 6093 3). */
	if (!seg->urp || !tcpx_seq_after(up, tcb->rcv.nxt) ||
	    !tcpx_seq_after(up, tcb->rcv.copied))
		return;
	if (tcb->rcv.urgent && !tcpx_seq_after(up, tcb->rcv.up))
		return;
	skip_old_urgent(tcb);
	tcb->rcv.urgent_valid = 0;
	tcb->rcv.urgent_read = 0;
	WRITE_ONCE(tcb->rcv.up, up);
	tcb->rcv.urgent = 1;
	TCPX_INC(sock_net(tcpx_to_sk(tcb)), UrgentIn);
	sk_send_sigurg(tcpx_to_sk(tcb));
}

static void sixth_urg(struct tcpx_sock *tcb, const struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	struct sock *sk = tcpx_to_sk(tcb);
	u8 byte;

	/* SYN-RECEIVED: of the SYN that crossed ours. */
	if (!tcpx_state_in(sk->sk_state, TCPX_MAY_RECEIVE |
			   TCPX_S(SYN_RECEIVED)))
		return;
	if (unlikely(seg->flags & TCPX_FLAG_URG))
		urgent_pointer(tcb, seg);
	if (!tcb->rcv.urgent || tcb->rcv.urgent_valid || tcb->rcv.urgent_read)
		return;
	if (!tcpx_seq_in_window(tcb->rcv.up - 1, seg->seq, seg->len) ||
	    skb_copy_bits(skb, tcb->rcv.up - 1 - seg->seq, &byte, 1))
		return;
	tcb->rcv.urgent_byte = byte;
	tcb->rcv.urgent_valid = 1;
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
}

/* --- seventh: text ------------------------------------------------------- */

/*
 * Nobody will read it: RFC 9293 3.6.1 (SHLD-3), as RFC 2525 2.17. True if the
 * connection was reset.
 */
static bool is_text_after_close(struct tcpx_sock *tcb,
				const struct tcpx_seg *seg)
{
	struct sock *sk = tcpx_to_sk(tcb);

	if (!(sk->sk_shutdown & RCV_SHUTDOWN) ||
	    !tcpx_state_in(sk->sk_state, TCPX_S(FIN_WAIT_1) |
			   TCPX_S(FIN_WAIT_2)))
		return false;
	if (!seg->len || !tcpx_seq_after(seg->seq + seg->len, tcb->rcv.nxt))
		return false;
	TCPX_INC(sock_net(sk), AbortOnData);
	tcpx_sock_abort(sk, ECONNRESET);
	return true;
}

/* Consumes @skb; true: a FIN is in sequence now. */
static bool seventh_text(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	struct sock *sk = tcpx_to_sk(tcb);

	if (seg->seq == seg->end_seq || is_text_after_close(tcb, seg)) {
		__kfree_skb(skb);
		return false;
	}
	if (!tcpx_state_in(sk->sk_state, TCPX_MAY_RECEIVE)) {
		/* After the peer's FIN: an old duplicate, or nonsense. */
		if (tcpx_seq_before_eq(seg->end_seq, tcb->rcv.nxt)) {
			tcpx_reassembly_dsack(tcb, seg->seq, seg->end_seq);
			tcb->rcv.ack_now = 1;
		}
		kfree_skb_reason(skb, SKB_DROP_REASON_TCP_OLD_DATA);
		return false;
	}
	return tcpx_reassembly_text(tcb, skb);
}

/* --- eighth: FIN --------------------------------------------------------- */

static void eighth_fin(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);

	sk->sk_shutdown |= RCV_SHUTDOWN;
	sock_set_flag(sk, SOCK_DONE);
	tcpx_reassembly_purge(tcb);
	tcb->rcv.ack_now = 0;
	/* Acknowledged at once, by the state that it found us in. */
	tcpx_xmit_ack(tcb);
	tcpx_sock_event(sk, TCPX_EV_RCV_FIN);

	if (sock_flag(sk, SOCK_DEAD))
		return;
	sk->sk_state_change(sk);
	if (sk->sk_shutdown == SHUTDOWN_MASK || sk->sk_state == TCP_CLOSE)
		sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_HUP);
	else
		sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_IN);
}

/* --- SYN-SENT, RFC 9293 3.10.7.3 ----------------------------------------- */

static bool is_ack_acceptable(const struct tcpx_sock *tcb,
			      const struct tcpx_seg *seg)
{
	/* Text that went with the SYN is still on the send queue. */
	return tcpx_seq_after(seg->ack, tcb->snd.iss) &&
	       tcpx_seq_before_eq(seg->ack, tcb->snd.write_seq);
}

/* What both ends offered holds; the rest is off. */
static void take_syn_options(struct tcpx_sock *tcb, const struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	struct tcpx_options opt;

	tcpx_options_parse(skb_transport_header(skb) + TCPX_HDR_LEN,
			   seg->hdr_len - TCPX_HDR_LEN, true, &opt);
	if (unlikely(tcb->user.fastopen) && seg->flags & TCPX_FLAG_ACK)
		tcpx_fastopen_answered(tcb, seg->ack, &opt);
	tcpx_sock_take_options(tcb, &opt);
}

/*
 * The text, URG and FIN of a SYN,ACK (SM-9); those of a SYN are kept until the
 * connection is open. Consumes @skb.
 */
static void rest_of_syn(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	strip_syn(tcpx_seg(skb));
	sixth_urg(tcb, skb);
	if (tcpx_to_sk(tcb)->sk_state == TCP_SYN_RECV)
		tcpx_reassembly_keep(tcb, skb);
	else if (seventh_text(tcb, skb))
		eighth_fin(tcb);
}

void tcpx_input_syn_text(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_seg *seg = tcpx_seg(skb);

	tcb->stats.segs_in++;
	__skb_pull(skb, seg->hdr_len);
	strip_syn(seg);
	if (seg->len)
		tcpx_reassembly_text(tcb, skb);
	else
		__kfree_skb(skb);
	if (tcb->rcv.nxt != tcb->rcv.irs + 1)
		WRITE_ONCE(tcb->user.fastopen, tcb->user.fastopen |
			   TCPX_TFO_TEXT_ACKED);
}

static void syn_arrived(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	struct sock *sk = tcpx_to_sk(tcb);
	bool acked = seg->flags & TCPX_FLAG_ACK;

	tcb->rcv.irs = seg->seq;
	tcb->rcv.nxt = seg->seq + 1;
	tcb->rcv.copied = tcb->rcv.nxt;
	tcb->rcv.wup = tcb->rcv.nxt;
	take_syn_options(tcb, skb);
	if (unlikely(tcb->rcv.ecn))
		tcpx_ecn_syn_arrived(tcb, skb);
	tcb->snd.wnd = seg->wnd;
	tcb->snd.max_wnd = max(tcb->snd.max_wnd, tcb->snd.wnd);
	tcb->snd.wl1 = seg->seq;
	tcb->snd.wl2 = seg->ack;

	if (acked) {
		tcpx_ack_of_syn(tcb, seg->ack);
		connection_opens(tcb, TCPX_EV_RCV_SYN_ACK);
		tcb->rcv.ack_now = 1;
	} else {
		/* Simultaneous open: our SYN again, with an ACK (MUST-10). */
		tcpx_sock_event(sk, TCPX_EV_RCV_SYN);
		tcb->rcv.last_data_ns = ktime_get_ns();
		tcpx_output_retransmit(tcb, tcpx_rtx_head(sk), tcb->snd.mss);
	}
	rest_of_syn(tcb, skb);
}

/* Consumes @skb. */
static void segment_in_syn_sent(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	struct sock *sk = tcpx_to_sk(tcb);

	if (seg->flags & TCPX_FLAG_ACK && !is_ack_acceptable(tcb, seg)) {
		if (!(seg->flags & TCPX_FLAG_RST))
			tcpx_xmit_rst_reply(sock_net(sk), skb);
		goto drop;
	}
	if (seg->flags & TCPX_FLAG_RST) {
		if (seg->flags & TCPX_FLAG_ACK && !tcpx_ecn_syn_refused(tcb))
			reset_arrived(sk);
		goto drop;
	}
	/* Our SYN may still wait for its text: TCP_FASTOPEN_CONNECT. */
	if (!(seg->flags & TCPX_FLAG_SYN) || unlikely(!tcpx_rtx_head(sk)))
		goto drop;
	syn_arrived(tcb, skb);
	return;
drop:
	kfree_skb_reason(skb, SKB_DROP_REASON_TCP_FLAGS);
}

/* --- SEGMENT ARRIVES ----------------------------------------------------- */

/* All other states, RFC 9293 3.10.7.4. Consumes @skb. */
static void segment_arrives(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_seg *seg = tcpx_seg(skb);
	enum skb_drop_reason reason;

	reason = check_paws(tcb, skb) ?:
		 first_sequence(tcb, skb) ?:
		 second_rst(tcb, seg) ?:
		 fourth_syn(tcb, seg) ?:
		 fifth_ack(tcb, skb);
	if (unlikely(reason)) {
		kfree_skb_reason(skb, reason);
		return;
	}
	if (unlikely(tcb->rcv.ecn))
		tcpx_ecn_received(tcb, skb);
	sixth_urg(tcb, skb);
	if (seventh_text(tcb, skb))
		eighth_fin(tcb);
}

/* New windows and new debts: send data, which may carry the ACK. */
static void answer(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);

	if (sk->sk_state == TCP_CLOSE)
		return;
	if (tcpx_send_head(sk))
		tcpx_output(tcb);
	if (tcb->rcv.ack_now)
		tcpx_xmit_ack(tcb);
	if (sk->sk_socket && test_bit(SOCK_NOSPACE, &sk->sk_socket->flags)) {
		tcpx_output_grow_sndbuf(tcb);
		sk->sk_write_space(sk);
	}
}

int tcpx_input(struct sock *sk, struct sk_buff *skb)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);
	const struct tcpx_seg *seg = tcpx_seg(skb);

	sock_owned_by_me(sk);
	trace_tcpx_segment_in(sk, skb);
	tcb->stats.segs_in += max_t(u16, 1, skb_shinfo(skb)->gso_segs);
	if (unlikely(sk->sk_state == TCP_CLOSE)) {
		kfree_skb_reason(skb, SKB_DROP_REASON_TCP_CLOSE);
		return 0;
	}

	__skb_pull(skb, seg->hdr_len);
	if (unlikely(sk->sk_state == TCP_SYN_SENT))
		segment_in_syn_sent(tcb, skb);
	else
		segment_arrives(tcb, skb);
	answer(tcb);
	return 0;
}
