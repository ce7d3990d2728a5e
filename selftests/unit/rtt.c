// SPDX-License-Identifier: GPL-2.0
/* The estimator against RFC 6298 in floating point. */
#include "kselftest_harness.h"

#include <math.h>
#include <stdlib.h>

#include "rtt.h"

#define MS		1000U
#define INITIAL		(1000 * MS)
#define MIN		(200 * MS)
#define MAX		(120000 * MS)
#define TICK		(1.0 * MS)	/* G */

struct model {
	double srtt, rttvar, rto;
	bool has_sample;
};

static void model_sample(struct model *m, double r, double min, double max)
{
	if (!m->has_sample) {
		m->srtt = r;
		m->rttvar = r / 2;
		m->has_sample = true;
	} else {
		m->rttvar = 0.75 * m->rttvar + 0.25 * fabs(m->srtt - r);
		m->srtt = 0.875 * m->srtt + 0.125 * r;
	}
	m->rto = fmin(m->srtt + fmax(fmax(TICK, min), 4 * m->rttvar), max);
}

static double rto_us(const struct tcpx_rtt *rtt)
{
	return tcpx_rtt_rto_ns(rtt) / 1000.0;
}

TEST(one_second_before_any_sample)
{
	struct tcpx_rtt rtt;

	tcpx_rtt_init(&rtt, INITIAL, MIN, MAX);
	ASSERT_FALSE(tcpx_rtt_has_sample(&rtt));
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 1000000000ULL);
	ASSERT_EQ(rtt.min_us, ~0U);
}

TEST(a_100_ms_then_300_ms)
{
	struct tcpx_rtt rtt;

	tcpx_rtt_init(&rtt, INITIAL, MIN, MAX);
	tcpx_rtt_sample(&rtt, 100 * MS);
	ASSERT_EQ(tcpx_rtt_srtt_us(&rtt), 100 * MS);
	ASSERT_EQ(tcpx_rtt_rttvar_us(&rtt), 50 * MS);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 300000000ULL);

	tcpx_rtt_sample(&rtt, 300 * MS);
	ASSERT_EQ(tcpx_rtt_rttvar_us(&rtt), 87500);	/* before SRTT */
	ASSERT_EQ(tcpx_rtt_srtt_us(&rtt), 125 * MS);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 475000000ULL);
	ASSERT_EQ(rtt.min_us, 100 * MS);
}

TEST(random_samples_follow_the_formula)
{
	srandom(1);
	for (int run = 0; run < 300; run++) {
		u32 range = 1U << (random() % 27);
		struct model m = {};
		struct tcpx_rtt rtt;

		tcpx_rtt_init(&rtt, INITIAL, MIN, MAX);
		for (int i = 0; i < 1000; i++) {
			u32 r = 1 + random() % range;

			tcpx_rtt_sample(&rtt, r);
			model_sample(&m, r, MIN, MAX);
			ASSERT_LE(fabs(rto_us(&rtt) - m.rto), TICK);
			ASSERT_LE(fabs(tcpx_rtt_srtt_us(&rtt) - m.srtt), TICK);
		}
	}
}

TEST(steady_path_keeps_the_granularity)
{
	struct tcpx_rtt rtt;

	tcpx_rtt_init(&rtt, INITIAL, 1, MAX);
	for (int i = 0; i < 1000; i++)
		tcpx_rtt_sample(&rtt, 500 * MS);
	ASSERT_EQ(tcpx_rtt_srtt_us(&rtt), 500 * MS);
	ASSERT_GE(rto_us(&rtt), 501 * MS);
	ASSERT_LE(rto_us(&rtt), 502 * MS);
}

TEST(bounds)
{
	struct tcpx_rtt rtt;

	tcpx_rtt_init(&rtt, INITIAL, MIN, MAX);
	tcpx_rtt_sample(&rtt, 1);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), (MIN + 1) * 1000ULL);
	tcpx_rtt_sample(&rtt, 0);
	ASSERT_TRUE(tcpx_rtt_has_sample(&rtt));

	tcpx_rtt_init(&rtt, INITIAL, MIN, MAX);
	tcpx_rtt_sample(&rtt, ~0U);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), MAX * 1000ULL);
	for (int i = 0; i < 100; i++)
		tcpx_rtt_sample(&rtt, i % 2 ? ~0U : 0);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), MAX * 1000ULL);
}

TEST(limits_change_later)
{
	struct tcpx_rtt rtt;

	tcpx_rtt_init(&rtt, INITIAL, MIN, MAX);
	tcpx_rtt_limit(&rtt, 1500 * MS, MAX);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 1500000000ULL);

	tcpx_rtt_init(&rtt, INITIAL, MIN, MAX);
	tcpx_rtt_sample(&rtt, 10 * MS);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 210000000ULL);
	tcpx_rtt_limit(&rtt, 5 * MS, MAX);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 30000000ULL);
	tcpx_rtt_limit(&rtt, 5 * MS, 20 * MS);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 20000000ULL);
}

/* 5.5, and the SYN ladder: 1, 2, 4 ... to the maximum, and no further. */
TEST(back_off_doubles_to_the_maximum)
{
	struct tcpx_rtt rtt;
	u64 want = 1000000000ULL;

	tcpx_rtt_init(&rtt, INITIAL, MIN, MAX);
	for (int i = 0; i < 1000; i++) {
		ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), want);
		tcpx_rtt_back_off(&rtt);
		want = want * 2 > MAX * 1000ULL ? MAX * 1000ULL : want * 2;
	}
	ASSERT_LE(rtt.backoff, 7);
}

TEST(back_off_from_one_us_with_the_largest_maximum)
{
	struct tcpx_rtt rtt;

	tcpx_rtt_init(&rtt, 1, 1, ~0U);
	for (int i = 0; i < 1000; i++)
		tcpx_rtt_back_off(&rtt);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), ~0U * 1000ULL);
	ASSERT_EQ(rtt.backoff, 32);
}

/* RFC 6298 5, end: the backed-off RTO stays until a valid sample. */
TEST(sample_ends_the_back_off)
{
	struct tcpx_rtt rtt;

	tcpx_rtt_init(&rtt, INITIAL, MIN, MAX);
	tcpx_rtt_sample(&rtt, 100 * MS);
	tcpx_rtt_back_off(&rtt);
	tcpx_rtt_back_off(&rtt);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 1200000000ULL);
	tcpx_rtt_sample(&rtt, 100 * MS);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 300000000ULL);
}

/* 5.7 */
TEST(lost_syn_starts_data_with_three_seconds)
{
	struct tcpx_rtt rtt;

	tcpx_rtt_init(&rtt, INITIAL, MIN, MAX);
	tcpx_rtt_back_off(&rtt);
	tcpx_rtt_syn_lost(&rtt);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 3000000000ULL);
	tcpx_rtt_sample(&rtt, 100 * MS);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 300000000ULL);

	tcpx_rtt_init(&rtt, 5000 * MS, MIN, MAX);
	tcpx_rtt_syn_lost(&rtt);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 5000000000ULL);

	tcpx_rtt_init(&rtt, INITIAL, MIN, 2000 * MS);
	tcpx_rtt_syn_lost(&rtt);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 2000000000ULL);
}

/* RFC 9040: what was measured before makes the RTO longer, never shorter. */
TEST(expected_round_trip_raises_the_first_rto)
{
	struct tcpx_rtt rtt;

	tcpx_rtt_init(&rtt, INITIAL, MIN, MAX);
	tcpx_rtt_sample(&rtt, 10 * MS);
	tcpx_rtt_expect(&rtt, 150 * MS);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 450000000ULL);
	ASSERT_EQ(tcpx_rtt_srtt_us(&rtt), 10U * MS);
	tcpx_rtt_expect(&rtt, 20 * MS);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 450000000ULL);
	tcpx_rtt_sample(&rtt, 10 * MS);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 210000000ULL);

	tcpx_rtt_expect(&rtt, 20 * MS);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), 220000000ULL);

	tcpx_rtt_expect(&rtt, UINT32_MAX);
	ASSERT_EQ(tcpx_rtt_rto_ns(&rtt), (u64)MAX * 1000);
}

TEST_HARNESS_MAIN
