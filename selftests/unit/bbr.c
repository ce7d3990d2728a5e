// SPDX-License-Identifier: GPL-2.0
/*
 * BBR (draft-ietf-ccwg-bbr) against a path that is computed, and against
 * anything. What it does on the wire is in wire/bbr.py.
 */
#include "kselftest_harness.h"

#include "cong.h"

#include <linux/inet_diag.h>

#define SMSS	1448U
#define MS	1000000ULL

static struct tcpx_cong cong;
int kzalloc_failures;
static u64 now;

u64 ktime_get_ns(void)
{
	return now;
}

static u32 random_state;

u32 get_random_u32(void)
{
	return random_state = random_state * 1664525 + 1013904223;
}

static void control(const struct tcpx_cong_sample *sample, u32 delivered,
		    u32 in_flight, s64 rtt_us)
{
	struct tcpx_cong_ack ack = {
		.now_ns = now, .acked = delivered, .delivered = delivered,
		.in_flight = in_flight, .rtt_us = rtt_us,
		.srtt_us = rtt_us < 0 ? 0 : rtt_us, .cwnd_limited = true,
		.sample = *sample,
	};

	tcpx_cong_control(&cong, &ack);
}

static void start(u32 srtt_us)
{
	struct tcpx_cong_ack ack = { .rtt_us = -1, .srtt_us = srtt_us };

	now = 1000 * MS;
	random_state = 1;
	tcpx_cong_init(&cong, &tcpx_cong_bbr, SMSS, 10, 0);
	tcpx_cong_start(&cong);
	ack.now_ns = now;
	tcpx_cong_control(&cong, &ack);
}

static void stop(void)
{
	tcpx_cong_change(&cong, &tcpx_cong_reno);
	tcpx_cong_release(&cong);
}

static struct tcp_bbr_info info(void)
{
	union tcp_cc_info info;
	int attr;

	tcpx_cong_get_info(&cong, &attr, &info);
	return info.bbr;
}

/* 5.6.2: 2.77 times the initial window a round trip; a millisecond's if none. */
TEST(initial_pacing_rate)
{
	start(100000);
	ASSERT_EQ(tcpx_cong_rate(&cong)->pacing_rate,
		  10ULL * SMSS * 10 * 710 / 256);
	stop();
	start(0);
	ASSERT_EQ(tcpx_cong_rate(&cong)->pacing_rate,
		  10ULL * SMSS * 1000 * 710 / 256);
	stop();
}

/* A path of 1 MB/s and 50 ms whose rounds are delivered as a whole. */
TEST(finds_the_rate_and_holds_it)
{
	struct tcpx_rate *rate;
	u32 round, flight;

	start(50000);
	rate = tcpx_cong_rate(&cong);
	for (round = 0; round < 40; round++) {
		struct tcpx_cong_sample sample = {
			.is_valid = true, .prior_delivered = rate->delivered,
		};

		flight = cong.cwnd;
		/* What is more than the path holds takes longer. */
		now += flight < 50000 ? 50 * MS : flight * 1000ULL;
		rate->delivered += flight;
		sample.delivered = flight;
		sample.tx_in_flight = flight;
		sample.rate = flight < 50000 ? flight * 20ULL : 1000000;
		control(&sample, flight, 0, 50000);
	}
	ASSERT_EQ(info().bbr_bw_lo, 1000000U);
	ASSERT_EQ(info().bbr_min_rtt, 50000U);
	ASSERT_GE(cong.cwnd, 50000U);
	/* Twice that, and what one ACK for all adds: 100 ms. */
	ASSERT_LE(cong.cwnd, 2 * 50000U + 100000U + 3 * SMSS);
	ASSERT_LE(rate->pacing_rate, 1250000U);
	stop();
}

/* An algorithm that has a model is not touched by what others do on a loss. */
TEST(only_a_timeout_changes_the_window)
{
	u32 cwnd;

	start(50000);
	cwnd = cong.cwnd;
	tcpx_cong_enter_recovery(&cong, cwnd / 2);
	ASSERT_EQ(cong.cwnd, cwnd);
	tcpx_cong_leave_recovery(&cong, 1);
	ASSERT_EQ(cong.cwnd, cwnd);
	tcpx_cong_ecn(&cong, cwnd / 2);
	ASSERT_EQ(cong.cwnd, cwnd);
	tcpx_cong_restart(&cong, 1);
	ASSERT_EQ(cong.cwnd, cwnd);
	tcpx_cong_timeout(&cong, cwnd, false);
	ASSERT_EQ(cong.cwnd, SMSS);
	tcpx_cong_leave_loss(&cong);
	ASSERT_EQ(cong.cwnd, cwnd);
	stop();
}

/* What a timeout took is given back once, by the undo or at the end. */
TEST(after_an_undo_nothing_is_given_back)
{
	u32 cwnd;

	start(50000);
	cwnd = cong.cwnd;
	tcpx_cong_timeout(&cong, cwnd, false);
	tcpx_cong_undo(&cong);
	ASSERT_EQ(cong.cwnd, cwnd);
	cong.cwnd = 4 * SMSS;
	tcpx_cong_enter_recovery(&cong, cong.cwnd);
	tcpx_cong_leave_recovery(&cong, cong.cwnd);
	ASSERT_EQ(cong.cwnd, 4 * SMSS);
	stop();
}

TEST(without_memory_reno_takes_its_turn)
{
	struct tcpx_cong_ack ack = {
		.now_ns = 1, .acked = SMSS, .rtt_us = -1, .cwnd_limited = true,
	};
	u32 cwnd;

	tcpx_cong_init(&cong, &tcpx_cong_bbr, SMSS, 10, 0);
	cwnd = cong.cwnd;
	kzalloc_failures = 2;
	ASSERT_FALSE(tcpx_cong_start(&cong));
	tcpx_cong_acked(&cong, &ack);
	ASSERT_EQ(cong.cwnd, cwnd + SMSS);
	ASSERT_TRUE(tcpx_cong_start(&cong));
	ASSERT_TRUE(!!cong.sampled);
	stop();
}

/* Any order of anything, from a keyed seed; UBSan watches. */
TEST(survives_anything)
{
	u32 seed = 2026, i;

	start(1);
	for (i = 0; i < 300000; i++) {
		struct tcpx_cong_sample sample;
		struct tcpx_cong_loss loss;

		seed = seed * 1664525 + 1013904223;
		now += (u64)(seed >> 8) << seed % 16;
		switch (seed >> 28) {
		case 0:
			tcpx_cong_enter_recovery(&cong, seed);
			break;
		case 1:
			tcpx_cong_timeout(&cong, seed, seed & 64);
			break;
		case 2:
			tcpx_cong_undo(&cong);
			break;
		case 3:
			tcpx_cong_set_smss(&cong, 48 + seed % 65000);
			break;
		case 4:
			tcpx_cong_idle(&cong);
			break;
		case 5:
		case 6:
			loss = (struct tcpx_cong_loss){
				.now_ns = now, .seq = seed, .end_seq = seed * 3,
				.tx_in_flight = seed >> seed % 31,
				.lost = seed >> (seed / 7) % 31,
				.is_app_limited = seed & 512,
			};
			tcpx_cong_lost(&cong, &loss);
			break;
		case 7:
			tcpx_cong_leave_recovery(&cong, seed);
			break;
		default:
			sample = (struct tcpx_cong_sample){
				.rate = (u64)seed << seed % 20,
				.delivered = seed >> seed % 31,
				.prior_delivered = seed * 5,
				.tx_in_flight = seed >> (seed / 3) % 31,
				.lost = seed >> (seed / 5) % 31,
				.is_app_limited = seed & 1024,
				.is_valid = seed & 2048,
			};
			tcpx_cong_rate(&cong)->delivered += seed % 1000000;
			control(&sample, seed % (1U << 30), seed >> 2,
				(s64)(seed % 3000000) - 1000);
		}
		ASSERT_GE(cong.cwnd, 1U);
		ASSERT_LE(cong.cwnd, 1U << 31);
	}
	stop();
}

TEST_HARNESS_MAIN
