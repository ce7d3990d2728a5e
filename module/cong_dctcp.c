// SPDX-License-Identifier: GPL-2.0
/*
 * DCTCP (RFC 8257): the window is reduced by how much of it was marked. Grows
 * and answers losses as Reno. For networks whose queues mark early, of one
 * administration.
 */
#include "cong.h"
#include "seq.h"

#include <linux/inet_diag.h>
#include <linux/math64.h>
#include <linux/minmax.h>

/* DCTCP.Alpha in 1/1024; 3.3.1: g is 1/16. */
#define ALPHA_SHIFT	10
#define ALPHA_MAX	(1U << ALPHA_SHIFT)
#define G_SHIFT		4

struct dctcp {
	u32 alpha;
	u32 window_end;		/* DCTCP.WindowEnd */
	u32 acked;		/* DCTCP.BytesAcked */
	u32 marked;		/* DCTCP.BytesMarked */
	bool has_window;
};

static struct dctcp *dctcp_of(struct tcpx_cong *cong)
{
	return cong->priv;
}

/* RFC 8257 4.2: from 1 on, so that the first mark is answered as by Reno. */
static void tcpx_cong_dctcp_init(struct tcpx_cong *cong)
{
	dctcp_of(cong)->alpha = ALPHA_MAX;
}

/* 3.3 steps 1 to 9: once a window Alpha = Alpha * (1 - g) + g * M. */
static void tcpx_cong_dctcp_in_ack(struct tcpx_cong *cong,
				   const struct tcpx_cong_ack *ack)
{
	struct dctcp *dctcp = dctcp_of(cong);
	u32 part, decay;

	dctcp->acked += ack->acked;
	if (ack->ece)
		dctcp->marked += ack->acked;
	if (!dctcp->has_window) {
		dctcp->has_window = true;
		dctcp->window_end = ack->nxt;
		return;
	}
	if (!tcpx_seq_after(ack->una, dctcp->window_end))
		return;

	part = div_u64((u64)dctcp->marked << ALPHA_SHIFT,
		       max(dctcp->acked, 1U));
	/* Down to zero, not to where the shift leaves nothing. */
	decay = dctcp->alpha >> G_SHIFT;
	dctcp->alpha -= decay ?: dctcp->alpha;
	dctcp->alpha = min(dctcp->alpha + (part >> G_SHIFT), ALPHA_MAX);
	dctcp->window_end = ack->nxt;
	dctcp->acked = 0;
	dctcp->marked = 0;
}

/* 3.3: cwnd = cwnd * (1 - DCTCP.Alpha / 2) */
static u32 tcpx_cong_dctcp_ssthresh_ecn(struct tcpx_cong *cong, u32 flight)
{
	u64 less = (u64)cong->cwnd * dctcp_of(cong)->alpha >> (ALPHA_SHIFT + 1);

	return max(cong->cwnd - (u32)less, 2U * cong->smss);
}

static size_t tcpx_cong_dctcp_get_info(const struct tcpx_cong *cong, int *attr,
				       union tcp_cc_info *info)
{
	const struct dctcp *dctcp = cong->priv;

	*attr = INET_DIAG_DCTCPINFO;
	info->dctcp = (struct tcp_dctcp_info){
		.dctcp_enabled = 1,
		.dctcp_ce_state = dctcp->marked > 0,
		.dctcp_alpha = dctcp->alpha,
		.dctcp_ab_ecn = dctcp->marked,
		.dctcp_ab_tot = dctcp->acked,
	};
	return sizeof(info->dctcp);
}

struct tcpx_cong_ops tcpx_cong_dctcp = {
	.name = "dctcp",
	.flags = TCPX_CONG_F_RESTRICTED | TCPX_CONG_F_ECN |
		 TCPX_CONG_F_EXACT_ECHO,
	.priv_size = sizeof(struct dctcp),
	.init = tcpx_cong_dctcp_init,
	.ssthresh = tcpx_cong_reno_ssthresh,
	.ssthresh_ecn = tcpx_cong_dctcp_ssthresh_ecn,
	.acked = tcpx_cong_reno_acked,
	.in_ack = tcpx_cong_dctcp_in_ack,
	.get_info = tcpx_cong_dctcp_get_info,
};
