// SPDX-License-Identifier: GPL-2.0
/*
 * CUBIC (RFC 9438) with HyStart++ (RFC 9406) for the first slow start.
 *
 * Windows are in bytes and times in 1/1024 s, so that the cube of equation 1
 * needs shifts only: W_cubic(t) = C * (t - K)^3 + W_max, C = 0.4 segments/s^3.
 * The names are the RFC's.
 *
 * Deviation: RFC 9406 looks at the RTT only, which does not grow before the
 * window is a bandwidth-delay product; it doubles once more and overruns a
 * shallow buffer. As in the HyStart before it (Ha and Rhee 2011) ACKs that come
 * densely for half a round trip say that the window is half of that product, and
 * the conservative slow start begins there, until the RTT grows.
 */
#include "cong.h"
#include "seq.h"

#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/time64.h>

/* RFC 9438 4.6: beta is 0.7; 4.7: (1 + beta) / 2 is 0.85. */
#define BETA(w)			((u32)div_u64((u64)(w) * 7, 10))
#define ABE(w)			((u32)div_u64((u64)(w) * 17, 20))
#define FAST_CONVERGENCE(w)	((u32)div_u64((u64)(w) * 17, 20))
/* 4.3: alpha is 3 * (1 - beta) / (1 + beta). */
#define ALPHA_NUM		9
#define ALPHA_DEN		17
#define TIME_SHIFT		10
#define TIME_MAX		(1ULL << 20)	/* 1024 s: the cube fits */
#define TIME_MAX_NS		(1024ULL * NSEC_PER_SEC)

/* RFC 9406 4.3 */
#define MIN_RTT_THRESH_US	4000U
#define MAX_RTT_THRESH_US	16000U
#define MIN_RTT_DIVISOR		8
#define N_RTT_SAMPLE		8
#define CSS_GROWTH_DIVISOR	4
#define CSS_ROUNDS		5
#define TRAIN_GAP_DIVISOR	32	/* of the RTT, between ACKs of a train */
#define RTT_INFINITE		U32_MAX

/* The state of a congestion avoidance stage. Kept twice: for undo. */
struct epoch {
	u64 start_ns;		/* 0: begins with the next ACK */
	u32 w_max;
	u32 w_est;
	u32 cwnd_prior;
	u32 k;			/* 1/1024 s */
};

struct cubic {
	struct epoch epoch, before;
	u64 last_ns;		/* the last ACK that counted */
	u64 train_ns;		/* the first of the ACKs that come densely */
	u64 train_end_ns;	/* and the last */
	u32 round_end;		/* SND.NXT when the round began */
	u32 round_min_us, last_min_us, css_baseline_us;
	u8 samples;
	u8 css_round;		/* 0: not in conservative slow start */
	u8 hystart:1;		/* the first slow start: RFC 9406 4.3 */
	u8 round_began:1;
	u8 css_by_train:1;
	u8 after_timeout:1;
};

static struct cubic *cubic_of(struct tcpx_cong *cong)
{
	return cong->priv;
}

/* floor(cbrt(@x)), a bit at a time. */
static u32 cube_root(u64 x)
{
	u64 root = 0, cube;
	int bit;

	for (bit = 20; bit >= 0; bit--) {
		cube = root | 1ULL << bit;
		if (cube * cube * cube <= x)
			root = cube;
	}
	return root;
}

/* C * (@t - K)^3 + W_max, not below 0. */
static u64 w_cubic(const struct tcpx_cong *cong, const struct epoch *e, u64 t)
{
	u64 d = min(t > e->k ? t - e->k : e->k - t, TIME_MAX);
	u64 cube = ((d * d) >> TIME_SHIFT) * d >> TIME_SHIFT;
	u64 delta = (cube * cong->smss >> TIME_SHIFT) * 2;

	delta = div_u64(delta, 5);
	if (t >= e->k)
		return e->w_max + delta;
	return delta < e->w_max ? e->w_max - delta : 0;
}

/* RFC 9438 4.2, equation 2: K = cbrt((W_max - cwnd_epoch) / C). */
static u32 time_to_w_max(const struct tcpx_cong *cong, u32 w_max)
{
	u64 bytes = w_max - cong->cwnd;

	return cube_root(div_u64((bytes * 5) << 29, cong->smss));
}

static void start_epoch(struct tcpx_cong *cong, u64 now_ns)
{
	struct cubic *cubic = cubic_of(cong);
	struct epoch *e = &cubic->epoch;

	e->start_ns = now_ns;
	e->w_est = cong->cwnd;
	/* 4.8 after a timeout, and where slow start ended without a loss. */
	if (cubic->after_timeout || e->w_max <= cong->cwnd) {
		e->w_max = cong->cwnd;
		e->k = 0;
	} else {
		e->k = time_to_w_max(cong, e->w_max);
	}
	cubic->after_timeout = 0;
}

/* 4.3: what Reno would have by now, as long as that is more. */
static void grow_w_est(struct tcpx_cong *cong, struct epoch *e, u32 acked)
{
	u64 bytes = (u64)cong->smss * acked;

	if (e->w_est < e->cwnd_prior)
		bytes = div_u64(bytes * ALPHA_NUM, ALPHA_DEN);
	e->w_est = min_t(u64, e->w_est + div_u64(bytes, cong->cwnd),
			 TCPX_CONG_CWND_MAX);
}

static void avoid(struct tcpx_cong *cong, const struct tcpx_cong_ack *ack,
		  u32 acked)
{
	struct epoch *e = &cubic_of(cong)->epoch;
	u64 t, rtt, target;

	if (!e->start_ns)
		start_epoch(cong, ack->now_ns);
	grow_w_est(cong, e, acked);

	t = min_t(u64, ack->now_ns - e->start_ns, TIME_MAX_NS);
	t = div_u64(t << TIME_SHIFT, NSEC_PER_SEC);
	if (w_cubic(cong, e, t) < e->w_est) {
		cong->cwnd = max(cong->cwnd, e->w_est);
		return;
	}

	/* 4.4, 4.5: towards where the curve is one RTT from now. */
	rtt = div_u64((u64)ack->srtt_us << TIME_SHIFT, USEC_PER_SEC);
	target = clamp_t(u64, w_cubic(cong, e, t + rtt), cong->cwnd,
			 cong->cwnd + cong->cwnd / 2);
	cong->cwnd += div_u64((target - cong->cwnd) * acked, cong->cwnd);
	cong->cwnd = min(cong->cwnd, TCPX_CONG_CWND_MAX);
}

/* --- HyStart++ ----------------------------------------------------------- */

static void start_round(struct cubic *cubic, u32 nxt)
{
	cubic->round_end = nxt;
	cubic->round_began = 1;
	cubic->last_min_us = cubic->round_min_us;
	cubic->round_min_us = RTT_INFINITE;
	cubic->samples = 0;
}

static bool is_longer(u32 rtt_us, u32 than_us)
{
	return rtt_us >= than_us + clamp(than_us / MIN_RTT_DIVISOR,
					 MIN_RTT_THRESH_US, MAX_RTT_THRESH_US);
}

static void enter_css(struct cubic *cubic, u32 baseline_us, bool by_train)
{
	cubic->css_baseline_us = baseline_us;
	cubic->css_round = 1;
	cubic->css_by_train = by_train;
}

/* RFC 9406 4.3: later slow starts, as after idleness, are without it. */
static void end_slow_start(struct tcpx_cong *cong)
{
	cong->ssthresh = cong->cwnd;
	cubic_of(cong)->hystart = 0;
	cubic_of(cong)->css_round = 0;
}

/* The last round's RTT is the path's: its queue was empty at times. */
static void follow_train(struct cubic *cubic, const struct tcpx_cong_ack *ack)
{
	u64 rtt_ns = (u64)cubic->last_min_us * NSEC_PER_USEC;

	if (cubic->css_round || cubic->last_min_us == RTT_INFINITE)
		return;
	if (ack->now_ns - cubic->train_end_ns > rtt_ns / TRAIN_GAP_DIVISOR)
		cubic->train_ns = ack->now_ns;
	cubic->train_end_ns = ack->now_ns;
	if (cubic->train_end_ns - cubic->train_ns > rtt_ns / 2)
		enter_css(cubic, cubic->last_min_us, true);
}

/* RFC 9406 4.2: does this round take longer than the last? */
static void take_sample(struct tcpx_cong *cong, s64 rtt_us)
{
	struct cubic *cubic = cubic_of(cong);

	cubic->round_min_us = min_t(u64, cubic->round_min_us, rtt_us);
	if (cubic->samples < N_RTT_SAMPLE && ++cubic->samples < N_RTT_SAMPLE)
		return;

	if (cubic->css_round && cubic->css_by_train) {
		if (is_longer(cubic->round_min_us, cubic->css_baseline_us))
			end_slow_start(cong);
	} else if (cubic->css_round) {
		if (cubic->round_min_us < cubic->css_baseline_us)
			cubic->css_round = 0;
	} else if (cubic->last_min_us != RTT_INFINITE) {
		if (is_longer(cubic->round_min_us, cubic->last_min_us))
			enter_css(cubic, cubic->round_min_us, false);
	}
}

/*
 * Ends slow start after CSS_ROUNDS of rounds that stayed slow. The ACK that
 * ends a round is of that round, and so is its sample.
 */
static void watch_rtt(struct tcpx_cong *cong, const struct tcpx_cong_ack *ack)
{
	struct cubic *cubic = cubic_of(cong);

	if (!cubic->round_began)
		start_round(cubic, ack->nxt);
	if (ack->rtt_us >= 0)
		take_sample(cong, ack->rtt_us);
	if (!cubic->hystart)
		return;
	follow_train(cubic, ack);
	if (!tcpx_seq_after_eq(ack->una, cubic->round_end))
		return;
	start_round(cubic, ack->nxt);
	if (cubic->css_round && cubic->css_round++ == CSS_ROUNDS)
		end_slow_start(cong);
}

/* Returns the bytes left over for congestion avoidance. */
static u32 slow_start(struct tcpx_cong *cong, const struct tcpx_cong_ack *ack)
{
	struct cubic *cubic = cubic_of(cong);
	u32 acked = ack->acked;

	if (cubic->hystart)
		watch_rtt(cong, ack);
	if (!tcpx_cong_in_slow_start(cong))
		return acked;
	if (cubic->css_round)
		acked = DIV_ROUND_UP(acked, CSS_GROWTH_DIVISOR);
	return tcpx_cong_slow_start(cong, acked);
}

/* --- ops ----------------------------------------------------------------- */

static void tcpx_cong_cubic_init(struct tcpx_cong *cong)
{
	struct cubic *cubic = cubic_of(cong);

	cubic->round_min_us = RTT_INFINITE;
	cubic->last_min_us = RTT_INFINITE;
	cubic->hystart = cong->ssthresh == TCPX_CONG_INFINITE;
}

static void tcpx_cong_cubic_acked(struct tcpx_cong *cong,
				  const struct tcpx_cong_ack *ack)
{
	struct cubic *cubic = cubic_of(cong);
	u64 gap = ack->now_ns - cubic->last_ns;
	u32 acked = ack->acked;

	/*
	 * 4.2: time without a full window does not count. While cwnd is the
	 * limit, something is acknowledged in every round trip.
	 */
	if (cubic->epoch.start_ns && cubic->last_ns &&
	    gap > 2 * (u64)ack->srtt_us * NSEC_PER_USEC)
		cubic->epoch.start_ns += gap;
	cubic->last_ns = ack->now_ns;

	if (tcpx_cong_in_slow_start(cong))
		acked = slow_start(cong, ack);
	if (acked)
		avoid(cong, ack, acked);
}

/* 4.6: FlightSize, not cwnd, and two segments at least; 4.7. */
static u32 tcpx_cong_cubic_ssthresh(struct tcpx_cong *cong, u32 flight)
{
	struct cubic *cubic = cubic_of(cong);
	struct epoch *e = &cubic->epoch;

	cubic->before = *e;
	e->w_max = cong->cwnd < e->w_max ? FAST_CONVERGENCE(cong->cwnd) :
					   cong->cwnd;
	e->cwnd_prior = cong->cwnd;
	e->start_ns = 0;
	return max(BETA(flight), 2U * cong->smss);
}

/* RFC 8511 3.1: 0.85, if that is wanted. */
static u32 tcpx_cong_cubic_ssthresh_ecn(struct tcpx_cong *cong, u32 flight)
{
	u32 ssthresh = tcpx_cong_cubic_ssthresh(cong, flight);

	if (!cong->abe)
		return ssthresh;
	return max(ABE(flight), 2U * cong->smss);
}

static void tcpx_cong_cubic_event(struct tcpx_cong *cong,
				  enum tcpx_cong_event event)
{
	struct cubic *cubic = cubic_of(cong);

	switch (event) {
	case TCPX_CONG_TIMEOUT:
		cubic->after_timeout = 1;
		fallthrough;
	case TCPX_CONG_RECOVERY:
	case TCPX_CONG_ECN:
		cubic->epoch.start_ns = 0;
		cubic->hystart = 0;
		cubic->css_round = 0;
		break;
	case TCPX_CONG_UNDO:		/* 4.9 */
		cubic->epoch = cubic->before;
		cubic->after_timeout = 0;
		break;
	default:
		break;
	}
}

struct tcpx_cong_ops tcpx_cong_cubic = {
	.name = "cubic",
	.priv_size = sizeof(struct cubic),
	.init = tcpx_cong_cubic_init,
	.ssthresh = tcpx_cong_cubic_ssthresh,
	.ssthresh_ecn = tcpx_cong_cubic_ssthresh_ecn,
	.acked = tcpx_cong_cubic_acked,
	.event = tcpx_cong_cubic_event,
};
