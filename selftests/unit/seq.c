// SPDX-License-Identifier: GPL-2.0
/* Sequence arithmetic at every wrap, against 64-bit arithmetic. */
#include "kselftest_harness.h"

#include "seq.h"

static const u32 bases[] = {
	0, 1, 2, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe,
	0xffffffff, 0x12345678,
};

static const s32 steps[] = {
	0, 1, -1, 2, -2, 1460, -1460, 65535, -65535, 0x3fffffff, -0x3fffffff,
	0x7ffffffe, -0x7ffffffe, 0x7fffffff, -0x7fffffff,
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

TEST(order)
{
	for (int i = 0; i < COUNT(bases); i++) {
		for (int j = 0; j < COUNT(steps); j++) {
			u32 a = bases[i], b = a + steps[j];
			bool less = steps[j] > 0;	/* a < b */
			bool equal = !steps[j];

			ASSERT_EQ(tcpx_seq_before(a, b), less);
			ASSERT_EQ(tcpx_seq_after(b, a), less);
			ASSERT_EQ(tcpx_seq_before_eq(a, b), less || equal);
			ASSERT_EQ(tcpx_seq_after_eq(b, a), less || equal);
			ASSERT_EQ(tcpx_seq_before(b, a), !less && !equal);
			ASSERT_EQ(tcpx_seq_max(a, b), less ? b : a);
			ASSERT_EQ(tcpx_seq_min(a, b), less ? a : b);
		}
	}
}

/* Every sequence number of a window, and its neighbours. */
TEST(between_and_in_window)
{
	for (int i = 0; i < COUNT(bases); i++) {
		for (s64 len = 0; len < 70; len++) {
			for (s64 at = -70; at < 140; at++) {
				u32 low = bases[i], seq = low + at;

				ASSERT_EQ(tcpx_seq_in_window(seq, low, len),
					  at >= 0 && at < len);
				ASSERT_EQ(tcpx_seq_between(seq, low,
							   low + len),
					  at >= 0 && at <= len);
			}
		}
	}
}

/* RFC 7323 5.2: 0 < (b - a) < 2^31 */
TEST(order_of_timestamps)
{
	for (int i = 0; i < COUNT(bases); i++) {
		u32 a = bases[i];

		ASSERT_FALSE(tcpx_ts_before(a, a));
		ASSERT_TRUE(tcpx_ts_before(a, a + 1));
		ASSERT_TRUE(tcpx_ts_before(a, a + 0x7fffffff));
		ASSERT_FALSE(tcpx_ts_before(a, a + 0x80000000));
		ASSERT_FALSE(tcpx_ts_before(a, a + 0x80000001));
		ASSERT_FALSE(tcpx_ts_before(a, a - 1));
	}
}

TEST(between_more_than_half_the_space)
{
	ASSERT_TRUE(tcpx_seq_between(0xc0000000, 0, 0xd0000000));
	ASSERT_FALSE(tcpx_seq_between(0xe0000000, 0, 0xd0000000));
	ASSERT_TRUE(tcpx_seq_between(5, 0xfffffff0, 5));
}

/* RFC 9293 3.10.7.4: any octet in the window, by trying each of them. */
static bool is_acceptable(s64 at, s64 len, s64 wnd)
{
	if (!len)
		return wnd ? at >= 0 && at < wnd : at == 0;

	for (s64 octet = at; octet < at + len; octet++)
		if (octet >= 0 && octet < wnd)
			return true;
	return false;
}

TEST(acceptable_as_the_rfc_says)
{
	for (int i = 0; i < COUNT(bases); i++) {
		for (s64 wnd = 0; wnd < 12; wnd++) {
			for (s64 at = -24; at < 24; at++) {
				for (s64 len = 0; len < 30; len++) {
					u32 nxt = bases[i], seq = nxt + at;
					bool got, want;

					got = tcpx_seq_acceptable(seq,
								  seq + len,
								  nxt, wnd);
					want = is_acceptable(at, len, wnd);
					ASSERT_EQ(got, want);
				}
			}
		}
	}
}

TEST(acceptable_largest_window)
{
	u32 wnd = 65535U << 14, nxt = 0xfff00000;

	ASSERT_TRUE(tcpx_seq_acceptable(nxt + wnd - 1, nxt + wnd, nxt, wnd));
	ASSERT_FALSE(tcpx_seq_acceptable(nxt + wnd, nxt + wnd + 1, nxt, wnd));
	ASSERT_TRUE(tcpx_seq_acceptable(nxt - 1000, nxt + 1, nxt, wnd));
	ASSERT_FALSE(tcpx_seq_acceptable(nxt - 1000, nxt, nxt, wnd));
}

TEST_HARNESS_MAIN
