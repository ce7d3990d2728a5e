// SPDX-License-Identifier: GPL-2.0
/*
 * BBR, version 3 (draft-ietf-ccwg-bbr): the window and the pacing rate follow a
 * model of the path, how fast it delivers (max_bw) and how long it takes when
 * its queues are empty (min_rtt), and what losses say of how much may be in
 * flight: inflight_longterm while probing, *_shortterm between probes.
 *
 *	STARTUP --> DRAIN --> DOWN --> CRUISE --> REFILL --> UP --> DOWN ...
 *	PROBE_RTT every 5 s, from anywhere
 *
 * Names are the draft's, its sections are named at each function. Deviations:
 *
 * - without ECN of its own, an ECN mark counts as a loss in the round (RFC
 *   3168);
 * - one lost segment is no loss rate: in a small flight it alone would be more
 *   than the 2 % that are tolerated while probing, and cost a sixth of the
 *   path until the next probe;
 * - what was delivered as fast as it was sent does not lower the rate. Pacing
 *   is 1 % below the estimate, so the draft's bound, the rate of the last
 *   round, goes down 1 % in each round that loses anything; and by 10 % in
 *   DOWN, by half after PROBE_RTT, where less was sent on purpose;
 * - what ACKs in lumps may add to the window is 100 ms of the rate at most, as
 *   in native BBR: one ACK a round trip would make it grow without end.
 */
#include "cong.h"
#include "seq.h"

#include <linux/inet_diag.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/random.h>
#include <linux/time64.h>

/* 2.4 to 2.13, 5.6.1: gains in 1/256. */
#define UNIT			256
#define STARTUP_PACING_GAIN	710	/* 4 ln 2 = 2.77 */
#define DRAIN_PACING_GAIN	128
#define DOWN_PACING_GAIN	230	/* 0.90 */
#define UP_PACING_GAIN		320	/* 1.25 */
#define CWND_GAIN		512
#define UP_CWND_GAIN		576	/* 2.25 */
#define PROBE_RTT_CWND_GAIN	128
#define PACING_MARGIN_PERCENT	1
#define LOSS_THRESH_PERCENT	2
#define DELIVERED_PERCENT	103	/* of the last round: as good as sent */
#define BETA			179	/* 0.7 */
#define HEADROOM		38	/* 0.15 */
#define FULL_BW_GROWTH		320	/* 1.25 */
#define FULL_BW_ROUNDS		3
#define FULL_LOSS_COUNT		6	/* BBRStartupFullLossCnt */
#define DRAIN_ROUNDS		3
#define MIN_PIPE_SEGS		4
#define RENO_ROUNDS_MAX		63	/* 5.3.3.5.1 */
#define PROBE_WAIT_MS		2000
#define PROBE_WAIT_RANDOM_MS	1000
#define PROBE_UP_ROUNDS_MAX	30
#define EXTRA_ACKED_ROUNDS	5	/* half of BBR.ExtraAckedFilterLen */
#define EXTRA_ACKED_MAX_MS	100
#define MIN_RTT_FILTER_NS	(10 * (u64)NSEC_PER_SEC)
#define PROBE_RTT_INTERVAL_NS	(5 * (u64)NSEC_PER_SEC)
#define PROBE_RTT_NS		(200 * (u64)NSEC_PER_MSEC)
#define INFINITE		U32_MAX
#define INFINITE_BW		U64_MAX

enum bbr_state {
	STARTUP, DRAIN, DOWN, CRUISE, REFILL, UP, PROBE_RTT,
};

/* Bytes, and bytes/s; rates of 0 and times of 0: not yet. */
struct bbr {
	u64 max_bw_filter[2];	/* of the last cycle, and of this one */
	u64 bw_latest;
	u64 bw_shortterm;
	u64 undo_bw_shortterm;
	u64 bw;
	u64 full_bw;
	u64 cycle_ns;		/* BBR.cycle_stamp */
	u64 min_rtt_ns;		/* BBR.min_rtt_stamp */
	u64 probe_rtt_min_ns;	/* BBR.probe_rtt_min_stamp */
	u64 probe_rtt_done_ns;	/* BBR.probe_rtt_done_stamp */
	u64 extra_acked_ns;	/* BBR.extra_acked_interval_start */
	u32 min_rtt_us;
	u32 probe_rtt_min_us;	/* BBR.probe_rtt_min_delay */
	u32 bw_probe_wait_ms;
	u32 round_count;
	u32 next_round_delivered;
	u32 loss_round_delivered;
	u32 inflight_latest;
	u32 inflight_shortterm;
	u32 inflight_longterm;
	u32 undo_inflight_shortterm;
	u32 undo_inflight_longterm;
	u32 bw_probe_up_acks;
	u32 probe_up_cnt;	/* bytes for one more of inflight_longterm */
	u32 extra_acked_delivered;
	u32 extra_acked[2];	/* of two times EXTRA_ACKED_ROUNDS */
	u32 initial_cwnd;
	u32 prior_cwnd;		/* before PROBE_RTT */
	u32 rto_cwnd;		/* before a timeout, until that is repaired */
	u32 drain_start_round;
	u32 extra_acked_round;
	u32 lost_end;		/* end of the last loss: is the next another? */
	u16 pacing_gain;
	u16 cwnd_gain;
	u8 state;
	u8 undo_state;
	u8 full_bw_count;
	u8 bw_probe_up_rounds;
	u8 rounds_since_bw_probe;
	u8 loss_events;		/* discontiguous, in this round */
	u8 settling;		/* rounds until samples are of the full rate */
	u8 round_start:1;
	u8 loss_round_start:1;
	u8 loss_in_round:1;
	u8 full_bw_reached:1;
	u8 full_bw_now:1;
	u8 cwnd_limited:1;	/* C.is_cwnd_limited, in this round */
	u8 bw_probe_samples:1;
	u8 probe_stopping:1;	/* BBR.ack_phase is ACKS_PROBE_STOPPING */
	u8 idle_restart:1;
	u8 probe_rtt_expired:1;
	u8 probe_rtt_round_done:1;
	u8 has_started:1;	/* the first pacing rate is set */
	u8 has_rtt:1;		/* and a round trip was known then */
};

static struct bbr *bbr_of(const struct tcpx_cong *cong)
{
	return cong->priv;
}

static u64 max_bw(const struct bbr *bbr)
{
	return max(bbr->max_bw_filter[0], bbr->max_bw_filter[1]);
}

static u32 clamp32(u64 bytes)
{
	return min_t(u64, bytes, TCPX_CONG_CWND_MAX);
}

static u32 scale(u32 bytes, u32 gain)
{
	return (u64)bytes * gain / UNIT;
}

static u32 bytes_in_us(u64 bw, u64 us)
{
	return clamp32(div_u64(min_t(u64, bw, U32_MAX) *
			       min_t(u64, us, U32_MAX), USEC_PER_SEC));
}

/* --- how much: 5.6.4.2 --------------------------------------------------- */

/* BBRBDPMultiple() */
static u32 bdp_multiple(const struct bbr *bbr, u64 bw, u32 gain)
{
	if (bbr->min_rtt_us == INFINITE)
		return bbr->initial_cwnd;
	return clamp32((u64)bytes_in_us(bw, bbr->min_rtt_us) * gain / UNIT);
}

/* BBRUpdateOffloadBudget(), of 5.6.3's quantum: a millisecond's worth. */
static u32 offload_budget(const struct tcpx_cong *cong)
{
	u64 quantum = tcpx_cong_rate(cong)->pacing_rate >> 10;

	return 3 * (u32)clamp_t(u64, quantum, 2 * cong->smss, 65536);
}

/* BBRQuantizationBudget() */
static u32 quantize(const struct tcpx_cong *cong, u32 inflight)
{
	inflight = max3(inflight, offload_budget(cong),
			(u32)MIN_PIPE_SEGS * cong->smss);
	if (bbr_of(cong)->state == UP)
		inflight += 2 * cong->smss;
	return inflight;
}

/* BBRInflight() */
static u32 inflight_at(const struct tcpx_cong *cong, u32 gain)
{
	const struct bbr *bbr = bbr_of(cong);

	return quantize(cong, bdp_multiple(bbr, max_bw(bbr), gain));
}

/* BBRUpdateMaxInflight() */
static u32 max_inflight(const struct tcpx_cong *cong)
{
	const struct bbr *bbr = bbr_of(cong);
	u32 inflight = bdp_multiple(bbr, max_bw(bbr), bbr->cwnd_gain);

	inflight += max(bbr->extra_acked[0], bbr->extra_acked[1]);
	return quantize(cong, inflight);
}

/* 5.3.3.6, BBRInflightWithHeadroom(): room for others to enter. */
static u32 inflight_with_headroom(const struct tcpx_cong *cong)
{
	const struct bbr *bbr = bbr_of(cong);
	u32 headroom, longterm = bbr->inflight_longterm;

	if (longterm == INFINITE)
		return INFINITE;
	headroom = max_t(u32, scale(longterm, HEADROOM), cong->smss);
	return max_t(u32, longterm - min(headroom, longterm),
		     MIN_PIPE_SEGS * cong->smss);
}

/* BBRTargetInflight() */
static u32 target_inflight(const struct tcpx_cong *cong)
{
	return min(bdp_multiple(bbr_of(cong), bbr_of(cong)->bw, UNIT),
		   cong->cwnd);
}

/* --- how fast: 5.6.2 ----------------------------------------------------- */

/* BBRSetPacingRateWithGain(): never slower before the pipe was once full. */
static void set_pacing_rate(struct tcpx_cong *cong, u32 gain)
{
	struct tcpx_rate *rate = tcpx_cong_rate(cong);
	const struct bbr *bbr = bbr_of(cong);
	u64 bw = min_t(u64, bbr->bw, U64_MAX >> 20);
	u64 new = div_u64(bw * gain * (100 - PACING_MARGIN_PERCENT),
			  100 * UNIT);

	if (new && (bbr->full_bw_reached || new > rate->pacing_rate))
		rate->pacing_rate = new;
}

/* BBRInitPacingRate(): without a round trip as if it were a millisecond. */
static void init_pacing_rate(struct tcpx_cong *cong, u32 srtt_us)
{
	u64 bw = div_u64((u64)cong->cwnd * USEC_PER_SEC,
			 srtt_us ?: USEC_PER_MSEC);

	tcpx_cong_rate(cong)->pacing_rate = bw * STARTUP_PACING_GAIN / UNIT;
	bbr_of(cong)->has_rtt = srtt_us > 0;
}

/* --- rounds and states: 5.3, 5.5.1 --------------------------------------- */

static void start_round(struct tcpx_cong *cong)
{
	struct bbr *bbr = bbr_of(cong);

	bbr->next_round_delivered = tcpx_cong_rate(cong)->delivered;
	bbr->cwnd_limited = 0;
}

/* BBRUpdateRound() */
static void update_round(struct tcpx_cong *cong,
			 const struct tcpx_cong_sample *sample)
{
	struct bbr *bbr = bbr_of(cong);

	bbr->round_start = sample->is_valid &&
			   tcpx_seq_after_eq(sample->prior_delivered,
					     bbr->next_round_delivered);
	if (!bbr->round_start)
		return;
	start_round(cong);
	bbr->round_count++;
	if (bbr->settling)
		bbr->settling--;
	if (bbr->rounds_since_bw_probe < U8_MAX)
		bbr->rounds_since_bw_probe++;
}

static void reset_full_bw(struct bbr *bbr, u64 full_bw)
{
	bbr->full_bw = full_bw;
	bbr->full_bw_count = 0;
	bbr->full_bw_now = 0;
}

static void reset_shortterm(struct bbr *bbr)
{
	bbr->bw_shortterm = INFINITE_BW;
	bbr->inflight_shortterm = INFINITE;
}

static void reset_congestion_signals(struct bbr *bbr)
{
	bbr->loss_in_round = 0;
	bbr->loss_events = 0;
	bbr->bw_latest = 0;
	bbr->inflight_latest = 0;
}

static void set_state(struct bbr *bbr, enum bbr_state state, u16 pacing_gain,
		      u16 cwnd_gain)
{
	bbr->state = state;
	bbr->pacing_gain = pacing_gain;
	bbr->cwnd_gain = cwnd_gain;
}

static void enter_startup(struct bbr *bbr)
{
	set_state(bbr, STARTUP, STARTUP_PACING_GAIN, CWND_GAIN);
}

/* BBRRaiseInflightLongtermSlope(): one segment, two, four, ... a round. */
static void raise_slope(struct tcpx_cong *cong)
{
	struct bbr *bbr = bbr_of(cong);

	bbr->probe_up_cnt = max(cong->cwnd >> bbr->bw_probe_up_rounds, 1U);
	bbr->bw_probe_up_rounds = min(bbr->bw_probe_up_rounds + 1,
				      PROBE_UP_ROUNDS_MAX);
}

/* BBRStartProbeBW_DOWN() with BBRPickProbeWait() */
static void start_down(struct tcpx_cong *cong, u64 now_ns)
{
	struct bbr *bbr = bbr_of(cong);
	u32 random = get_random_u32();

	reset_congestion_signals(bbr);
	bbr->probe_up_cnt = INFINITE;
	bbr->rounds_since_bw_probe = random & 1;
	bbr->bw_probe_wait_ms = PROBE_WAIT_MS +
				(random >> 1) % PROBE_WAIT_RANDOM_MS;
	bbr->cycle_ns = now_ns;
	bbr->probe_stopping = 1;
	start_round(cong);
	set_state(bbr, DOWN, DOWN_PACING_GAIN, CWND_GAIN);
}

static void start_cruise(struct bbr *bbr)
{
	set_state(bbr, CRUISE, UNIT, CWND_GAIN);
	bbr->settling = 1;
}

static void start_refill(struct tcpx_cong *cong)
{
	struct bbr *bbr = bbr_of(cong);

	reset_shortterm(bbr);
	bbr->bw_probe_up_rounds = 0;
	bbr->bw_probe_up_acks = 0;
	bbr->probe_stopping = 0;
	start_round(cong);
	set_state(bbr, REFILL, UNIT, CWND_GAIN);
}

static void start_up(struct tcpx_cong *cong, u64 rate)
{
	struct bbr *bbr = bbr_of(cong);

	bbr->probe_stopping = 0;
	start_round(cong);
	reset_full_bw(bbr, rate);
	set_state(bbr, UP, UP_PACING_GAIN, UP_CWND_GAIN);
	raise_slope(cong);
}

/* --- losses: 5.5.10 ------------------------------------------------------ */

static bool is_inflight_too_high(const struct tcpx_cong *cong, u32 lost,
				 u32 tx_in_flight)
{
	return lost > cong->smss &&
	       (u64)(lost - cong->smss) * 100 >
	       (u64)tx_in_flight * LOSS_THRESH_PERCENT;
}

/* BBRHandleInflightTooHigh() */
static void handle_inflight_too_high(struct tcpx_cong *cong, u32 tx_in_flight,
				     bool is_app_limited, u64 now_ns)
{
	struct bbr *bbr = bbr_of(cong);

	bbr->bw_probe_samples = 0;
	if (!is_app_limited)
		bbr->inflight_longterm = max(tx_in_flight,
					     scale(target_inflight(cong), BETA));
	if (bbr->state == UP)
		start_down(cong, now_ns);
}

/* BBRInflightAtLoss(): in flight when the losses went over the threshold. */
static u32 inflight_at_loss(const struct tcpx_cong_loss *loss)
{
	u32 size = loss->end_seq - loss->seq;
	u32 inflight_prev = loss->tx_in_flight - min(size, loss->tx_in_flight);
	u32 lost_prev = loss->lost - min(size, loss->lost);
	s64 over = (s64)inflight_prev * LOSS_THRESH_PERCENT -
		   (s64)lost_prev * 100;

	if (over <= 0)
		return inflight_prev;
	return inflight_prev + div_u64(over, 100 - LOSS_THRESH_PERCENT);
}

/* BBRNoteLoss() with BBRSaveStateUponLoss() */
static void note_loss(struct tcpx_cong *cong)
{
	struct bbr *bbr = bbr_of(cong);

	if (!bbr->loss_in_round) {
		bbr->loss_round_delivered = tcpx_cong_rate(cong)->delivered;
		bbr->undo_state = bbr->state;
		bbr->undo_bw_shortterm = bbr->bw_shortterm;
		bbr->undo_inflight_shortterm = bbr->inflight_shortterm;
		bbr->undo_inflight_longterm = bbr->inflight_longterm;
	}
	bbr->loss_in_round = 1;
}

/* BBRHandleLostPacket() */
static void tcpx_cong_bbr_lost(struct tcpx_cong *cong,
			       const struct tcpx_cong_loss *loss)
{
	struct bbr *bbr = bbr_of(cong);

	note_loss(cong);
	if (loss->seq != bbr->lost_end && bbr->loss_events < U8_MAX)
		bbr->loss_events++;
	bbr->lost_end = loss->end_seq;
	if (bbr->bw_probe_samples &&
	    is_inflight_too_high(cong, loss->lost, loss->tx_in_flight))
		handle_inflight_too_high(cong, inflight_at_loss(loss),
					 loss->is_app_limited, loss->now_ns);
}

/*
 * BBRAdaptLowerBoundsFromCongestion(): not while probing for more, nor while
 * the samples are of when less was sent.
 */
static void adapt_lower_bounds(struct tcpx_cong *cong)
{
	struct bbr *bbr = bbr_of(cong);
	u32 inflight;
	u64 bw;

	if (bbr->state == STARTUP || bbr->state == REFILL || bbr->state == UP ||
	    !bbr->loss_in_round || bbr->settling)
		return;
	if (bbr->bw_shortterm == INFINITE_BW)
		bbr->bw_shortterm = max_bw(bbr);
	if (bbr->inflight_shortterm == INFINITE)
		bbr->inflight_shortterm = max(cong->cwnd, bbr->rto_cwnd);
	bw = div_u64(bbr->bw_latest * DELIVERED_PERCENT, 100);
	bw = max(div_u64(bw * UNIT, min_t(u32, bbr->pacing_gain, UNIT)),
		 div_u64(bbr->bw_shortterm * BETA, UNIT));
	bbr->bw_shortterm = min(bbr->bw_shortterm, bw);
	inflight = max(mult_frac(bbr->inflight_latest, DELIVERED_PERCENT, 100),
		       scale(bbr->inflight_shortterm, BETA));
	bbr->inflight_shortterm = min(bbr->inflight_shortterm, inflight);
}

/* --- the model: 5.5 ------------------------------------------------------ */

/* BBRUpdateLatestDeliverySignals() */
static void update_latest(struct tcpx_cong *cong,
			  const struct tcpx_cong_sample *sample)
{
	struct bbr *bbr = bbr_of(cong);

	bbr->loss_round_start = 0;
	if (!sample->is_valid)
		return;
	bbr->bw_latest = max(bbr->bw_latest, sample->rate);
	bbr->inflight_latest = max(bbr->inflight_latest, sample->delivered);
	if (tcpx_seq_after_eq(sample->prior_delivered,
			      bbr->loss_round_delivered)) {
		bbr->loss_round_delivered = tcpx_cong_rate(cong)->delivered;
		bbr->loss_round_start = 1;
	}
}

/* BBRUpdateMaxBw() */
static void update_max_bw(struct tcpx_cong *cong,
			  const struct tcpx_cong_sample *sample)
{
	struct bbr *bbr = bbr_of(cong);

	update_round(cong, sample);
	if (sample->rate &&
	    (sample->rate >= max_bw(bbr) || !sample->is_app_limited))
		bbr->max_bw_filter[1] = max(bbr->max_bw_filter[1],
					    sample->rate);
}

/* BBRAdvanceMaxBwFilter(): once a cycle of probing. */
static void advance_max_bw_filter(struct bbr *bbr)
{
	if (!bbr->max_bw_filter[1])
		return;
	bbr->max_bw_filter[0] = bbr->max_bw_filter[1];
	bbr->max_bw_filter[1] = 0;
}

/* BBRUpdateACKAggregation(): what came beyond what bw lets expect. */
static void update_ack_aggregation(struct tcpx_cong *cong,
				   const struct tcpx_cong_ack *ack)
{
	struct bbr *bbr = bbr_of(cong);
	u32 expected = 0, extra;

	if (bbr->extra_acked_ns)
		expected = bytes_in_us(bbr->bw,
				       (ack->now_ns - bbr->extra_acked_ns) /
				       NSEC_PER_USEC);
	if (!bbr->extra_acked_ns || bbr->extra_acked_delivered <= expected) {
		bbr->extra_acked_delivered = 0;
		bbr->extra_acked_ns = ack->now_ns;
		expected = 0;
	}
	bbr->extra_acked_delivered = clamp32((u64)bbr->extra_acked_delivered +
					     ack->delivered);
	extra = bbr->extra_acked_delivered -
		min(expected, bbr->extra_acked_delivered);
	extra = min3(extra, cong->cwnd,
		     bytes_in_us(bbr->bw, EXTRA_ACKED_MAX_MS * USEC_PER_MSEC));
	if (bbr->round_start && bbr->round_count - bbr->extra_acked_round >=
	    (bbr->full_bw_reached ? EXTRA_ACKED_ROUNDS : 1)) {
		bbr->extra_acked_round = bbr->round_count;
		bbr->extra_acked[0] = bbr->full_bw_reached ?
				      bbr->extra_acked[1] : 0;
		bbr->extra_acked[1] = 0;
	}
	bbr->extra_acked[1] = max(bbr->extra_acked[1], extra);
}

/* 5.3.1.2, BBRCheckFullBWReached(): three rounds with no quarter more. */
static void check_full_bw(struct bbr *bbr,
			  const struct tcpx_cong_sample *sample)
{
	if (bbr->full_bw_now || !bbr->round_start || sample->is_app_limited)
		return;
	if (sample->rate >= bbr->full_bw * FULL_BW_GROWTH / UNIT) {
		reset_full_bw(bbr, sample->rate);
		return;
	}
	if (++bbr->full_bw_count < FULL_BW_ROUNDS)
		return;
	bbr->full_bw_now = 1;
	bbr->full_bw_reached = 1;
}

/* 5.3.1.3, BBRCheckStartupHighLoss(): at the end of a round that lost much. */
static void check_startup_loss(struct tcpx_cong *cong,
			       const struct tcpx_cong_sample *sample,
			       unsigned int loss_events)
{
	struct bbr *bbr = bbr_of(cong);

	if (bbr->full_bw_reached || !bbr->loss_round_start ||
	    loss_events < FULL_LOSS_COUNT ||
	    !is_inflight_too_high(cong, sample->lost, sample->tx_in_flight))
		return;
	bbr->full_bw_reached = 1;
	bbr->inflight_longterm = max(bdp_multiple(bbr, max_bw(bbr), UNIT),
				     bbr->inflight_latest);
}

static void check_startup_done(struct bbr *bbr)
{
	if (bbr->state != STARTUP || !bbr->full_bw_reached)
		return;
	set_state(bbr, DRAIN, DRAIN_PACING_GAIN, CWND_GAIN);
	bbr->drain_start_round = bbr->round_count;
}

static void check_drain_done(struct tcpx_cong *cong,
			     const struct tcpx_cong_ack *ack)
{
	struct bbr *bbr = bbr_of(cong);

	if (bbr->state == DRAIN &&
	    (ack->in_flight <= inflight_at(cong, UNIT) ||
	     bbr->round_count - bbr->drain_start_round > DRAIN_ROUNDS))
		start_down(cong, ack->now_ns);
}

/* --- probing for bandwidth: 5.3.3 ---------------------------------------- */

/* BBRProbeInflightLongtermUpward() */
static void probe_upward(struct tcpx_cong *cong,
			 const struct tcpx_cong_ack *ack)
{
	struct bbr *bbr = bbr_of(cong);
	u32 more;

	if (!bbr->cwnd_limited || cong->cwnd < bbr->inflight_longterm)
		return;
	bbr->bw_probe_up_acks = clamp32((u64)bbr->bw_probe_up_acks +
					ack->delivered);
	if (bbr->bw_probe_up_acks >= bbr->probe_up_cnt) {
		more = bbr->bw_probe_up_acks / bbr->probe_up_cnt;
		bbr->bw_probe_up_acks -= more * bbr->probe_up_cnt;
		bbr->inflight_longterm = clamp32((u64)bbr->inflight_longterm +
						 (u64)more * cong->smss);
	}
	if (bbr->round_start)
		raise_slope(cong);
}

/* BBRAdaptLongTermModel() */
static void adapt_longterm(struct tcpx_cong *cong,
			   const struct tcpx_cong_ack *ack)
{
	const struct tcpx_cong_sample *sample = &ack->sample;
	struct bbr *bbr = bbr_of(cong);

	if (bbr->probe_stopping && bbr->round_start) {
		bbr->bw_probe_samples = 0;
		bbr->probe_stopping = 0;
		if (bbr->state != PROBE_RTT && !sample->is_app_limited)
			advance_max_bw_filter(bbr);
	}
	if (!sample->is_valid)
		return;
	if (is_inflight_too_high(cong, sample->lost, sample->tx_in_flight)) {
		if (bbr->bw_probe_samples)
			handle_inflight_too_high(cong, sample->tx_in_flight,
						 sample->is_app_limited,
						 ack->now_ns);
		return;
	}
	if (bbr->inflight_longterm == INFINITE)
		return;
	bbr->inflight_longterm = max(bbr->inflight_longterm,
				     sample->tx_in_flight);
	if (bbr->state == UP)
		probe_upward(cong, ack);
}

/*
 * BBRIsTimeToProbeBW(): after two to three seconds, or as many rounds as Reno
 * would take to get back what it lost.
 */
static bool is_time_to_probe(const struct tcpx_cong *cong, u64 now_ns)
{
	const struct bbr *bbr = bbr_of(cong);
	u32 reno_rounds = target_inflight(cong) / cong->smss;

	return now_ns > bbr->cycle_ns +
			(u64)bbr->bw_probe_wait_ms * NSEC_PER_MSEC ||
	       bbr->rounds_since_bw_probe >= min_t(u32, reno_rounds,
						   RENO_ROUNDS_MAX);
}

static bool is_time_to_cruise(const struct tcpx_cong *cong,
			      const struct tcpx_cong_ack *ack)
{
	return ack->in_flight <= inflight_with_headroom(cong) &&
	       ack->in_flight <= inflight_at(cong, UNIT);
}

/* BBRIsTimeToGoDown(): while inflight_longterm holds it back it goes on. */
static bool is_time_to_go_down(struct tcpx_cong *cong,
			       const struct tcpx_cong_sample *sample)
{
	struct bbr *bbr = bbr_of(cong);

	if (bbr->cwnd_limited && cong->cwnd >= bbr->inflight_longterm)
		reset_full_bw(bbr, sample->rate);
	else if (bbr->full_bw_now)
		return true;
	return false;
}

/* BBRUpdateProbeBWCyclePhase() */
static void update_cycle(struct tcpx_cong *cong,
			 const struct tcpx_cong_ack *ack)
{
	struct bbr *bbr = bbr_of(cong);

	if (!bbr->full_bw_reached)
		return;
	adapt_longterm(cong, ack);
	switch (bbr->state) {
	case DOWN:
		if (is_time_to_probe(cong, ack->now_ns))
			start_refill(cong);
		else if (is_time_to_cruise(cong, ack))
			start_cruise(bbr);
		break;
	case CRUISE:
		if (is_time_to_probe(cong, ack->now_ns))
			start_refill(cong);
		break;
	case REFILL:
		if (bbr->round_start) {
			bbr->bw_probe_samples = 1;
			start_up(cong, ack->sample.rate);
		}
		break;
	case UP:
		if (is_time_to_go_down(cong, &ack->sample))
			start_down(cong, ack->now_ns);
		break;
	}
}

/* --- probing for the round trip: 5.3.4 ----------------------------------- */

/* BBRUpdateMinRTT() */
static void update_min_rtt(struct bbr *bbr, const struct tcpx_cong_ack *ack)
{
	u64 now_ns = ack->now_ns;

	bbr->probe_rtt_expired =
		now_ns > bbr->probe_rtt_min_ns + PROBE_RTT_INTERVAL_NS;
	if (ack->rtt_us >= 0 &&
	    (ack->rtt_us < bbr->probe_rtt_min_us || bbr->probe_rtt_expired)) {
		bbr->probe_rtt_min_us = max_t(s64, ack->rtt_us, 1);
		bbr->probe_rtt_min_ns = now_ns;
	}
	if (bbr->probe_rtt_min_us < bbr->min_rtt_us ||
	    now_ns > bbr->min_rtt_ns + MIN_RTT_FILTER_NS) {
		bbr->min_rtt_us = bbr->probe_rtt_min_us;
		bbr->min_rtt_ns = bbr->probe_rtt_min_ns;
	}
}

static u32 probe_rtt_cwnd(const struct tcpx_cong *cong)
{
	const struct bbr *bbr = bbr_of(cong);

	return max_t(u32, bdp_multiple(bbr, bbr->bw, PROBE_RTT_CWND_GAIN),
		     MIN_PIPE_SEGS * cong->smss);
}

/* BBRCheckProbeRTTDone() with BBRExitProbeRTT() */
static void check_probe_rtt_done(struct tcpx_cong *cong, u64 now_ns)
{
	struct bbr *bbr = bbr_of(cong);

	if (!bbr->probe_rtt_done_ns || now_ns <= bbr->probe_rtt_done_ns)
		return;
	bbr->probe_rtt_min_ns = now_ns;
	cong->cwnd = max(cong->cwnd, bbr->prior_cwnd);
	reset_shortterm(bbr);
	if (bbr->full_bw_reached) {
		start_down(cong, now_ns);
		start_cruise(bbr);
	} else {
		enter_startup(bbr);
	}
	bbr->settling = 2;
}

/* BBRHandleProbeRTT() */
static void handle_probe_rtt(struct tcpx_cong *cong,
			     const struct tcpx_cong_ack *ack)
{
	struct bbr *bbr = bbr_of(cong);

	if (bbr->probe_rtt_done_ns) {
		if (bbr->round_start)
			bbr->probe_rtt_round_done = 1;
		if (bbr->probe_rtt_round_done)
			check_probe_rtt_done(cong, ack->now_ns);
	} else if (ack->in_flight <= probe_rtt_cwnd(cong)) {
		bbr->probe_rtt_done_ns = ack->now_ns + PROBE_RTT_NS;
		bbr->probe_rtt_round_done = 0;
		start_round(cong);
	}
}

/* BBRCheckProbeRTT() */
static void check_probe_rtt(struct tcpx_cong *cong,
			    const struct tcpx_cong_ack *ack)
{
	struct bbr *bbr = bbr_of(cong);

	if (bbr->state != PROBE_RTT && bbr->probe_rtt_expired &&
	    !bbr->idle_restart) {
		bbr->prior_cwnd = cong->cwnd;
		set_state(bbr, PROBE_RTT, UNIT, PROBE_RTT_CWND_GAIN);
		bbr->probe_rtt_done_ns = 0;
		bbr->probe_stopping = 1;
		start_round(cong);
	} else if (bbr->state == PROBE_RTT) {
		handle_probe_rtt(cong, ack);
	}
	if (ack->delivered)
		bbr->idle_restart = 0;
}

/* --- what follows from the model: 5.6 ------------------------------------ */

/* BBRBoundCwndForModel() */
static u32 bound_for_model(const struct tcpx_cong *cong, u32 cwnd)
{
	const struct bbr *bbr = bbr_of(cong);
	u32 most = INFINITE;

	if (bbr->state == PROBE_RTT || bbr->state == CRUISE)
		most = inflight_with_headroom(cong);
	else if (bbr->state == DOWN || bbr->state == REFILL ||
		 bbr->state == UP)
		most = bbr->inflight_longterm;
	most = min(most, bbr->inflight_shortterm);
	return min(cwnd, max_t(u32, most, MIN_PIPE_SEGS * cong->smss));
}

/* BBRSetCwnd() */
static void set_cwnd(struct tcpx_cong *cong, const struct tcpx_cong_ack *ack)
{
	const struct bbr *bbr = bbr_of(cong);
	u32 most = max_inflight(cong), cwnd = cong->cwnd;

	if (bbr->full_bw_reached)
		cwnd = min(clamp32((u64)cwnd + ack->delivered), most);
	else if (cwnd < most ||
		 tcpx_cong_rate(cong)->delivered < bbr->initial_cwnd)
		cwnd = clamp32((u64)cwnd + ack->delivered);
	cwnd = max_t(u32, cwnd, MIN_PIPE_SEGS * cong->smss);
	if (bbr->state == PROBE_RTT)
		cwnd = min(cwnd, probe_rtt_cwnd(cong));
	cong->cwnd = bound_for_model(cong, cwnd);
}

/* --- ops ----------------------------------------------------------------- */

/* BBROnInit() */
static void tcpx_cong_bbr_init(struct tcpx_cong *cong)
{
	struct bbr *bbr = bbr_of(cong);

	bbr->min_rtt_us = INFINITE;
	bbr->probe_rtt_min_us = INFINITE;
	bbr->inflight_longterm = INFINITE;
	bbr->undo_inflight_longterm = INFINITE;
	bbr->undo_inflight_shortterm = INFINITE;
	bbr->undo_bw_shortterm = INFINITE_BW;
	bbr->probe_up_cnt = INFINITE;
	bbr->initial_cwnd = cong->cwnd;
	reset_shortterm(bbr);
	enter_startup(bbr);
}

/* The first call, before anything is sent, has no sample. */
static void begin(struct tcpx_cong *cong, const struct tcpx_cong_ack *ack)
{
	struct bbr *bbr = bbr_of(cong);

	bbr->has_started = 1;
	bbr->min_rtt_ns = ack->now_ns;
	bbr->probe_rtt_min_ns = ack->now_ns;
	if (ack->srtt_us) {
		bbr->min_rtt_us = ack->srtt_us;
		bbr->probe_rtt_min_us = ack->srtt_us;
	}
	init_pacing_rate(cong, ack->srtt_us);
}

/* BBRUpdateOnACK(), 5.2.3 */
static void tcpx_cong_bbr_control(struct tcpx_cong *cong,
				  const struct tcpx_cong_ack *ack)
{
	const struct tcpx_cong_sample *sample = &ack->sample;
	struct bbr *bbr = bbr_of(cong);
	unsigned int loss_events;

	if (unlikely(!bbr->has_started)) {
		begin(cong, ack);
		return;
	}
	if (unlikely(!bbr->has_rtt && ack->srtt_us && !bbr->full_bw_reached))
		init_pacing_rate(cong, ack->srtt_us);
	if (ack->cwnd_limited)
		bbr->cwnd_limited = 1;

	update_latest(cong, sample);
	update_max_bw(cong, sample);
	loss_events = bbr->loss_events;
	if (bbr->loss_round_start) {
		adapt_lower_bounds(cong);
		bbr->loss_in_round = 0;
		bbr->loss_events = 0;
	}
	update_ack_aggregation(cong, ack);
	check_full_bw(bbr, sample);
	check_startup_loss(cong, sample, loss_events);
	check_startup_done(bbr);
	check_drain_done(cong, ack);
	update_cycle(cong, ack);
	update_min_rtt(bbr, ack);
	check_probe_rtt(cong, ack);
	if (bbr->loss_round_start) {
		bbr->bw_latest = sample->rate;
		bbr->inflight_latest = sample->delivered;
	}
	bbr->bw = min(max_bw(bbr), bbr->bw_shortterm);

	set_pacing_rate(cong, bbr->pacing_gain);
	set_cwnd(cong, ack);
}

/* 5.5.11.2, BBRHandleSpuriousLossDetection() */
static void undo(struct tcpx_cong *cong)
{
	struct bbr *bbr = bbr_of(cong);

	bbr->rto_cwnd = 0;
	bbr->loss_in_round = 0;
	bbr->loss_events = 0;
	reset_full_bw(bbr, 0);
	bbr->bw_shortterm = max(bbr->bw_shortterm, bbr->undo_bw_shortterm);
	bbr->inflight_shortterm = max(bbr->inflight_shortterm,
				      bbr->undo_inflight_shortterm);
	bbr->inflight_longterm = max(bbr->inflight_longterm,
				     bbr->undo_inflight_longterm);
	if (bbr->state == PROBE_RTT || bbr->state == bbr->undo_state)
		return;
	if (bbr->undo_state == STARTUP) {
		bbr->full_bw_reached = 0;
		enter_startup(bbr);
	} else if (bbr->undo_state == UP) {
		start_up(cong, 0);
	}
}

/* 5.4.1, BBRHandleRestartFromIdle() */
static void restart_from_idle(struct tcpx_cong *cong)
{
	struct bbr *bbr = bbr_of(cong);

	bbr->idle_restart = 1;
	bbr->extra_acked_ns = 0;
	if (bbr->state == PROBE_RTT)
		check_probe_rtt_done(cong, ktime_get_ns());
	else if (bbr->state != STARTUP && bbr->state != DRAIN)
		set_pacing_rate(cong, UNIT);
}

static void tcpx_cong_bbr_event(struct tcpx_cong *cong,
				enum tcpx_cong_event event)
{
	struct bbr *bbr = bbr_of(cong);

	switch (event) {
	case TCPX_CONG_ECN:
		note_loss(cong);
		break;
	case TCPX_CONG_TIMEOUT:		/* 5.6.4.4, BBROnEnterRTO() */
		bbr->rto_cwnd = cong->prior_cwnd;
		break;
	case TCPX_CONG_RECOVERED:
		cong->cwnd = max(cong->cwnd, bbr->rto_cwnd);
		bbr->rto_cwnd = 0;
		break;
	case TCPX_CONG_UNDO:
		undo(cong);
		break;
	case TCPX_CONG_RESTART:
		restart_from_idle(cong);
		break;
	default:
		break;
	}
}

static size_t tcpx_cong_bbr_get_info(const struct tcpx_cong *cong, int *attr,
				     union tcp_cc_info *info)
{
	const struct bbr *bbr = bbr_of(cong);

	*attr = INET_DIAG_BBRINFO;
	info->bbr = (struct tcp_bbr_info){
		.bbr_bw_lo = (u32)bbr->bw,
		.bbr_bw_hi = bbr->bw >> 32,
		.bbr_min_rtt = bbr->min_rtt_us,
		.bbr_pacing_gain = bbr->pacing_gain,
		.bbr_cwnd_gain = bbr->cwnd_gain,
	};
	return sizeof(info->bbr);
}

struct tcpx_cong_ops tcpx_cong_bbr = {
	.name = "bbr",
	.flags = TCPX_CONG_F_RATE,
	.priv_size = sizeof(struct bbr),
	.init = tcpx_cong_bbr_init,
	.event = tcpx_cong_bbr_event,
	.control = tcpx_cong_bbr_control,
	.lost = tcpx_cong_bbr_lost,
	.get_info = tcpx_cong_bbr_get_info,
};
