// SPDX-License-Identifier: GPL-2.0
/*
 * The textbook: slow start from one segment with an ssthresh of 65535 bytes
 * (RFC 2001 1), a segment for each ACK, a segment for each round trip from
 * there on, half of the flight after a loss. For teaching and for plots that
 * look like those of the books.
 */
#include "cong.h"

#include <linux/minmax.h>

#define INITIAL_SSTHRESH	65535

/* RFC 5681 3.1, equation 2. */
static void tcpx_cong_classic_acked(struct tcpx_cong *cong,
				    const struct tcpx_cong_ack *ack)
{
	if (tcpx_cong_in_slow_start(cong))
		tcpx_cong_slow_start(cong, min_t(u32, ack->acked, cong->smss));
	else
		tcpx_cong_avoid(cong, ack->acked);
}

struct tcpx_cong_ops tcpx_cong_classic = {
	.name = "classic",
	.initial_segs = 1,
	.initial_ssthresh = INITIAL_SSTHRESH,
	.ssthresh = tcpx_cong_reno_ssthresh,
	.acked = tcpx_cong_classic_acked,
};
