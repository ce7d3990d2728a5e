/* SPDX-License-Identifier: GPL-2.0 */
/* Sequence number arithmetic modulo 2^32, RFC 9293 3.4. */
#ifndef _TCPX_SEQ_H
#define _TCPX_SEQ_H

#include <linux/types.h>

/* a < b */
static inline bool tcpx_seq_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

/* a > b */
static inline bool tcpx_seq_after(u32 a, u32 b)
{
	return tcpx_seq_before(b, a);
}

/* a <= b */
static inline bool tcpx_seq_before_eq(u32 a, u32 b)
{
	return !tcpx_seq_before(b, a);
}

/* a >= b */
static inline bool tcpx_seq_after_eq(u32 a, u32 b)
{
	return !tcpx_seq_before(a, b);
}

/* low <= seq <= high; right even when high - low exceeds 2^31 */
static inline bool tcpx_seq_between(u32 seq, u32 low, u32 high)
{
	return seq - low <= high - low;
}

/* low <= seq < low + len */
static inline bool tcpx_seq_in_window(u32 seq, u32 low, u32 len)
{
	return seq - low < len;
}

/* a < b for timestamps, RFC 7323 5.2: half the circle apart is not less */
static inline bool tcpx_ts_before(u32 a, u32 b)
{
	return (s32)(b - a) > 0;
}

static inline u32 tcpx_seq_max(u32 a, u32 b)
{
	return tcpx_seq_after(a, b) ? a : b;
}

static inline u32 tcpx_seq_min(u32 a, u32 b)
{
	return tcpx_seq_before(a, b) ? a : b;
}

/*
 * The acceptability test of RFC 9293 3.10.7.4, first check. @end is SEG.SEQ +
 * SEG.LEN. @wnd is RCV.WND. A segment is acceptable when its first or its
 * last octet is in the window, or when it spans the window.
 */
static inline bool tcpx_seq_acceptable(u32 seq, u32 end, u32 nxt, u32 wnd)
{
	if (seq == end)
		return wnd ? tcpx_seq_in_window(seq, nxt, wnd) : seq == nxt;

	return wnd && tcpx_seq_before(seq, nxt + wnd) &&
	       tcpx_seq_after(end, nxt);
}

#endif /* _TCPX_SEQ_H */
