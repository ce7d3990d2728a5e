// SPDX-License-Identifier: GPL-2.0
/*
 * Explicit Congestion Notification, RFC 3168: what the SYNs ask for, which
 * segments go out with ECT(0), the echo of CE. What the sender does about an
 * echo is recovery.c's.
 *
 * A connection without ECN has rcv.ecn == 0 and gets no further than the test
 * of it. Unless accurate feedback was agreed on, which is accecn.c's, ECT(1) is
 * not sent (RFC 8311 4.2), and the bit beside CWR is neither sent nor looked at
 * (RFC 9768 3.1).
 */
#include "tcpx.h"
#include "listen.h"

#include <net/dst.h>
#include <net/inet_ecn.h>

#define SETUP	(TCPX_FLAG_ECE | TCPX_FLAG_CWR)
#define BOTH	(TCPX_ECN_SEND | TCPX_ECN_RECEIVE)
#define ACCURATE_TRIES	2	/* RFC 9768: SYN,ACKs that say so */

static const struct tcpx_knobs *knobs_of(const struct tcpx_sock *tcb)
{
	return &tcpx_net(sock_net(tcpx_to_sk(tcb)))->knobs;
}

/* --- negotiation, RFC 3168 6.1.1 ----------------------------------------- */

void tcpx_ecn_forget(struct tcpx_sock *tcb)
{
	if (tcb->rcv.ecn & TCPX_ECN_ACCURATE)
		tcpx_accecn_free(tcb);
	tcb->rcv.ecn &= ~(TCPX_ECN_ACCURATE | TCPX_ECN_ALONE |
			  TCPX_ECN_HANDSHAKE);	/* TCP_INFO tells the rest */
}

u8 tcpx_ecn_offer(struct tcpx_sock *tcb)
{
	const struct dst_entry *dst = __sk_dst_get(tcpx_to_sk(tcb));
	u8 knob = READ_ONCE(knobs_of(tcb)->ecn);

	tcpx_ecn_forget(tcb);
	tcb->rcv.ecn = 0;
	if (knob != TCPX_ECN_BOTH && knob != TCPX_ECN_BOTH_ACCURATE &&
	    knob != TCPX_ECN_BOTH_ACCEPT_ACCURATE &&
	    !(tcb->cong.ops->flags & TCPX_CONG_F_ECN) &&
	    !(dst && dst_feature(dst, RTAX_FEATURE_ECN)))
		return 0;
	tcb->rcv.ecn = BOTH;
	/* One that has listened before has no room for the counters. */
	if ((knob == TCPX_ECN_BOTH_ACCURATE ||
	     tcb->cong.ops->flags & TCPX_CONG_F_ACCURATE_ECN) && !tcb->listen)
		tcb->rcv.ecn |= TCPX_ECN_ACCURATE;
	return SETUP;
}

/*
 * Having sent a SYN without, we may not send ECT any more, but a peer that
 * answers our first SYN may. RFC 9768 3.1.5 says the same, and 3.1.4 that what
 * asks for accurate feedback is sent once more before.
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

	if (!(cb->flags & SETUP) ||
	    tcpx_to_sk(tcb)->sk_state != TCP_SYN_SENT ||
	    !READ_ONCE(knobs_of(tcb)->ecn_fallback))
		return;
	if (!(tcb->rcv.ecn & TCPX_ECN_ACCURATE) ||
	    cb->marks & TCPX_TX_EVER_RETRANS)
		withdraw(tcb, cb);
}

bool tcpx_ecn_syn_refused(struct tcpx_sock *tcb)
{
	struct sk_buff *syn = tcpx_rtx_head(tcpx_to_sk(tcb));

	if (!syn || !(tcpx_tx_cb(syn)->flags & SETUP) ||
	    !READ_ONCE(knobs_of(tcb)->ecn_fallback))
		return false;
	withdraw(tcb, tcpx_tx_cb(syn));
	tcpx_output_retransmit(tcb, syn, tcb->snd.mss);
	return true;
}

/* RFC 9768 3.1.1 and, of combinations that are for the future, 3.1.3. */
static bool asks_for_accurate(const struct tcpx_seg *seg)
{
	return seg->flags & (SETUP | TCPX_FLAG_AE) &&
	       (seg->flags & (SETUP | TCPX_FLAG_AE)) != SETUP;
}

/*
 * A SYN whose own packet says ECT went through something that changes these
 * bits as it likes: RFC 3168 6.1.1 has them zero there.
 */
u8 tcpx_ecn_accept(const struct tcpx_knobs *knobs, const struct tcpx_seg *seg)
{
	u8 knob = READ_ONCE(knobs->ecn);

	if (knob >= TCPX_ECN_BOTH_ACCURATE && asks_for_accurate(seg))
		return BOTH | TCPX_ECN_ACCURATE | seg->ecn << TCPX_ECN_SYN_SHIFT;
	if (!knob || (seg->flags & SETUP) != SETUP || seg->ecn)
		return 0;
	return BOTH;
}

u8 tcpx_ecn_classic(u8 ecn)
{
	if (!(ecn & TCPX_ECN_ACCURATE))
		return ecn;
	return ecn >> TCPX_ECN_SYN_SHIFT ? 0 : ecn & BOTH;
}

/*
 * RFC 3168 6.1.1: it fell back; what is marked is echoed. RFC 9768 3.1.5: the
 * same, and of the last SYN the mark is told.
 */
void tcpx_ecn_asked_again(struct tcpx_request *req, const struct tcpx_seg *seg)
{
	const struct net *net = sock_net(req->common.skc_listener);
	u8 again = tcpx_ecn_accept(&tcpx_net(net)->knobs, seg);
	u8 ecn = READ_ONCE(req->ecn);

	if (!again)
		ecn &= ~TCPX_ECN_SEND;
	if (ecn & again & TCPX_ECN_ACCURATE)
		ecn = again & (ecn | 3 << TCPX_ECN_SYN_SHIFT);
	WRITE_ONCE(req->ecn, ecn);
}

u16 tcpx_ecn_syn_ack_flags(u8 ecn)
{
	if (ecn & TCPX_ECN_ACCURATE)
		return tcpx_accecn_syn_ack_flags(ecn >> TCPX_ECN_SYN_SHIFT);
	return ecn & TCPX_ECN_SEND ? TCPX_FLAG_ECE : 0;
}

/*
 * RFC 9768 3.2.3.2.2: after the second timeout the SYN,ACK says nothing of ECN,
 * in case that something on the path drops it for that. The mode stays, and by
 * 3.1.5 we send no ECT then.
 */
static bool is_withdrawn(const struct tcpx_request *req, u8 ecn)
{
	const struct net *net = sock_net(req->common.skc_listener);

	return ecn & TCPX_ECN_ACCURATE && req->retries >= ACCURATE_TRIES &&
	       READ_ONCE(tcpx_net(net)->knobs.ecn_fallback);
}

u16 tcpx_ecn_request_flags(const struct tcpx_request *req)
{
	u8 ecn = READ_ONCE(req->ecn);

	return is_withdrawn(req, ecn) ? 0 : tcpx_ecn_syn_ack_flags(ecn);
}

void tcpx_ecn_init_child(struct tcpx_sock *tcb, const struct tcpx_request *req)
{
	u8 ecn = READ_ONCE(req->ecn);

	tcb->rcv.ecn = ecn & (BOTH | TCPX_ECN_ACCURATE);
	if (is_withdrawn(req, ecn))
		tcb->rcv.ecn &= ~TCPX_ECN_SEND;
	if (ecn & TCPX_ECN_ACCURATE &&
	    !tcpx_accecn_start(tcb, ecn >> TCPX_ECN_SYN_SHIFT, req->retries))
		tcb->rcv.ecn = 0;
}

static void syn_crossed(struct tcpx_sock *tcb, const struct tcpx_seg *seg)
{
	struct tcpx_tx_cb *cb = tcpx_tx_cb(tcpx_rtx_head(tcpx_to_sk(tcb)));
	u8 *ecn = &tcb->rcv.ecn;

	if (!(seg->flags & (SETUP | TCPX_FLAG_AE)))
		*ecn = 0;
	else if (!(*ecn & TCPX_ECN_ACCURATE && asks_for_accurate(seg)))
		*ecn = (seg->flags & SETUP) == SETUP ? *ecn & BOTH : 0;
	else if (!tcpx_accecn_start(tcb, seg->ecn, false))
		*ecn = 0;
	cb->flags &= *ecn ? ~TCPX_FLAG_CWR : ~SETUP;
}

void tcpx_ecn_syn_arrived(struct tcpx_sock *tcb, const struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	u8 *ecn = &tcb->rcv.ecn;

	if (!(seg->flags & TCPX_FLAG_ACK)) {
		syn_crossed(tcb, seg);
		return;
	}
	if (*ecn & TCPX_ECN_ACCURATE && tcpx_accecn_syn_answered(tcb, skb))
		return;
	*ecn &= BOTH;
	/* Both bits in a SYN,ACK are those of a host that reflects ours. */
	if ((seg->flags & SETUP) != TCPX_FLAG_ECE)
		*ecn = 0;
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

/* As many as GRO merged; what comes from another guest says no number. */
static u32 packets(const struct sk_buff *skb)
{
	u16 size = skb_shinfo(skb)->gso_size;

	if (!size)
		return 1;
	return skb_shinfo(skb)->gso_segs ?: DIV_ROUND_UP(skb->len, size);
}

void tcpx_ecn_received(struct tcpx_sock *tcb, const struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	u8 *ecn = &tcb->rcv.ecn;

	if (*ecn & TCPX_ECN_ACCURATE) {
		tcpx_accecn_received(tcb, seg, packets(skb));
		return;
	}
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

/*
 * RFC 9331 4.1: ECT(1) is what a scalable algorithm sends that has accurate
 * feedback, and nobody else.
 */
static void mark(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);

	if (likely(!(tcb->rcv.ecn & TCPX_ECN_ACCURATE &&
		     tcb->cong.ops->flags & TCPX_CONG_F_ACCURATE_ECN))) {
		INET_ECN_xmit(sk);
		return;
	}
	INET_ECN_dontxmit(sk);
	inet_sk(sk)->tos |= INET_ECN_ECT_1;
#if IS_ENABLED(CONFIG_IPV6)
	if (inet6_sk(sk))
		inet6_sk(sk)->tclass |= INET_ECN_ECT_1;
#endif
}

u16 tcpx_ecn_send(struct tcpx_sock *tcb, struct sk_buff *skb, u32 seq,
		  u16 flags)
{
	struct sock *sk = tcpx_to_sk(tcb);

	if (tcb->rcv.ecn & TCPX_ECN_ACCURATE && !(flags & TCPX_FLAG_RST))
		flags = tcpx_accecn_send(tcb, flags, !skb->len);
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

	mark(tcb);
	if (tcb->rcv.ecn & TCPX_ECN_CWR) {
		tcb->rcv.ecn &= ~TCPX_ECN_CWR;
		flags |= TCPX_FLAG_CWR;
		/* Only the first of the segments that it is cut into. */
		if (skb_is_gso(skb))
			skb_shinfo(skb)->gso_type |= SKB_GSO_TCP_ECN;
	}
	return flags;
}

void tcpx_ecn_feedback(struct tcpx_sock *tcb, const struct sk_buff *skb,
		       struct tcpx_ack_sample *sample)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);

	if (tcb->rcv.ecn & TCPX_ECN_ACCURATE) {
		tcpx_accecn_feedback(tcb, skb, sample);
	} else if (seg->flags & TCPX_FLAG_ECE &&
		   tcpx_seq_after_eq(seg->ack, sample->prior_una)) {
		sample->ece = true;
		sample->marked = sample->acked;
	}
}
