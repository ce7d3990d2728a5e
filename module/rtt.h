/* SPDX-License-Identifier: GPL-2.0 */
/* Round trip time and retransmission timeout, RFC 6298. */
#ifndef _TCPX_RTT_H
#define _TCPX_RTT_H

#include <linux/types.h>

#define TCPX_RTT_GRANULARITY_US	1000	/* G: our timers and their slack */
#define TCPX_RTT_SYN_LOST_US	3000000	/* RFC 6298 5.7 */

struct tcpx_rtt {
	u32 srtt_us;		/* SRTT times 8, 0: no sample yet */
	u32 rttvar_us;		/* RTTVAR times 4 */
	u32 min_us;		/* the smallest sample, U32_MAX: none */
	u32 rto_us;		/* RTO before back-off */
	u32 rto_min_us;
	u32 rto_max_us;
	u8 backoff;		/* RTO is doubled so often */
};

void tcpx_rtt_init(struct tcpx_rtt *rtt, u32 initial_us, u32 min_us,
		   u32 max_us);
void tcpx_rtt_limit(struct tcpx_rtt *rtt, u32 min_us, u32 max_us);
void tcpx_rtt_sample(struct tcpx_rtt *rtt, u32 sample_us);
void tcpx_rtt_back_off(struct tcpx_rtt *rtt);
void tcpx_rtt_syn_lost(struct tcpx_rtt *rtt);
void tcpx_rtt_expect(struct tcpx_rtt *rtt, u32 srtt_us);
u64 tcpx_rtt_rto_ns(const struct tcpx_rtt *rtt);

static inline u32 tcpx_rtt_srtt_us(const struct tcpx_rtt *rtt)
{
	return rtt->srtt_us >> 3;
}

static inline u32 tcpx_rtt_rttvar_us(const struct tcpx_rtt *rtt)
{
	return rtt->rttvar_us >> 2;
}

static inline bool tcpx_rtt_has_sample(const struct tcpx_rtt *rtt)
{
	return rtt->srtt_us;
}

#endif /* _TCPX_RTT_H */
