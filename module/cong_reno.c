// SPDX-License-Identifier: GPL-2.0
/*
 * Reno: slow start and congestion avoidance of RFC 5681, counting bytes as
 * RFC 3465 does. Its pieces are there for other algorithms too.
 */
#include "cong.h"

#include <linux/export.h>
#include <linux/minmax.h>

/*
 * Slow start, RFC 3465 2.2: at most L segments an ACK, and one after a
 * timeout. Returns the bytes left over for congestion avoidance.
 */
u32 tcpx_cong_slow_start(struct tcpx_cong *cong, u32 acked)
{
	u32 limit = (cong->after_timeout ? 1 : cong->abc_l) * cong->smss;
	u32 grow = limit ? min(acked, limit) : acked;
	u32 end = min(cong->ssthresh, TCPX_CONG_CWND_MAX);
	u32 room = end - cong->cwnd;

	if (grow < room) {
		cong->cwnd += grow;
		return 0;
	}

	cong->cwnd = end;
	cong->after_timeout = 0;
	return grow - room;
}
EXPORT_SYMBOL_GPL(tcpx_cong_slow_start);

/* Congestion avoidance, RFC 3465 2.1: one SMSS each time cwnd is acked. */
void tcpx_cong_avoid(struct tcpx_cong *cong, u32 acked)
{
	cong->acked += min(acked, cong->cwnd);
	if (cong->acked < cong->cwnd)
		return;

	cong->acked -= cong->cwnd;
	cong->cwnd = min(cong->cwnd + cong->smss, TCPX_CONG_CWND_MAX);
}
EXPORT_SYMBOL_GPL(tcpx_cong_avoid);

/* RFC 5681 3.1, equation 4: FlightSize, not cwnd. */
u32 tcpx_cong_reno_ssthresh(struct tcpx_cong *cong, u32 flight)
{
	return max(flight / 2, 2U * cong->smss);
}
EXPORT_SYMBOL_GPL(tcpx_cong_reno_ssthresh);

/* RFC 8511 3.1: 0.8, if that is wanted. */
static u32 tcpx_cong_reno_ssthresh_ecn(struct tcpx_cong *cong, u32 flight)
{
	if (!cong->abe)
		return tcpx_cong_reno_ssthresh(cong, flight);
	return max((u32)((u64)flight * 4 / 5), 2U * cong->smss);
}

void tcpx_cong_reno_acked(struct tcpx_cong *cong,
			  const struct tcpx_cong_ack *ack)
{
	u32 acked = ack->acked;

	if (tcpx_cong_in_slow_start(cong))
		acked = tcpx_cong_slow_start(cong, acked);
	if (acked)
		tcpx_cong_avoid(cong, acked);
}
EXPORT_SYMBOL_GPL(tcpx_cong_reno_acked);

struct tcpx_cong_ops tcpx_cong_reno = {
	.name = "reno",
	.ssthresh = tcpx_cong_reno_ssthresh,
	.ssthresh_ecn = tcpx_cong_reno_ssthresh_ecn,
	.acked = tcpx_cong_reno_acked,
};
