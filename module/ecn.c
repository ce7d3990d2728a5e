// SPDX-License-Identifier: GPL-2.0
/*
 * Explicit Congestion Notification, RFC 3168: what the SYNs ask for, which
 * segments go out with ECT(0), the echo of CE. What the sender does about an
 * echo is recovery.c's.
 *
 * A connection without ECN has rcv.ecn == 0 and gets no further than the test
 * of it. ECT(1) is never sent (RFC 8311 4.2), and the bit beside CWR is neither
 * sent nor looked at (RFC 9768 3.1).
 */
#include "tcpx.h"

#include <net/dst.h>
#include <net/inet_ecn.h>

#define SETUP	(TCPX_FLAG_ECE | TCPX_FLAG_CWR)

static const struct tcpx_knobs *knobs_of(const struct tcpx_sock *tcb)
{
	return &tcpx_net(sock_net(tcpx_to_sk(tcb)))->knobs;
}

/* --- negotiation, RFC 3168 6.1.1 ----------------------------------------- */

u8 tcpx_ecn_offer(struct tcpx_sock *tcb)
{
	const struct dst_entry *dst = __sk_dst_get(tcpx_to_sk(tcb));

	if (READ_ONCE(knobs_of(tcb)->ecn) != 1 &&
	    !(tcb->cong.ops->flags & TCPX_CONG_F_ECN) &&
	    !(dst && dst_feature(dst, RTAX_FEATURE_ECN)))
		return 0;
	tcb->rcv.ecn = TCPX_ECN_SEND | TCPX_ECN_RECEIVE;
	return SETUP;
}

/*
 * Having sent a SYN without, we may not send ECT any more, but a peer that
 * answers our first SYN may.
 */
static void withdraw(struct tcpx_sock *tcb, struct tcpx_tx_cb *cb)
{
	cb->flags &= ~SETUP;
	tcb->rcv.ecn &= ~TCPX_ECN_SEND;
	TCPX_INC(sock_net(tcpx_to_sk(tcb)), ECNFallback);
}

void tcpx_ecn_syn_lost(struct tcpx_sock *tcb, struct sk_buff *syn)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(syn);

	if (cb->flags & SETUP && READ_ONCE(knobs_of(tcb)->ecn_fallback) &&
	    tcpx_to_sk(tcb)->sk_state == TCP_SYN_SENT)
		withdraw(tcb, cb);
}

bool tcpx_ecn_syn_refused(struct tcpx_sock *tcb)
{
	struct sk_buff *syn = tcpx_rtx_head(tcpx_to_sk(tcb));

	if (!syn || !(tcpx_tx_cb(syn)->flags & SETUP) ||
	    !READ_ONCE(knobs_of(tcb)->ecn_fallback))
		return false;
	tcpx_output_retransmit(tcb, syn, tcb->snd.mss);
	return true;
}

/*
 * A SYN whose own packet says ECT went through something that changes these
 * bits as it likes: RFC 3168 6.1.1 has them zero there.
 */
u8 tcpx_ecn_accept(const struct tcpx_knobs *knobs, const struct tcpx_seg *seg)
{
	if (!READ_ONCE(knobs->ecn) || (seg->flags & SETUP) != SETUP || seg->ecn)
		return 0;
	return TCPX_ECN_SEND | TCPX_ECN_RECEIVE;
}

void tcpx_ecn_syn_arrived(struct tcpx_sock *tcb, const struct tcpx_seg *seg)
{
	bool crossed = !(seg->flags & TCPX_FLAG_ACK);
	struct tcpx_tx_cb *cb;

	/* Both bits in a SYN,ACK are those of a host that reflects ours. */
	if ((seg->flags & SETUP) != (crossed ? SETUP : TCPX_FLAG_ECE))
		tcb->rcv.ecn = 0;
	if (!crossed)
		return;

	cb = tcpx_tx_cb(tcpx_rtx_head(tcpx_to_sk(tcb)));
	cb->flags &= tcb->rcv.ecn ? ~TCPX_FLAG_CWR : ~SETUP;
}

/* --- receiver, RFC 3168 6.1.3 -------------------------------------------- */

/*
 * RFC 8257 3.2: ECE says whether what is acknowledged carried CE. What came
 * before the change is acknowledged first, as it was.
 */
static void echo_exactly(struct tcpx_sock *tcb, bool is_marked)
{
	if (is_marked == !!(tcb->rcv.ecn & TCPX_ECN_ECHO))
		return;
	if (tcb->rcv.ack_pending)
		tcpx_xmit_ack(tcb);
	tcb->rcv.ecn ^= TCPX_ECN_ECHO;
	tcb->rcv.ack_now = 1;
}

void tcpx_ecn_received(struct tcpx_sock *tcb, const struct tcpx_seg *seg)
{
	u8 *ecn = &tcb->rcv.ecn;

	/* 6.1.5: only new data inside the window tells something. */
	if (!(*ecn & TCPX_ECN_RECEIVE) || !seg->len ||
	    !tcpx_seq_after(seg->end_seq, tcb->rcv.nxt) ||
	    !tcpx_seq_before(seg->seq, tcb->rcv.nxt + tcpx_receive_window(tcb)))
		return;

	if (seg->ecn)
		*ecn |= TCPX_ECN_SEEN;
	if (unlikely(tcb->cong.ops->flags & TCPX_CONG_F_EXACT_ECHO)) {
		echo_exactly(tcb, seg->ecn == INET_ECN_CE);
		return;
	}
	/* A sender with a small window waits for these ACKs: send them now. */
	if (seg->flags & TCPX_FLAG_CWR) {
		*ecn &= ~TCPX_ECN_ECHO;
		tcb->rcv.ack_now = 1;
	}
	if (seg->ecn == INET_ECN_CE && !(*ecn & TCPX_ECN_ECHO)) {
		*ecn |= TCPX_ECN_ECHO;
		tcb->rcv.ack_now = 1;
	}
}

/* --- sender, RFC 3168 6.1.2 and 6.1.5 ------------------------------------ */

u16 tcpx_ecn_send(struct tcpx_sock *tcb, struct sk_buff *skb, u32 seq,
		  u16 flags)
{
	struct sock *sk = tcpx_to_sk(tcb);

	if (flags & (TCPX_FLAG_SYN | TCPX_FLAG_RST)) {
		INET_ECN_dontxmit(sk);
		return flags;
	}
	if (tcb->rcv.ecn & TCPX_ECN_ECHO)
		flags |= TCPX_FLAG_ECE;
	if (!(tcb->rcv.ecn & TCPX_ECN_SEND) || !skb->len ||
	    tcpx_seq_before(seq, tcb->snd.nxt)) {
		INET_ECN_dontxmit(sk);
		return flags;
	}

	INET_ECN_xmit(sk);
	if (tcb->rcv.ecn & TCPX_ECN_CWR) {
		tcb->rcv.ecn &= ~TCPX_ECN_CWR;
		flags |= TCPX_FLAG_CWR;
		/* Only the first of the segments that it is cut into. */
		if (skb_is_gso(skb))
			skb_shinfo(skb)->gso_type |= SKB_GSO_TCP_ECN;
	}
	return flags;
}
