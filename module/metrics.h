/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Metrics cache: what connections between two addresses leave for the next
 * ones, RFC 9040. The knob no_metrics_save turns it off.
 */
#ifndef _TCPX_METRICS_H
#define _TCPX_METRICS_H

#include <linux/in6.h>
#include <linux/types.h>

#include "wire.h"

struct net;
struct sock;
struct tcpx_sock;

/* RFC 7413 4.1.3: what a client keeps of a server. */
struct tcpx_metrics_fastopen {
	u32 negative_s;			/* no attempt before, if @failures */
	u16 mss;			/* 0: not known */
	u8 cookie_len;
	u8 failures;			/* in a row */
	u8 cookie[TCPX_TFO_COOKIE_MAX];
};

/* Times are seconds since boot, never 0. */
struct tcpx_metrics {
	struct in6_addr saddr;		/* ours; v4-mapped for IPv4 */
	struct in6_addr daddr;
	u32 used_s;			/* 0: empty */
	u32 saved_s;			/* by a connection's end, 0: never */
	u32 reordered_s;		/* reordering was first seen, 0: never */
	u32 srtt_us;			/* 0: not known */
	u32 ssthresh;			/* bytes, 0: not known */
	struct tcpx_metrics_fastopen fastopen;
};

int tcpx_metrics_init_net(struct net *net);
void tcpx_metrics_exit_net(struct net *net);
/*
 * May sleep. Without memory there is no cache, and nothing is kept. _prepare:
 * before a connection, if the knob allows it to leave something.
 */
void tcpx_metrics_create(struct net *net);
void tcpx_metrics_prepare(struct net *net);

/* A copy of what is kept for @sk's addresses; else zero but for them. */
void tcpx_metrics_get(const struct sock *sk, struct tcpx_metrics *copy);
/*
 * @change, under a spinlock, the entry for @sk's addresses, a new one if need
 * be; @what is passed on. Nothing if there is no cache.
 */
void tcpx_metrics_update(const struct sock *sk,
			 void (*change)(struct tcpx_metrics *entry,
					const void *what),
			 const void *what);

/* Owned. A connection has begun; it is over, its addresses are there still. */
void tcpx_metrics_apply(struct tcpx_sock *tcb);
void tcpx_metrics_save(struct tcpx_sock *tcb);
/* All but what is Fast Open's. */
void tcpx_metrics_forget(struct net *net);

#endif /* _TCPX_METRICS_H */
