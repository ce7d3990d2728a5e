/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TCPX_TIMER_H
#define _TCPX_TIMER_H

#include <linux/hrtimer.h>
#include <linux/types.h>

#define TCPX_NEVER	U64_MAX

/* timer.c says when each is armed, restarted and stopped. */
enum tcpx_timer_id {
	TCPX_TIMER_RETRANSMIT,
	TCPX_TIMER_REORDER,
	TCPX_TIMER_TAIL_PROBE,
	TCPX_TIMER_PACE,
	TCPX_TIMER_PERSIST,
	TCPX_TIMER_KEEPALIVE,
	TCPX_TIMER_DELACK,
	TCPX_TIMER_FIN_WAIT_2,
	TCPX_TIMER_NR
};

/* RFC 8985 8: of the first three one runs. */
#define TCPX_TIMER_LOSS_NR	3
#define TCPX_TIMER_SLOTS	(TCPX_TIMER_NR - TCPX_TIMER_LOSS_NR + 1)

static inline unsigned int tcpx_timer_slot(enum tcpx_timer_id id)
{
	return id < TCPX_TIMER_LOSS_NR ? 0 : id - TCPX_TIMER_LOSS_NR + 1;
}

/*
 * One soft hrtimer runs the earliest deadline. A deadline that moves later is
 * one store: the hrtimer then fires early once and is re-armed from its
 * handler. All members are guarded by the socket lock.
 */
struct tcpx_timers {
	u64 deadline_ns[TCPX_TIMER_SLOTS];	/* as ktime_get_ns(), or NEVER */
	u8 loss;			/* whose the first is */
	struct hrtimer hrtimer;
};

#endif /* _TCPX_TIMER_H */
