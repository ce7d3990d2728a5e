// SPDX-License-Identifier: GPL-2.0
/* Reno against RFC 5681, 3465 and 6928; classic; the registry. */
#include "kselftest_harness.h"

#include <string.h>
#include <linux/errno.h>
#include <linux/module.h>

#include "cong.h"

#define SMSS	1460U

static struct tcpx_cong cong;
int kzalloc_failures;

static void start(u32 ssthresh)
{
	tcpx_cong_init(&cong, &tcpx_cong_reno, SMSS, 10, ssthresh);
}

static void ack(u32 acked)
{
	struct tcpx_cong_ack sample = {
		.acked = acked, .rtt_us = -1, .flight = cong.cwnd,
		.cwnd_limited = true,
	};

	tcpx_cong_acked(&cong, &sample);
}

/* A round trip: all of cwnd is acknowledged, @step bytes by each ACK. */
static void round_trip(u32 step)
{
	u32 left = cong.cwnd;

	while (left) {
		u32 acked = left < step ? left : step;

		ack(acked);
		left -= acked;
	}
}

/* RFC 6928 2: min(10 * MSS, max(2 * MSS, 14600)) */
TEST(initial_window)
{
	ASSERT_EQ(tcpx_cong_initial_window(536, 10), 5360);
	ASSERT_EQ(tcpx_cong_initial_window(1460, 10), 14600);
	ASSERT_EQ(tcpx_cong_initial_window(1461, 10), 14600);
	ASSERT_EQ(tcpx_cong_initial_window(4000, 10), 14600);
	ASSERT_EQ(tcpx_cong_initial_window(8960, 10), 17920);
	ASSERT_EQ(tcpx_cong_initial_window(65483, 10), 130966);
	ASSERT_EQ(tcpx_cong_initial_window(1460, 1), 1460);
	ASSERT_EQ(tcpx_cong_initial_window(8960, 1), 8960);
	ASSERT_EQ(tcpx_cong_initial_window(1460, 100), 146000);
}

TEST(starts_in_slow_start)
{
	start(0);
	ASSERT_EQ(cong.cwnd, 14600);
	ASSERT_EQ(cong.ssthresh, TCPX_CONG_INFINITE);
	ASSERT_TRUE(tcpx_cong_in_slow_start(&cong));
	start(65535);
	ASSERT_EQ(cong.ssthresh, 65535);
}

/* RFC 5681 3.1, equation 2: what is acked, not how often. */
TEST(slow_start_counts_bytes)
{
	start(0);
	ack(1);
	ASSERT_EQ(cong.cwnd, 14601);
	for (u32 i = 0; i < SMSS - 1; i++)
		ack(1);
	ASSERT_EQ(cong.cwnd, 14600 + SMSS);
}

/* RFC 3465 2.2: L is 2; 2.3: 1 after a timeout. */
TEST(slow_start_limit)
{
	start(0);
	ack(10 * SMSS);
	ASSERT_EQ(cong.cwnd, 12 * SMSS);

	tcpx_cong_timeout(&cong, 12 * SMSS, false);
	ack(10 * SMSS);
	ASSERT_EQ(cong.cwnd, 2 * SMSS);
	tcpx_cong_leave_loss(&cong);
	ack(10 * SMSS);
	ASSERT_EQ(cong.cwnd, 4 * SMSS);

	start(0);
	cong.abc_l = 0;
	ack(10 * SMSS);
	ASSERT_EQ(cong.cwnd, 20 * SMSS);
}

TEST(slow_start_doubles_each_round_trip)
{
	for (u32 segs = 1; segs <= 2; segs++) {
		start(0);
		for (int round = 1; round <= 8; round++) {
			round_trip(segs * SMSS);
			ASSERT_EQ(cong.cwnd, 14600U << round);
		}
	}
}

TEST(slow_start_ends_at_ssthresh)
{
	start(15000);
	ack(SMSS);
	ASSERT_EQ(cong.cwnd, 15000);
	ASSERT_EQ(cong.acked, SMSS - 400);
	ASSERT_FALSE(tcpx_cong_in_slow_start(&cong));
}

/* RFC 5681 3.1: one SMSS a round trip, whatever the size of the ACKs. */
TEST(avoidance_adds_one_segment_each_round_trip)
{
	for (u32 step = 1; step <= 10 * SMSS; step = step * 3 + 1) {
		start(14600);
		for (int round = 1; round <= 20; round++) {
			round_trip(step);
			ASSERT_EQ(cong.cwnd, 14600 + round * SMSS);
		}
	}
}

TEST(avoidance_keeps_the_bytes_left_over)
{
	start(14600);
	ack(10000);
	ack(10000);
	ASSERT_EQ(cong.cwnd, 14600 + SMSS);
	ack(14600 + SMSS - 5400 - 1);
	ASSERT_EQ(cong.cwnd, 14600 + SMSS);
	ack(1);
	ASSERT_EQ(cong.cwnd, 14600 + 2 * SMSS);
}

TEST(one_huge_ack_adds_one_segment)
{
	start(14600);
	ack(1000000000);
	ASSERT_EQ(cong.cwnd, 14600 + SMSS);
	ack(1);
	ASSERT_EQ(cong.cwnd, 14600 + SMSS);
}

TEST(no_growth_when_cwnd_is_not_the_limit)
{
	struct tcpx_cong_ack sample = { .acked = SMSS };

	start(0);
	tcpx_cong_acked(&cong, &sample);
	ASSERT_EQ(cong.cwnd, 14600);
}

TEST(cwnd_stays_below_the_largest_window)
{
	start(0);
	cong.abc_l = 0;
	for (int i = 0; i < 100; i++)
		ack(cong.cwnd);
	ASSERT_EQ(cong.cwnd, 1U << 30);
	cong.ssthresh = 1;
	for (int i = 0; i < 100; i++)
		ack(cong.cwnd);
	ASSERT_EQ(cong.cwnd, 1U << 30);
}

/* RFC 5681 3.1, equation 4: half of FlightSize, which can be below cwnd. */
TEST(recovery_halves_the_flight)
{
	start(0);
	tcpx_cong_enter_recovery(&cong, 10000);
	ASSERT_EQ(cong.ssthresh, 5000);
	ASSERT_EQ(cong.cwnd, 5000);

	start(0);
	tcpx_cong_enter_recovery(&cong, SMSS);
	ASSERT_EQ(cong.ssthresh, 2 * SMSS);
}

/* RFC 6582 3.2 step 3 */
TEST(full_acknowledgment_does_not_burst)
{
	start(0);
	tcpx_cong_enter_recovery(&cong, 14600);
	tcpx_cong_leave_recovery(&cong, 0);
	ASSERT_EQ(cong.cwnd, 2 * SMSS);

	start(0);
	tcpx_cong_enter_recovery(&cong, 14600);
	tcpx_cong_leave_recovery(&cong, 14600);
	ASSERT_EQ(cong.cwnd, 7300);
	ASSERT_FALSE(tcpx_cong_in_slow_start(&cong));
}

TEST(timeout_starts_from_one_segment)
{
	start(0);
	tcpx_cong_timeout(&cong, 14600, false);
	ASSERT_EQ(cong.cwnd, SMSS);
	ASSERT_EQ(cong.ssthresh, 7300);

	tcpx_cong_timeout(&cong, SMSS, true);
	ASSERT_EQ(cong.cwnd, SMSS);
	ASSERT_EQ(cong.ssthresh, 7300);

	/* slow start to ssthresh, then avoidance */
	for (int i = 0; i < 4; i++)
		ack(SMSS);
	ASSERT_EQ(cong.cwnd, 5 * SMSS);
	ASSERT_FALSE(tcpx_cong_in_slow_start(&cong));
	ack(SMSS);
	ASSERT_EQ(cong.cwnd, 5 * SMSS);

	/* and L is 2 again, RFC 3465 2.3 */
	tcpx_cong_restart(&cong, 1);
	ack(10 * SMSS);
	ASSERT_EQ(cong.cwnd, 3 * SMSS);
}

TEST(undo_takes_the_last_reduction_back)
{
	start(0);
	tcpx_cong_timeout(&cong, 14600, false);
	tcpx_cong_timeout(&cong, SMSS, true);
	tcpx_cong_undo(&cong);
	ASSERT_EQ(cong.cwnd, 14600);
	ASSERT_EQ(cong.ssthresh, TCPX_CONG_INFINITE);

	cong.abc_l = 0;
	ack(SMSS * 5);
	ASSERT_EQ(cong.cwnd, 15 * SMSS);
}

/* RFC 5681 4.1 */
TEST(restart_window)
{
	start(0);
	cong.cwnd = 100 * SMSS;
	tcpx_cong_restart(&cong, 10);
	ASSERT_EQ(cong.cwnd, 14600);
	cong.cwnd = 3 * SMSS;
	tcpx_cong_restart(&cong, 10);
	ASSERT_EQ(cong.cwnd, 3 * SMSS);
}

TEST(smss_grows_cwnd_to_one_segment)
{
	start(0);
	cong.cwnd = SMSS;
	tcpx_cong_set_smss(&cong, 500);
	ASSERT_EQ(cong.cwnd, SMSS);
	tcpx_cong_set_smss(&cong, 9000);
	ASSERT_EQ(cong.cwnd, 9000);
}

/* Another algorithm, which writes down what it is told. */
static int inits, releases;
static enum tcpx_cong_event last_event;
static struct module owner;

static void other_init(struct tcpx_cong *c)
{
	inits++;
	*(int *)c->priv = 7;
}

static void other_release(struct tcpx_cong *c)
{
	if (*(int *)c->priv == 7)
		releases++;
}

static void other_acked(struct tcpx_cong *c, const struct tcpx_cong_ack *a)
{
	c->cwnd += a->acked * 3;
}

static void other_event(struct tcpx_cong *c, enum tcpx_cong_event event)
{
	(void)c;
	last_event = event;
}

static struct tcpx_cong_ops other = {
	.name = "other",
	.owner = &owner,
	.priv_size = sizeof(int),
	.init = other_init,
	.release = other_release,
	.ssthresh = tcpx_cong_reno_ssthresh,
	.acked = other_acked,
	.event = other_event,
};

TEST(registry)
{
	struct tcpx_cong_ops twin = other, empty = { .name = "empty" };
	char names[64];

	ASSERT_EQ(tcpx_cong_names(names, sizeof(names)), 0);
	ASSERT_STREQ(names, "");
	ASSERT_EQ(tcpx_cong_register(&tcpx_cong_reno), 0);
	ASSERT_EQ(tcpx_cong_register(&other), 0);
	ASSERT_EQ(tcpx_cong_register(&twin), -EEXIST);
	ASSERT_EQ(tcpx_cong_register(&empty), -EINVAL);
	ASSERT_EQ(tcpx_cong_names(names, sizeof(names)), 10);
	ASSERT_STREQ(names, "reno other");

	ASSERT_EQ(tcpx_cong_get("reno"), &tcpx_cong_reno);
	ASSERT_EQ(tcpx_cong_get("nobody"), NULL);
	ASSERT_EQ(tcpx_cong_get("other"), &other);
	ASSERT_EQ(owner.references, 1);
	ASSERT_EQ(tcpx_cong_get_again(&other), &other);
	ASSERT_EQ(owner.references, 2);
	tcpx_cong_put(&other);
	tcpx_cong_put(&other);
	ASSERT_EQ(owner.references, 0);

	owner.leaving = true;
	ASSERT_EQ(tcpx_cong_get("other"), NULL);
	ASSERT_EQ(tcpx_cong_get_again(&other), &tcpx_cong_reno);
	ASSERT_EQ(owner.references, 0);

	tcpx_cong_unregister(&other);
	ASSERT_EQ(tcpx_cong_get("other"), NULL);
	tcpx_cong_unregister(&tcpx_cong_reno);
}

TEST(change_of_algorithm)
{
	start(0);
	ASSERT_TRUE(try_module_get(&owner));
	tcpx_cong_change(&cong, &other);
	ASSERT_EQ(inits, 0);
	ASSERT_EQ(cong.priv, NULL);
	ASSERT_EQ(cong.cwnd, 14600);
	ack(100);
	ASSERT_EQ(inits, 1);
	ASSERT_EQ(cong.cwnd, 14900);

	tcpx_cong_change(&cong, &tcpx_cong_reno);
	ASSERT_EQ(releases, 1);
	ASSERT_EQ(owner.references, 0);
	ASSERT_EQ(cong.priv, NULL);
	ASSERT_EQ(cong.cwnd, 14900);
	tcpx_cong_release(&cong);
	tcpx_cong_release(&cong);
	ASSERT_EQ(releases, 1);
}

/* Without memory for its state an algorithm is replaced by Reno, for now. */
TEST(no_memory)
{
	start(0);
	ASSERT_TRUE(try_module_get(&owner));
	tcpx_cong_change(&cong, &other);
	kzalloc_failures = 1;
	ack(100);
	ASSERT_EQ(cong.cwnd, 14700);
	ASSERT_EQ(cong.priv, NULL);
	ack(100);
	ASSERT_EQ(cong.cwnd, 15000);
	tcpx_cong_release(&cong);
	ASSERT_EQ(cong.priv, NULL);
}

/* RFC 3168 6.1.2: half of what is in flight, and never more than before. */
TEST(ecn)
{
	start(0);
	tcpx_cong_ecn(&cong, 14600);
	ASSERT_EQ(cong.ssthresh, 7300);
	ASSERT_EQ(cong.cwnd, 7300);
	cong.cwnd = SMSS;
	tcpx_cong_ecn(&cong, SMSS);
	ASSERT_EQ(cong.ssthresh, 2 * SMSS);
	ASSERT_EQ(cong.cwnd, SMSS);
}

/* One segment, then a segment for each ACK up to 65535 bytes; then one a round. */
TEST(classic)
{
	u32 before;

	tcpx_cong_init(&cong, &tcpx_cong_classic, SMSS, 10, 0);
	ASSERT_EQ(cong.cwnd, SMSS);
	ASSERT_EQ(cong.ssthresh, 65535);
	ack(SMSS);
	ASSERT_EQ(cong.cwnd, 2 * SMSS);
	ack(2 * SMSS);
	ASSERT_EQ(cong.cwnd, 3 * SMSS);
	while (tcpx_cong_in_slow_start(&cong))
		ack(SMSS);
	before = cong.cwnd;
	round_trip(SMSS);
	round_trip(SMSS);
	ASSERT_EQ(cong.cwnd, before + 2 * SMSS);
	tcpx_cong_timeout(&cong, cong.cwnd, false);
	ASSERT_EQ(cong.cwnd, SMSS);
	cong.cwnd = 20 * SMSS;
	tcpx_cong_restart(&cong, 10);
	ASSERT_EQ(cong.cwnd, SMSS);
}

TEST(events)
{
	ASSERT_TRUE(try_module_get(&owner));
	tcpx_cong_init(&cong, &other, SMSS, 10, 0);
	tcpx_cong_timeout(&cong, SMSS, false);
	ASSERT_EQ(last_event, TCPX_CONG_TIMEOUT);
	tcpx_cong_undo(&cong);
	ASSERT_EQ(last_event, TCPX_CONG_UNDO);
	tcpx_cong_enter_recovery(&cong, SMSS);
	ASSERT_EQ(last_event, TCPX_CONG_RECOVERY);
	tcpx_cong_leave_recovery(&cong, SMSS);
	ASSERT_EQ(last_event, TCPX_CONG_RECOVERED);
	tcpx_cong_ecn(&cong, cong.cwnd);
	ASSERT_EQ(last_event, TCPX_CONG_ECN);
	tcpx_cong_restart(&cong, 10);
	ASSERT_EQ(last_event, TCPX_CONG_RESTART);
	tcpx_cong_release(&cong);
	ASSERT_EQ(owner.references, 0);
}

TEST_HARNESS_MAIN
