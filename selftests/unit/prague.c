// SPDX-License-Identifier: GPL-2.0
/*
 * Prague and DCTCP: what part of the data was marked, and what that makes of the
 * window. What is sent and heard is in wire/accecn.py and wire/dctcp.py.
 */
#include "kselftest_harness.h"

#include "cong.h"

#include <linux/inet_diag.h>

#define SMSS	1000U
#define MS	1000000ULL

static struct tcpx_cong cong;
int kzalloc_failures;
static u64 now;
static u32 una;

static void start(u32 segs, u32 ssthresh)
{
	tcpx_cong_init(&cong, &tcpx_cong_prague, SMSS, 10, ssthresh);
	cong.abc_l = 0;
	cong.cwnd = segs * SMSS;
	now = 1000 * MS;
	una = -20000;		/* wraps soon */
	tcpx_cong_start(&cong);
}

static void stop(void)
{
	tcpx_cong_change(&cong, &tcpx_cong_reno);
	tcpx_cong_release(&cong);
}

/* An ACK of @acked bytes, @marked of them with CE, which reduces once. */
static void ack(u32 acked, u32 marked, u32 srtt_us, bool reduce)
{
	struct tcpx_cong_ack sample = {
		.now_ns = now, .acked = acked, .marked = marked,
		.rtt_us = srtt_us, .srtt_us = srtt_us, .flight = cong.cwnd,
		.cwnd_limited = true, .ece = marked > 0, .accurate_ecn = true,
	};

	una += acked;
	sample.una = una;
	sample.nxt = una + cong.cwnd;
	tcpx_cong_in_ack(&cong, &sample);
	if (reduce)
		tcpx_cong_ecn(&cong, cong.cwnd);
	else
		tcpx_cong_acked(&cong, &sample);
}

static void round_trip(u32 srtt_us, u32 marked_segs)
{
	u32 segs = cong.cwnd / SMSS, i;
	u64 begin = now;

	for (i = 1; i <= segs; i++) {
		now = begin + (u64)srtt_us * 1000 * i / segs;
		ack(SMSS, i <= marked_segs ? SMSS : 0, srtt_us,
		    i == 1 && marked_segs);
	}
}

static u32 alpha(void)
{
	union tcp_cc_info info;
	int attr;

	tcpx_cong_get_info(&cong, &attr, &info);
	return info.dctcp.dctcp_alpha;
}

TEST(RFC9331_2_the_first_mark_halves)
{
	start(100, 50 * SMSS);
	round_trip(30000, 0);
	u32 before = cong.cwnd;

	ack(SMSS, SMSS, 30000, true);
	ASSERT_LE(cong.cwnd, before / 2 + SMSS);
	ASSERT_GE(cong.cwnd, before / 2 - SMSS);
	ASSERT_EQ(cong.ssthresh, cong.cwnd);
	stop();
}

/* Each round trip a tenth: alpha comes down to that, a cut to a twentieth. */
TEST(RFC9331_2_alpha_becomes_the_part_that_is_marked)
{
	int i;

	start(100, 50 * SMSS);
	for (i = 0; i < 200; i++) {
		cong.cwnd = 100 * SMSS;
		round_trip(30000, 10);
	}
	ASSERT_GE(alpha(), 1024 / 10 - 25);
	ASSERT_LE(alpha(), 1024 / 10 + 25);
	cong.cwnd = 100 * SMSS;
	ack(SMSS, SMSS, 30000, true);
	ASSERT_GE(cong.cwnd, 93 * SMSS);
	ASSERT_LE(cong.cwnd, 97 * SMSS);
	stop();
}

TEST(RFC9331_2_alpha_goes_to_zero)
{
	int i;

	start(100, 50 * SMSS);
	round_trip(30000, 50);
	ASSERT_GT(alpha(), 0);
	for (i = 0; i < 300; i++)
		round_trip(30000, 0);
	ASSERT_EQ(alpha(), 0);
	stop();
}

/* What is not marked goes on raising the window in the round trip of a cut. */
TEST(RFC9331_2_it_grows_while_it_is_reduced)
{
	start(100, 50 * SMSS);
	round_trip(30000, 0);
	ack(SMSS, SMSS, 30000, true);
	u32 before = cong.cwnd, i;

	for (i = 0; i < 55; i++) {
		struct tcpx_cong_ack sample = {
			.now_ns = now, .acked = SMSS, .rtt_us = 30000,
			.srtt_us = 30000, .accurate_ecn = true,
			.una = una += SMSS, .nxt = una + cong.cwnd,
		};

		tcpx_cong_in_ack(&cong, &sample);
	}
	ASSERT_EQ(cong.cwnd, before + SMSS);
	stop();
}

/* One segment a round trip; with a fifth of 25 ms a 25th of that. */
TEST(short_round_trips_grow_less)
{
	int i;

	start(100, 50 * SMSS);
	for (i = 0; i < 50; i++)
		round_trip(50000, 0);
	ASSERT_GE(cong.cwnd, 148 * SMSS);
	ASSERT_LE(cong.cwnd, 151 * SMSS);
	stop();

	start(100, 50 * SMSS);
	for (i = 0; i < 50; i++)
		round_trip(5000, 0);
	ASSERT_GE(cong.cwnd, 101 * SMSS);
	ASSERT_LE(cong.cwnd, 103 * SMSS);
	stop();
}

TEST(it_is_paced_at_a_window_a_round_trip)
{
	start(100, 0);
	ack(SMSS, 0, 50000, false);
	ASSERT_EQ(tcpx_cong_rate(&cong)->pacing_rate,
		  2 * 20ULL * 100 * SMSS);
	stop();
	start(100, 50 * SMSS);
	ack(SMSS, 0, 50000, false);
	ASSERT_EQ(tcpx_cong_rate(&cong)->pacing_rate,
		  20ULL * 100 * SMSS);
	stop();
}

TEST(RFC9331_2_a_loss_is_answered_as_by_Reno)
{
	start(100, 50 * SMSS);
	round_trip(30000, 0);
	u32 before = cong.cwnd;

	tcpx_cong_enter_recovery(&cong, before);
	ASSERT_EQ(cong.cwnd, before / 2);
	stop();
}

static u32 random_state = 7;

static u32 some(u32 below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

/* Whatever comes: never below two segments, nor above the largest window. */
TEST(anything)
{
	int i;

	start(10, 0);
	for (i = 0; i < 300000; i++) {
		u32 acked = some(4) ? some(64000) : some(1U << 30);

		now += some(100 * MS);
		switch (some(30)) {
		case 0:
			tcpx_cong_enter_recovery(&cong, cong.cwnd);
			tcpx_cong_leave_recovery(&cong, cong.ssthresh);
			break;
		case 1:
			tcpx_cong_timeout(&cong, cong.cwnd, some(2));
			tcpx_cong_leave_loss(&cong);
			break;
		case 2:
			tcpx_cong_undo(&cong);
			break;
		case 3:
			tcpx_cong_restart(&cong, 10);
			break;
		default:
			ack(acked, some(2) ? some(acked + 1) : 0,
			    some(3) ? some(200000) : some(~0U), !some(5));
		}
		ASSERT_GE(cong.cwnd, SMSS);
		ASSERT_LE(cong.cwnd, TCPX_CONG_CWND_MAX);
		ASSERT_LE(alpha(), TCPX_CONG_ALPHA_MAX);
	}
	stop();
}

TEST_HARNESS_MAIN
