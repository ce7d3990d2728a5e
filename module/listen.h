/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TCPX_LISTEN_H
#define _TCPX_LISTEN_H

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <net/sock.h>

#include "fastopen.h"

#define TCPX_SYNACK_RETRIES_MAX	15

/*
 * A connection in passive SYN-RECEIVED. In the connection table under its
 * 4-tuple with skc_state TCP_NEW_SYN_RECV; holds a reference on its listener
 * (common.skc_listener). Slab typesafe by RCU: take a reference, then check
 * the key again.
 */
struct tcpx_request {
	struct sock_common common;	/* first */
	struct list_head node;		/* listen->requests[retries], its lock */
	u64 deadline_ns;		/* next SYN,ACK, or the end */
	u64 sent_ns;			/* first SYN,ACK: RTT sample */
	u32 iss;
	u32 irs;
	u32 ts_recent;
	u32 ts_offset;
	u32 rcv_wnd;
	u32 mark;
	u32 ack_limit_ms;		/* last out-of-window ACK */
	u16 mss_peer;
	u16 mss_adv;			/* our MSS option */
	u32 mtu;			/* of the path, bytes */
	u8 snd_wscale;
	u8 rcv_wscale;
	u8 retries;			/* SYN,ACKs sent again */
	u8 ts_ok:1;
	u8 sack_ok:1;
	u8 wscale_ok:1;
	u8 queued:1;			/* on a list of the listener */
	u8 cookie:1;			/* on the stack only: cookie.c, fastopen.c */
	u8 offer:1;			/* the first SYN,ACK brings a cookie */
	u8 tos;				/* of our segments: tos or tclass */
	u8 ecn;				/* TCPX_ECN_*: what was agreed on */
};

/*
 * What a listener has more than a connection. Freed with the socket, an RCU
 * grace period after it left the table. @lock guards all but @timer's own
 * state; softirq takes it without the socket lock.
 */
struct tcpx_listen {
	spinlock_t lock;
	bool dead;			/* no more requests, no more children */
	bool flood_told;		/* once in a log is enough */
	unsigned int nr_requests;
	unsigned int nr_young;		/* of them, no SYN,ACK sent again yet */
	u32 cookie_s;			/* last cookie sent, 0: none; lockless */
	struct tcpx_fastopen_queue fastopen;
	struct list_head accept;	/* children, oldest first */
	/*
	 * Requests by the number of SYN,ACKs sent again: one interval a list,
	 * hence each list is in order of expiry.
	 */
	struct list_head requests[TCPX_SYNACK_RETRIES_MAX + 1];
	u64 armed_ns;
	struct hrtimer timer;
	struct sock *sk;
};

/* request.c */
struct tcpx_request *tcpx_request_alloc(void);		/* softirq */
void tcpx_request_init_queue(struct tcpx_listen *l);
void tcpx_request_drop_all(struct tcpx_listen *l);
/* Both with @l->lock held. */
void tcpx_request_enqueue(struct tcpx_listen *l, struct tcpx_request *req);
void tcpx_request_dequeue(struct tcpx_listen *l, struct tcpx_request *req);
/* Off queue and table, with the table's reference; false: it was already. */
bool tcpx_request_remove(struct tcpx_request *req);
/* The same; an attempt to open has failed. */
void tcpx_request_failed(struct tcpx_request *req);

#endif /* _TCPX_LISTEN_H */
