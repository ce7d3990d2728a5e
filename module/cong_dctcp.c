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

#define G_SHIFT		4		/* 3.3.1: g is 1/16 */

struct dctcp {
	struct tcpx_cong_marks marks;	/* DCTCP.Alpha, BytesAcked, BytesMarked */
	u32 window_end;			/* DCTCP.WindowEnd */
	bool has_window;
};

static struct dctcp *dctcp_of(struct tcpx_cong *cong)
{
	return cong->priv;
}

/* Alpha = Alpha * (1 - g) + g * M. */
void tcpx_cong_marks_update(struct tcpx_cong_marks *marks)
{
	u32 part = div_u64((u64)marks->marked * TCPX_CONG_ALPHA_MAX,
			   max(marks->acked, 1U));
	/* Down to zero, not to where the shift leaves nothing. */
	u32 decay = marks->alpha >> G_SHIFT;

	marks->alpha -= decay ?: marks->alpha;
	marks->alpha = min(marks->alpha + (part >> G_SHIFT),
			   TCPX_CONG_ALPHA_MAX);
	marks->acked = 0;
	marks->marked = 0;
}

/* 3.3: cwnd = cwnd * (1 - DCTCP.Alpha / 2) */
u32 tcpx_cong_marks_reduce(const struct tcpx_cong *cong,
			   const struct tcpx_cong_marks *marks)
{
	u64 less = (u64)cong->cwnd * marks->alpha / (2 * TCPX_CONG_ALPHA_MAX);

	return max(cong->cwnd - (u32)less, 2U * cong->smss);
}

size_t tcpx_cong_marks_info(const struct tcpx_cong_marks *marks, bool enabled,
			    int *attr, union tcp_cc_info *info)
{
	*attr = INET_DIAG_DCTCPINFO;
	info->dctcp = (struct tcp_dctcp_info){
		.dctcp_enabled = enabled,
		.dctcp_ce_state = marks->marked > 0,
		.dctcp_alpha = marks->alpha,
		.dctcp_ab_ecn = marks->marked,
		.dctcp_ab_tot = marks->acked,
	};
	return sizeof(info->dctcp);
}

/* RFC 8257 4.2: from 1 on, so that the first mark is answered as by Reno. */
static void tcpx_cong_dctcp_init(struct tcpx_cong *cong)
{
	dctcp_of(cong)->marks.alpha = TCPX_CONG_ALPHA_MAX;
}

/* 3.3 steps 1 to 9: once a window. */
static void tcpx_cong_dctcp_in_ack(struct tcpx_cong *cong,
				   const struct tcpx_cong_ack *ack)
{
	struct dctcp *dctcp = dctcp_of(cong);

	dctcp->marks.acked += ack->acked;
	dctcp->marks.marked += ack->marked;
	if (!dctcp->has_window) {
		dctcp->has_window = true;
		dctcp->window_end = ack->nxt;
		return;
	}
	if (!tcpx_seq_after(ack->una, dctcp->window_end))
		return;
	tcpx_cong_marks_update(&dctcp->marks);
	dctcp->window_end = ack->nxt;
}

static u32 tcpx_cong_dctcp_ssthresh_ecn(struct tcpx_cong *cong, u32 flight)
{
	return tcpx_cong_marks_reduce(cong, &dctcp_of(cong)->marks);
}

static size_t tcpx_cong_dctcp_get_info(const struct tcpx_cong *cong, int *attr,
				       union tcp_cc_info *info)
{
	const struct dctcp *dctcp = cong->priv;

	return tcpx_cong_marks_info(&dctcp->marks, true, attr, info);
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
