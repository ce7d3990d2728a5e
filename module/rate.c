// SPDX-License-Identifier: GPL-2.0
/*
 * Delivery rate sampling (draft-ietf-ccwg-bbr 4.1) for algorithms that ask for
 * it: each skb remembers what had been delivered when it was sent, its ACK
 * tells how much arrived since and in what time.
 *
 * A rate is the least of how fast it was sent and how fast it was acknowledged:
 * compressed ACKs do not make it larger. While the program has nothing to send
 * it is the program's, not the path's; such samples are marked.
 */
#include "tcpx.h"

/* Units of 1024 ns, which wrap after 73 minutes: nothing is that long. */
#define CLOCK_SHIFT	10

static u32 rate_clock(u64 ns)
{
	return ns >> CLOCK_SHIFT;
}

/* For TCP_INFO. */
static void publish(struct tcpx_sock *tcb)
{
	const struct tcpx_rate *rate = tcpx_cong_rate(&tcb->cong);
	struct sock *sk = tcpx_to_sk(tcb);

	if (rate->pacing_rate)
		WRITE_ONCE(sk->sk_pacing_rate,
			   min_t(u64, rate->pacing_rate,
				 READ_ONCE(sk->sk_max_pacing_rate)));
}

/* An algorithm that needs samples needs them from the first segment on. */
static bool start(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct tcpx_cong_ack ack = {
		.now_ns = ktime_get_ns(),
		.rtt_us = -1,
		.srtt_us = tcpx_rtt_srtt_us(&tcb->rtt),
	};

	if (!tcpx_cong_start(&tcb->cong))
		return false;
	cmpxchg(&sk->sk_pacing_status, SK_PACING_NONE, SK_PACING_NEEDED);
	tcpx_cong_control(&tcb->cong, &ack);
	publish(tcb);
	return true;
}

void tcpx_rate_output(struct tcpx_sock *tcb)
{
	if (unlikely(!tcb->cong.sampled) && !start(tcb))
		return;
	if (!tcpx_scoreboard_pipe(tcb) &&
	    tcpx_cong_rate(&tcb->cong)->has_app_limited) {
		tcpx_cong_idle(&tcb->cong);
		publish(tcb);
	}
}

/* 4.1.2.2, SendPacket; before @skb is counted as in flight. */
void tcpx_rate_sent(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	struct tcpx_rate *rate = tcpx_cong_rate(&tcb->cong);
	u32 pipe = tcpx_scoreboard_pipe(tcb);
	struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);

	if (!pipe) {
		rate->first_sent_at = rate_clock(skb->skb_mstamp_ns);
		rate->delivered_at = rate->first_sent_at;
	}
	cb->marks |= TCPX_TX_SAMPLED;
	cb->marks &= ~TCPX_TX_APP_LIMITED;
	if (rate->has_app_limited)
		cb->marks |= TCPX_TX_APP_LIMITED;
	cb->delivered = rate->delivered;
	cb->delivered_at = rate->delivered_at;
	cb->first_sent_at = rate->first_sent_at;
	cb->tx_in_flight = pipe + tcpx_tx_bytes(skb);
	cb->lost = rate->lost;
}

/* 4.1.2.3, UpdateRateSample: the one that was sent last is what counts. */
void tcpx_rate_delivered(struct tcpx_sock *tcb, const struct sk_buff *skb,
			 u32 len, struct tcpx_ack_sample *sample)
{
	struct tcpx_rate *rate = tcpx_cong_rate(&tcb->cong);
	const struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);
	struct tcpx_rate_ack *ra = &sample->rate;

	rate->delivered += len;
	rate->delivered_at = rate_clock(sample->now_ns);
	if (!(cb->marks & TCPX_TX_SAMPLED))
		return;
	if (ra->is_valid &&
	    (skb->skb_mstamp_ns < ra->sent_ns ||
	     (skb->skb_mstamp_ns == ra->sent_ns &&
	      tcpx_seq_before(cb->end_seq, ra->end_seq))))
		return;
	ra->is_valid = true;
	ra->is_app_limited = cb->marks & TCPX_TX_APP_LIMITED;
	ra->sent_ns = skb->skb_mstamp_ns;
	ra->end_seq = cb->end_seq;
	ra->prior_delivered = cb->delivered;
	ra->prior_at = cb->delivered_at;
	ra->tx_in_flight = cb->tx_in_flight;
	ra->prior_lost = cb->lost;
	ra->send_elapsed = rate_clock(skb->skb_mstamp_ns) - cb->first_sent_at;
	rate->first_sent_at = rate_clock(skb->skb_mstamp_ns);
}

/* @skb was found lost, of what was sent last. */
void tcpx_rate_lost(struct tcpx_sock *tcb, const struct sk_buff *skb)
{
	struct tcpx_rate *rate = tcpx_cong_rate(&tcb->cong);
	const struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);
	struct tcpx_cong_loss loss;

	rate->lost += tcpx_tx_bytes(skb);
	if (!(cb->marks & TCPX_TX_SAMPLED))
		return;
	loss = (struct tcpx_cong_loss){
		.now_ns = ktime_get_ns(),
		.seq = cb->seq,
		.end_seq = cb->end_seq,
		.tx_in_flight = cb->tx_in_flight,
		.lost = rate->lost - cb->lost,
		.is_app_limited = cb->marks & TCPX_TX_APP_LIMITED,
	};
	tcpx_cong_lost(&tcb->cong, &loss);
}

/*
 * 4.1.2.3, GenerateRateSample. An interval below the least round trip is the
 * sign of a retransmission that was taken for the original, or of an ACK that
 * stands for many: it would be a rate that no path has.
 */
static void take_sample(const struct tcpx_sock *tcb,
			const struct tcpx_rate_ack *ra,
			struct tcpx_cong_sample *to)
{
	struct tcpx_rate *rate = tcpx_cong_rate(&tcb->cong);
	u32 interval;
	u64 us;

	*to = (struct tcpx_cong_sample){ .is_valid = ra->is_valid };
	if (!ra->is_valid)
		return;
	to->delivered = rate->delivered - ra->prior_delivered;
	to->prior_delivered = ra->prior_delivered;
	to->tx_in_flight = ra->tx_in_flight;
	to->lost = rate->lost - ra->prior_lost;
	to->is_app_limited = ra->is_app_limited;

	interval = max(ra->send_elapsed, rate->delivered_at - ra->prior_at);
	us = ((u64)interval << CLOCK_SHIFT) / NSEC_PER_USEC;
	if (!us || (tcb->rtt.min_us != U32_MAX && us + 1 < tcb->rtt.min_us))
		return;
	to->rate = div64_u64((u64)to->delivered * USEC_PER_SEC, us);
	rate->latest = to->rate;
	rate->latest_app_limited = to->is_app_limited;
}

/* 4.1.2.4: over once all that was sent until then has arrived. */
static void end_app_limited(struct tcpx_rate *rate)
{
	if (rate->has_app_limited &&
	    tcpx_seq_after(rate->delivered, rate->app_limited))
		rate->has_app_limited = 0;
}

/* After loss detection, with all else of @ack that describes the ACK. */
void tcpx_rate_control(struct tcpx_sock *tcb,
		       const struct tcpx_ack_sample *sample,
		       struct tcpx_cong_ack *ack)
{
	end_app_limited(tcpx_cong_rate(&tcb->cong));
	take_sample(tcb, &sample->rate, &ack->sample);
	ack->delivered = sample->delivered;
	ack->in_flight = tcpx_scoreboard_pipe(tcb);
	tcpx_cong_control(&tcb->cong, ack);
	publish(tcb);
}

/*
 * 4.1.2.4, before the program's data are queued: had it nothing to send, while
 * the window would have let it? What is lost comes first.
 */
void tcpx_rate_check_app_limited(struct tcpx_sock *tcb)
{
	struct tcpx_rate *rate = tcpx_cong_rate(&tcb->cong);
	u32 pipe = tcpx_scoreboard_pipe(tcb);

	if (tcb->snd.write_seq - tcb->snd.nxt >= tcb->snd.mss ||
	    pipe >= tcb->cong.cwnd || tcb->recovery.pending)
		return;
	rate->app_limited = rate->delivered + pipe;
	rate->has_app_limited = 1;
}
