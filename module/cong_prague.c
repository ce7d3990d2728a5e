// SPDX-License-Identifier: GPL-2.0
/*
 * Prague (draft-briscoe-iccrg-prague-congestion-control): a scalable algorithm
 * as RFC 9331 4 wants one. With accurate feedback (RFC 9768) it sends ECT(1)
 * and reduces by half of the part that was marked, once a round trip, while
 * what was not marked goes on raising the window; a loss is answered as by
 * Reno. A peer without accurate feedback makes it Reno with classic ECN.
 *
 * Not here: to find out that a queue which marks is a classic one (RFC 9331 4.3
 * asks for monitoring): for networks whose queues are known.
 */
#include "cong.h"
#include "seq.h"

#include <linux/inet_diag.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/time64.h>

/*
 * Flows with less than this share a queue as if they had it: they grow by the
 * square of the ratio less in a round trip, and alpha is as old.
 */
#define RTT_VIRT_US	25000

struct prague {
	struct tcpx_cong_marks marks;
	u32 round_end;
	u32 growth;		/* bytes that raise cwnd, not used up yet */
	u64 updated_ns;		/* alpha */
	u8 has_round:1;
	u8 accurate:1;		/* marks are counted, not only echoed */
	u8 seen_ce:1;
	u8 reduced:1;		/* for a mark, in the last round trip */
};

static struct prague *prague_of(struct tcpx_cong *cong)
{
	return cong->priv;
}

/* RFC 9331 4.1 and the draft's 2.4.4: it must be paced. */
static void pace(struct tcpx_cong *cong, u32 srtt_us)
{
	u64 rate = (u64)cong->cwnd * USEC_PER_SEC;

	if (!srtt_us || !cong->sampled)
		return;
	if (tcpx_cong_in_slow_start(cong))
		rate *= 2;
	tcpx_cong_rate(cong)->pacing_rate = max_t(u64, 1,
						  div_u64(rate, srtt_us));
}

/* One segment a round trip, less with a short one; of @bytes not marked. */
static void grow(struct tcpx_cong *cong, u32 bytes, u32 srtt_us)
{
	struct prague *prague = prague_of(cong);
	u64 part = bytes;

	if (srtt_us < RTT_VIRT_US)
		part = div_u64(part * srtt_us * srtt_us,
			       RTT_VIRT_US * RTT_VIRT_US);
	prague->growth += part;
	while (prague->growth >= cong->cwnd &&
	       cong->cwnd < TCPX_CONG_CWND_MAX - cong->smss) {
		prague->growth -= cong->cwnd;
		cong->cwnd += cong->smss;
	}
}

static u32 unmarked(const struct tcpx_cong_ack *ack)
{
	return ack->acked - min(ack->acked, ack->marked);
}

static void tcpx_cong_prague_acked(struct tcpx_cong *cong,
				   const struct tcpx_cong_ack *ack)
{
	u32 bytes = unmarked(ack);

	if (tcpx_cong_in_slow_start(cong))
		bytes = tcpx_cong_slow_start(cong, bytes);
	if (bytes)
		grow(cong, bytes, ack->srtt_us);
}

static void tcpx_cong_prague_in_ack(struct tcpx_cong *cong,
				    const struct tcpx_cong_ack *ack)
{
	struct prague *prague = prague_of(cong);

	prague->accurate = ack->accurate_ecn;
	prague->marks.acked += ack->acked;
	prague->marks.marked += ack->marked;
	if (prague->reduced)
		grow(cong, unmarked(ack), ack->srtt_us);
	pace(cong, ack->srtt_us);

	if (!prague->has_round) {
		prague->has_round = 1;
		prague->round_end = ack->nxt;
		prague->updated_ns = ack->now_ns;
		return;
	}
	if (!tcpx_seq_after(ack->una, prague->round_end) ||
	    ack->now_ns - prague->updated_ns < RTT_VIRT_US * NSEC_PER_USEC)
		return;
	tcpx_cong_marks_update(&prague->marks);
	prague->round_end = ack->nxt;
	prague->updated_ns = ack->now_ns;
}

/* The first mark is answered as by Reno: nothing is known of the queue yet. */
static u32 tcpx_cong_prague_ssthresh_ecn(struct tcpx_cong *cong, u32 flight)
{
	struct prague *prague = prague_of(cong);

	if (!prague->accurate)
		return tcpx_cong_reno_ssthresh(cong, flight);
	if (!prague->seen_ce) {
		prague->seen_ce = 1;
		prague->marks.alpha = TCPX_CONG_ALPHA_MAX;
	}
	return tcpx_cong_marks_reduce(cong, &prague->marks);
}

static void tcpx_cong_prague_event(struct tcpx_cong *cong,
				   enum tcpx_cong_event event)
{
	struct prague *prague = prague_of(cong);

	prague->reduced = event == TCPX_CONG_ECN && prague->accurate;
	prague->growth = 0;
}

static size_t tcpx_cong_prague_get_info(const struct tcpx_cong *cong, int *attr,
					union tcp_cc_info *info)
{
	const struct prague *prague = cong->priv;

	return tcpx_cong_marks_info(&prague->marks, prague->accurate, attr,
				    info);
}

struct tcpx_cong_ops tcpx_cong_prague = {
	.name = "prague",
	.flags = TCPX_CONG_F_ECN | TCPX_CONG_F_ACCURATE_ECN |
		 TCPX_CONG_F_RATE,
	.priv_size = sizeof(struct prague),
	.ssthresh = tcpx_cong_reno_ssthresh,
	.ssthresh_ecn = tcpx_cong_prague_ssthresh_ecn,
	.acked = tcpx_cong_prague_acked,
	.in_ack = tcpx_cong_prague_in_ack,
	.event = tcpx_cong_prague_event,
	.get_info = tcpx_cong_prague_get_info,
};
