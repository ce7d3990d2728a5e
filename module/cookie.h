/* SPDX-License-Identifier: GPL-2.0 */
/* SYN cookies: the format of what stands in for a request. */
#ifndef _TCPX_COOKIE_H
#define _TCPX_COOKIE_H

#include <linux/types.h>

struct tcpx_flow;
struct tcpx_request;

/* Seconds that a cookie holds at most; half of it at least. */
#define TCPX_COOKIE_LIFE_S	128

/*
 * The ISN of a SYN,ACK to @flow, ours first, for a SYN with ISN @irs. *@mss,
 * the peer's, is rounded down to what the cookie can carry.
 */
u32 tcpx_cookie_isn(const struct tcpx_flow *flow, u32 irs, u16 *mss);
/* The MSS in our ISN @iss; 0: it is no cookie of ours, or too old. */
u16 tcpx_cookie_mss(const struct tcpx_flow *flow, u32 irs, u32 iss);

/* TSval, less the offset, of the SYN,ACK: at most @clock, with @req's options. */
u32 tcpx_cookie_ts(const struct tcpx_request *req, u32 clock);
/* The options in @ts, a TSecr less the offset, into @req. */
void tcpx_cookie_take_ts(struct tcpx_request *req, u32 ts);

#endif /* _TCPX_COOKIE_H */
