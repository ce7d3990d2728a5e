// SPDX-License-Identifier: GPL-2.0
/*
 * RACK-TLP (RFC 8985): what was sent before something that has arrived, by
 * more than the reordering window, is lost. A probe at the end of a flight
 * makes sure that something arrives.
 */
#include "tcpx.h"

#define DSACK_PERSIST	16	/* 6.2 step 4: recoveries */

void tcpx_rack_start(struct tcpx_sock *tcb)
{
	const struct tcpx_knobs *knobs =
		&tcpx_net(sock_net(tcpx_to_sk(tcb)))->knobs;
	u8 recovery = READ_ONCE(knobs->recovery);
	struct tcpx_rack *rack = &tcb->rack;

	if (!tcb->rcv.sack_ok)
		return;
	rack->is_used = !!(recovery & TCPX_RACK_ON);
	rack->is_static = !!(recovery & TCPX_RACK_STATIC);
	rack->no_dupthresh = !!(recovery & TCPX_RACK_NO_DUPTHRESH);
	rack->probes = READ_ONCE(knobs->early_retrans) >= TCPX_RACK_PROBES;
}

static bool is_sent_after(u64 a_ns, u32 a_seq, u64 b_ns, u32 b_seq)
{
	return a_ns > b_ns || (a_ns == b_ns && tcpx_seq_after(a_seq, b_seq));
}

/* --- what has arrived: 6.2 steps 1 to 3 ---------------------------------- */

/* Step 2: rather the ACK of an earlier transmission of the same data. */
static bool is_of_earlier(const struct tcpx_sock *tcb,
			  const struct sk_buff *skb,
			  const struct tcpx_ack_sample *sample)
{
	if (skb->skb_mstamp_ns > sample->now_ns)	/* fq was to hold it */
		return true;
	if (!(tcpx_tx_cb(skb)->marks & TCPX_TX_EVER_RETRANS))
		return false;
	if (sample->has_tsecr &&
	    (s32)(sample->tsecr_ms - tcpx_ts_of(skb->skb_mstamp_ns)) < 0)
		return true;
	return sample->now_ns - skb->skb_mstamp_ns <
	       (u64)tcb->rtt.min_us * NSEC_PER_USEC;
}

void tcpx_rack_delivered(struct tcpx_sock *tcb, const struct sk_buff *skb,
			 u32 end_seq, const struct tcpx_ack_sample *sample)
{
	struct tcpx_rack *rack = &tcb->rack;

	if (!rack->has_fack || tcpx_seq_after(end_seq, rack->fack)) {
		rack->fack = end_seq;
		rack->has_fack = 1;
	} else if (tcpx_seq_before(end_seq, sample->prior_fack) &&
		   !(tcpx_tx_cb(skb)->marks & TCPX_TX_EVER_RETRANS)) {
		rack->reordering_seen = 1;
	}
	if (!is_sent_after(skb->skb_mstamp_ns, end_seq, rack->xmit_ns,
			   rack->end_seq) || is_of_earlier(tcb, skb, sample))
		return;
	rack->xmit_ns = skb->skb_mstamp_ns;
	rack->end_seq = end_seq;
	rack->rtt_us = min_t(u64, U32_MAX, div_u64(sample->now_ns -
						   skb->skb_mstamp_ns,
						   NSEC_PER_USEC));
}

/* --- the reordering window: step 4 --------------------------------------- */

/*
 * A D-SACK tells of a retransmission that was not needed: widen, once a round.
 * Not when it is about a probe, nor while nothing was ever reordered.
 */
void tcpx_rack_adapt(struct tcpx_sock *tcb, const struct tcpx_ack_sample *sample)
{
	struct tcpx_rack *rack = &tcb->rack;

	if (rack->has_dsack_round &&
	    tcpx_seq_after_eq(tcb->snd.una, rack->dsack_round))
		rack->has_dsack_round = 0;
	if (!sample->dsack || !rack->reordering_seen || rack->has_dsack_round ||
	    rack->is_static ||
	    (rack->has_probe && sample->dsack_block.end == rack->probe_end))
		return;
	rack->dsack_round = tcb->snd.nxt;
	rack->has_dsack_round = 1;
	rack->reo_wnd_persist = DSACK_PERSIST;
	if (rack->reo_wnd_mult < U8_MAX)
		rack->reo_wnd_mult++;
}

void tcpx_rack_recovered(struct tcpx_sock *tcb)
{
	struct tcpx_rack *rack = &tcb->rack;

	if (rack->reo_wnd_persist && !--rack->reo_wnd_persist)
		rack->reo_wnd_mult = 0;
}

static u64 reo_wnd_ns(const struct tcpx_sock *tcb)
{
	const struct tcpx_recovery *r = &tcb->recovery;
	u64 wnd_ns, srtt_ns;

	if (!tcb->rack.reordering_seen) {
		if (r->state == TCPX_RECOVERY || r->state == TCPX_LOSS)
			return 0;
		if ((r->dupacks >= r->reordering ||
		     r->sacked > (r->reordering - 1) * tcb->snd.mss) &&
		    !tcb->rack.no_dupthresh)
			return 0;
	}
	if (tcb->rtt.min_us == U32_MAX)
		return 0;
	wnd_ns = (u64)tcb->rtt.min_us * (NSEC_PER_USEC / 4) *
		 (tcb->rack.reo_wnd_mult + 1);
	srtt_ns = (u64)tcpx_rtt_srtt_us(&tcb->rtt) * NSEC_PER_USEC;
	return min(wnd_ns, srtt_ns);
}

/* --- what is lost: step 5 ------------------------------------------------ */

/* So long after its transmission something is lost, if what is later came. */
static u64 window_ns(const struct tcpx_sock *tcb)
{
	return (u64)tcb->rack.rtt_us * NSEC_PER_USEC + reo_wnd_ns(tcb);
}

bool tcpx_rack_is_overdue(const struct tcpx_sock *tcb,
			  const struct sk_buff *skb, u64 now_ns)
{
	return skb->skb_mstamp_ns + window_ns(tcb) <= now_ns;
}

/* Linear: what is found lost leaves the list, the first that is not ends it. */
void tcpx_rack_detect(struct tcpx_sock *tcb, struct tcpx_ack_sample *sample)
{
	struct tcpx_rack *rack = &tcb->rack;
	struct sk_buff *skb, *next;
	u64 late_ns = 0;

	list_for_each_entry_safe(skb, next, &tcb->recovery.in_flight,
				 tcp_tsorted_anchor) {
		struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);

		if (!is_sent_after(rack->xmit_ns, rack->end_seq,
				   skb->skb_mstamp_ns, cb->end_seq))
			break;
		if (!late_ns)
			late_ns = window_ns(tcb);
		if (skb->skb_mstamp_ns + late_ns > sample->now_ns) {
			sample->reorder_ns = rack->xmit_ns + late_ns;
			break;
		}
		if (cb->marks & TCPX_TX_RETRANS) {
			TCPX_ADD(sock_net(tcpx_to_sk(tcb)), LostRetransmit,
				 cb->gso_segs);
			sample->lost_again_ns = skb->skb_mstamp_ns;
		}
		sample->lost += cb->end_seq - cb->seq;
		tcpx_scoreboard_mark_lost(tcb, skb);
	}
}

/* --- tail loss probes: 7 ------------------------------------------------- */

/* 7.2: nothing is known to be missing, and no probe is under way. */
bool tcpx_rack_may_probe(const struct tcpx_sock *tcb)
{
	const struct tcpx_recovery *r = &tcb->recovery;

	return tcb->rack.probes && !tcb->rack.has_probe && !r->sacked &&
	       (r->state == TCPX_OPEN || r->state == TCPX_CWR) &&
	       tcpx_state_in(tcpx_to_sk(tcb)->sk_state, TCPX_SYNCHRONIZED);
}

void tcpx_rack_probe_sent(struct tcpx_sock *tcb, bool is_retrans)
{
	TCPX_INC(sock_net(tcpx_to_sk(tcb)), LossProbes);
	tcb->rack.probe_end = tcb->snd.nxt;
	tcb->rack.probe_is_retrans = is_retrans;
	tcb->rack.has_probe = 1;
}

/*
 * 7.4.2. True: the probe was needed, and its ACK is all that tells of the loss
 * that it repaired.
 */
bool tcpx_rack_probe_acked(struct tcpx_sock *tcb,
			   const struct tcpx_ack_sample *sample)
{
	struct tcpx_rack *rack = &tcb->rack;

	if (tcpx_seq_before(tcb->snd.una, rack->probe_end))
		return false;
	if (!rack->probe_is_retrans ||
	    (sample->dsack && sample->dsack_block.end == rack->probe_end)) {
		rack->has_probe = 0;
	} else if (tcpx_seq_after(tcb->snd.una, rack->probe_end)) {
		rack->has_probe = 0;
		TCPX_INC(sock_net(tcpx_to_sk(tcb)), LossProbeRecovery);
		return true;
	} else if (sample->duplicate && !sample->sacked && !sample->dsack) {
		rack->has_probe = 0;	/* both came, and it sends no D-SACK */
	}
	return false;
}
