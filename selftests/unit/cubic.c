// SPDX-License-Identifier: GPL-2.0
/* CUBIC against RFC 9438's equations in floating point; HyStart++. */
#include "kselftest_harness.h"

#include <math.h>
#include <string.h>

#include "cong.h"

#define SMSS	1460U
#define MS	1000000ULL

#define ASSERT_NEAR(a, b, by)	ASSERT_LE(fabs((double)(a) - (double)(b)), (double)(by))
#define C	0.4
#define BETA	0.7

static struct tcpx_cong cong;
int kzalloc_failures;
static u64 now;
static u32 una;

static void start(u32 ssthresh)
{
	tcpx_cong_init(&cong, &tcpx_cong_cubic, SMSS, 10, ssthresh);
	cong.abc_l = 0;
	now = 1000 * MS;
	una = -50000;		/* wraps soon */
}

static void ack(u32 acked, s64 rtt_us, u32 srtt_us)
{
	struct tcpx_cong_ack sample = {
		.now_ns = now, .acked = acked, .rtt_us = rtt_us,
		.srtt_us = srtt_us, .flight = cong.cwnd, .cwnd_limited = true,
	};

	una += acked;
	sample.una = una;
	sample.nxt = una + cong.cwnd;
	tcpx_cong_acked(&cong, &sample);
}

/* All of cwnd is acknowledged, two segments an ACK, within @rtt_ms. */
static void round_trip(u32 rtt_ms)
{
	u32 acks = cong.cwnd / (2 * SMSS) ?: 1, i;
	u64 begin = now;

	for (i = 1; i <= acks; i++) {
		now = begin + rtt_ms * MS * i / acks;
		ack(2 * SMSS, rtt_ms * 1000, rtt_ms * 1000);
	}
}

static double segments(void)
{
	return (double)cong.cwnd / SMSS;
}

/* In congestion avoidance after a loss with a window of @segs segments. */
static void lose(u32 segs)
{
	cong.cwnd = segs * SMSS;
	tcpx_cong_enter_recovery(&cong, cong.cwnd);
	tcpx_cong_leave_recovery(&cong, cong.ssthresh);
}

/* 9438-1, equations 1 and 2: ten seconds after a loss at 1000 segments. */
TEST(RFC9438_1_window_follows_the_cubic_function)
{
	double k = cbrt(1000 * (1 - BETA) / C), t, model;
	u64 begin;
	int i;

	start(0);
	lose(1000);
	ASSERT_NEAR(segments(), 700, 1);
	round_trip(100);
	begin = now - 100 * MS;
	for (i = 1; i < 150; i++) {
		round_trip(100);
		t = (now - begin) / 1e9;
		model = C * pow(t - k, 3) + 1000;
		ASSERT_NEAR(segments(), model, 0.05 * model);
	}
	/* The plateau at W_max was passed. */
	ASSERT_LT(1000 * SMSS, cong.cwnd);
}

/* 9438-2: FlightSize, and never below two segments. */
TEST(RFC9438_2_ssthresh_is_of_the_flight)
{
	start(0);
	cong.cwnd = 100 * SMSS;
	tcpx_cong_enter_recovery(&cong, 50 * SMSS);
	ASSERT_EQ(cong.ssthresh, 35 * SMSS);
	tcpx_cong_enter_recovery(&cong, SMSS);
	ASSERT_EQ(cong.ssthresh, 2 * SMSS);
}

/*
 * 9438-3: a small window on a short path grows as Reno's would with beta 0.7:
 * 9/17 of a segment a round trip up to cwnd_prior, then one.
 */
TEST(RFC9438_3_reno_friendly_region)
{
	double before;
	int i;

	start(0);
	lose(40);
	round_trip(10);
	for (i = 0; i < 10; i++) {
		before = segments();
		round_trip(10);
		ASSERT_NEAR(segments() - before, 9.0 / 17, 0.1);
	}
	while (segments() < 40.5)
		round_trip(10);
	before = segments();
	for (i = 0; i < 10; i++)
		round_trip(10);
	ASSERT_NEAR(segments() - before, 10, 1);
}

/* 9438-4: the second loss comes below the first W_max: 0.85 of cwnd. */
TEST(RFC9438_4_fast_convergence)
{
	double k;
	u64 begin;

	start(0);
	lose(1000);
	lose(800);
	round_trip(200);
	begin = now - 200 * MS;
	k = cbrt((800 * 0.85 - 560) / C);
	while ((now - begin) / 1e9 < k)
		round_trip(200);
	ASSERT_NEAR(segments(), 680, 15);
}

/* 9438-5: a minute in which the application sent little is no time at all. */
TEST(RFC9438_5_idle_time_does_not_count)
{
	u32 before;

	start(0);
	lose(1000);
	round_trip(100);
	round_trip(100);
	before = cong.cwnd;
	now += 60000 * MS;
	ack(2 * SMSS, 100000, 100000);
	ASSERT_LE(cong.cwnd, before + 2 * SMSS);
	round_trip(100);
	ASSERT_LT(cong.cwnd, before + before / 10);
}

/* 9438-6: at most half a window more in a round trip, and never too much. */
TEST(RFC9438_6_growth_is_bounded)
{
	u32 before, i;

	start(0);
	lose(10);
	for (i = 0; i < 200; i++) {
		before = cong.cwnd;
		round_trip(2000);
		ASSERT_LE(cong.cwnd, before + before / 2 + 2 * SMSS);
		if (cong.cwnd > (1U << 28))
			break;
	}
	for (i = 0; i < 1000; i++) {
		now += 3600000 * MS;
		ack(1U << 30, 60000000, 60000000);
		ASSERT_LE(cong.cwnd, 1U << 30);
		ASSERT_GE(cong.cwnd, SMSS);
	}
}

/* 9438-6: any order of anything, from a keyed seed; UBSan watches. */
TEST(RFC9438_6_fixed_point_survives_anything)
{
	u32 seed = 9438, i;

	start(0);
	for (i = 0; i < 200000; i++) {
		seed = seed * 1664525 + 1013904223;
		now += (u64)(seed >> 8) << seed % 20;
		switch (seed >> 28) {
		case 0:
			tcpx_cong_enter_recovery(&cong, cong.cwnd);
			break;
		case 1:
			tcpx_cong_timeout(&cong, cong.cwnd, seed & 64);
			break;
		case 2:
			tcpx_cong_undo(&cong);
			break;
		case 3:
			tcpx_cong_set_smss(&cong, 48 + seed % 65000);
			break;
		default:
			ack(seed % (1U << 30), seed % 1000000, seed % 100000000);
		}
		ASSERT_GE(cong.cwnd, cong.smss < 48 ? 48 : 1);
		ASSERT_LE(cong.cwnd, 1U << 31);
	}
}

/* 9438-7: after a timeout slow start to 0.7, then a curve from there on. */
TEST(RFC9438_7_timeout_and_undo)
{
	struct tcpx_cong before;
	int i;

	start(0);
	lose(100);
	round_trip(100);
	before = cong;
	tcpx_cong_timeout(&cong, cong.cwnd, false);
	ASSERT_EQ(cong.cwnd, SMSS);
	ASSERT_NEAR(cong.ssthresh, before.cwnd * BETA, SMSS);
	for (i = 0; i < 10 && cong.cwnd < cong.ssthresh; i++)
		round_trip(100);
	ASSERT_NEAR(cong.cwnd, cong.ssthresh, SMSS);
	round_trip(100);
	ASSERT_NEAR(segments(), 51, 1.5);	/* K is 0: convex, slowly */

	/* 4.9: the loss was none; the old curve goes on. */
	tcpx_cong_undo(&cong);
	ASSERT_EQ(cong.cwnd, before.cwnd);
	ASSERT_EQ(cong.ssthresh, before.ssthresh);
}

/* --- HyStart++, RFC 9406 -------------------------------------------------- */

/* A round of slow start in which every ACK shows @rtt_us. */
static void slow_round(u32 rtt_us)
{
	u32 end = una + cong.cwnd;

	while ((s32)(una - end) < 0) {
		now += 1000;
		ack(SMSS, rtt_us, rtt_us);
	}
}

/* 9406-1: an eighth of the RTT, but 4 to 16 ms, is the rise that counts. */
TEST(RFC9406_1_rise_of_the_rtt)
{
	static const struct { u32 rtt, none, rise; } rows[] = {
		{ 8000, 11900, 12100 },
		{ 80000, 89900, 90100 },
		{ 400000, 415900, 416100 },
	};
	u32 before;

	for (int i = 0; i < 3; i++) {
		start(0);
		slow_round(rows[i].rtt);
		slow_round(rows[i].rtt);
		slow_round(rows[i].none);	/* compared with the last */
		before = cong.cwnd;
		slow_round(rows[i].none);
		ASSERT_NEAR(cong.cwnd, 2 * before, 2 * SMSS);

		start(0);
		slow_round(rows[i].rtt);
		slow_round(rows[i].rtt);
		slow_round(rows[i].rise);
		before = cong.cwnd;
		slow_round(rows[i].rise);
		ASSERT_NEAR(cong.cwnd, before + before / 4, before / 16);
	}
}

/* 9406-2: five rounds like that end slow start; a fall resumes it. */
TEST(RFC9406_2_conservative_slow_start)
{
	u32 before;
	int i;

	start(0);
	slow_round(50000);
	slow_round(50000);
	slow_round(60000);
	for (i = 0; i < 6 && cong.cwnd < cong.ssthresh; i++)
		slow_round(60000);
	ASSERT_LT(cong.ssthresh, TCPX_CONG_INFINITE);
	ASSERT_EQ(i, 5);

	start(0);
	slow_round(50000);
	slow_round(50000);
	slow_round(60000);
	slow_round(55000);
	before = cong.cwnd;
	slow_round(55000);
	ASSERT_NEAR(cong.cwnd, 2 * before, before / 8);
	ASSERT_EQ(cong.ssthresh, TCPX_CONG_INFINITE);
}

/* Not after it has ended the first slow start, as RFC 9406 4.3 wants. */
TEST(hystart_not_after_idleness)
{
	u32 before;

	start(0);
	slow_round(50000);
	slow_round(50000);
	for (int i = 0; i < 7 && cong.cwnd < cong.ssthresh; i++)
		slow_round(60000);
	ASSERT_LT(cong.ssthresh, TCPX_CONG_INFINITE);
	tcpx_cong_restart(&cong, 10);
	before = cong.cwnd;
	ASSERT_LT(2 * before, cong.ssthresh);
	slow_round(50000);
	ASSERT_NEAR(cong.cwnd, 2 * before, SMSS);
}

/* 9406-3: not after a loss. */
TEST(RFC9406_3_only_in_the_first_slow_start)
{
	u32 before;

	start(0);
	slow_round(50000);
	tcpx_cong_timeout(&cong, 1000 * SMSS, false);
	cong.cwnd = 20 * SMSS;
	slow_round(50000);
	slow_round(90000);
	before = cong.cwnd;
	cong.after_timeout = 0;
	slow_round(90000);
	ASSERT_NEAR(cong.cwnd, 2 * before, 2 * SMSS);
}

/* @segs of a window, an ACK each @gap_us; then nothing until @rtt_ms is over. */
static void train(u32 segs, u32 gap_us, u32 rtt_us, u32 rest_ms)
{
	while (segs--) {
		now += gap_us * 1000ULL;
		ack(SMSS, rtt_us, rtt_us);
	}
	now += rest_ms * MS;
}

/*
 * HyStart: ACKs that come densely for half a round trip. From there on the
 * window grows by a quarter, and slow start ends when the RTT grows.
 */
TEST(a_train_of_half_a_round_trip)
{
	u32 before;

	start(0);
	train(10, 1000, 100000, 90);
	train(20, 1000, 100000, 80);
	before = cong.cwnd;
	train(40, 1000, 100000, 60);		/* 39 ms */
	ASSERT_EQ(cong.cwnd, before + 40 * SMSS);
	train(48, 1000, 100000, 0);
	before = cong.cwnd;
	train(32, 1000, 100000, 20);		/* 3 more are a train */
	ASSERT_NEAR(cong.cwnd, before + (4 + 28 / 4) * SMSS, 2 * SMSS);
	ASSERT_EQ(cong.ssthresh, TCPX_CONG_INFINITE);
	before = cong.cwnd;
	train(40, 1000, 111000, 0);		/* not by an eighth */
	ASSERT_NEAR(cong.cwnd, before + 10 * SMSS, SMSS);
	slow_round(113000);
	slow_round(113000);
	ASSERT_LT(cong.ssthresh, TCPX_CONG_INFINITE);

	/* With gaps of more than a 32nd it is none. */
	start(0);
	train(10, 1000, 100000, 90);
	train(20, 1000, 100000, 80);
	before = cong.cwnd;
	train(25, 4000, 100000, 0);
	ASSERT_EQ(cong.cwnd, before + 25 * SMSS);
}

TEST_HARNESS_MAIN
