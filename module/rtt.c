// SPDX-License-Identifier: GPL-2.0
/* Round trip time and retransmission timeout, RFC 6298 section 2. */
#include "rtt.h"

#include <linux/limits.h>
#include <linux/minmax.h>

/* Larger samples are cut: SRTT times 8 must fit. */
#define SAMPLE_MAX_US	(1U << 28)

static u32 within_limits(const struct tcpx_rtt *rtt, u32 rto_us)
{
	return min(max(rto_us, rtt->rto_min_us), rtt->rto_max_us);
}

/*
 * RFC 6298 2.2, 2.3: RTO is SRTT + max(G, 4 * RTTVAR); 2.4 and 2.5 bound it.
 * Deviation: the lower bound is a knob, 200 ms by default, not 1 s; and it is
 * one of what is added to SRTT. Else on a path of 100 ms, of many samples that
 * are alike, the timer would expire when the ACK of a fast retransmission is
 * about to come. Native TCP has the same; no delayed ACK is slower.
 */
static u32 compute_rto(const struct tcpx_rtt *rtt)
{
	u32 least = max_t(u32, TCPX_RTT_GRANULARITY_US, rtt->rto_min_us);

	return min(tcpx_rtt_srtt_us(rtt) + max(least, rtt->rttvar_us),
		   rtt->rto_max_us);
}

/* RFC 6298 2.1: @initial_us until there is a sample. */
void tcpx_rtt_init(struct tcpx_rtt *rtt, u32 initial_us, u32 min_us,
		   u32 max_us)
{
	rtt->srtt_us = 0;
	rtt->rttvar_us = 0;
	rtt->min_us = U32_MAX;
	rtt->rto_min_us = min_us;
	rtt->rto_max_us = max_us;
	rtt->rto_us = within_limits(rtt, initial_us);
	rtt->backoff = 0;
}

/* Change the bounds of a connection that may be running. */
void tcpx_rtt_limit(struct tcpx_rtt *rtt, u32 min_us, u32 max_us)
{
	rtt->rto_min_us = min_us;
	rtt->rto_max_us = max_us;
	rtt->rto_us = tcpx_rtt_has_sample(rtt) ?
		compute_rto(rtt) : within_limits(rtt, rtt->rto_us);
}

/*
 * Take a sample of a segment that was sent once, or whose transmission the
 * timestamps tell (Karn, RFC 6298 3). It ends the back-off.
 */
void tcpx_rtt_sample(struct tcpx_rtt *rtt, u32 sample_us)
{
	u32 r = min(max(sample_us, 1U), SAMPLE_MAX_US);
	u32 srtt = tcpx_rtt_srtt_us(rtt);

	if (!tcpx_rtt_has_sample(rtt)) {			/* 2.2 */
		rtt->srtt_us = r << 3;
		rtt->rttvar_us = r << 1;
	} else {						/* 2.3 */
		rtt->rttvar_us -= rtt->rttvar_us >> 2;
		rtt->rttvar_us += r > srtt ? r - srtt : srtt - r;
		rtt->srtt_us += r - srtt;
	}

	rtt->min_us = min(rtt->min_us, r);
	rtt->rto_us = compute_rto(rtt);
	rtt->backoff = 0;
}

/* RFC 6298 5.5: the timer expired, double RTO up to its maximum. */
void tcpx_rtt_back_off(struct tcpx_rtt *rtt)
{
	if ((u64)rtt->rto_us << rtt->backoff < rtt->rto_max_us)
		rtt->backoff++;
}

/*
 * RFC 6298 5.7: the handshake is complete and took a retransmitted SYN, so
 * start the data with 3 s at least. The next sample replaces it.
 */
void tcpx_rtt_syn_lost(struct tcpx_rtt *rtt)
{
	rtt->rto_us = within_limits(rtt, max_t(u32, rtt->rto_us,
					       TCPX_RTT_SYN_LOST_US));
	rtt->backoff = 0;
}

/*
 * RFC 9040: earlier connections took @srtt_us, so that RTO until the next sample
 * is not less than were that the first one. @rtt's estimate is not touched.
 */
void tcpx_rtt_expect(struct tcpx_rtt *rtt, u32 srtt_us)
{
	u32 r = min(srtt_us, SAMPLE_MAX_US);
	u32 rto_us = r + max(2 * r, rtt->rto_min_us);

	rtt->rto_us = max(rtt->rto_us, min(rto_us, rtt->rto_max_us));
}

/* RTO with its back-off. */
u64 tcpx_rtt_rto_ns(const struct tcpx_rtt *rtt)
{
	u64 rto_us = (u64)rtt->rto_us << rtt->backoff;

	return min_t(u64, rto_us, rtt->rto_max_us) * 1000;
}
