/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TCPX_TIMEWAIT_H
#define _TCPX_TIMEWAIT_H

#include <linux/list.h>
#include <net/sock.h>

struct tcpx_port;

/*
 * A connection in TIME-WAIT. In the connection table with skc_state
 * TCP_TIME_WAIT. Slab typesafe by RCU. The table and the queue hold one
 * reference together.
 */
struct tcpx_timewait {
	struct sock_common common;	/* first */
	struct list_head node;		/* tcpx_net.timewait.blocks, its lock */
	u64 deadline_ns;
	struct tcpx_port *port;		/* our reference on the port's holder */
	u32 snd_nxt;
	u32 snd_max_wnd;		/* MAX.SND.WND: RFC 5961 5 */
	u32 rcv_nxt;
	u32 rcv_wnd;			/* bytes */
	u32 ts_recent;
	u32 ts_recent_s;
	u32 ts_offset;
	u32 mark;
	u32 ack_limit_ms;		/* last out-of-window ACK */
	u8 rcv_wscale;
	u8 ts_ok:1;
	u8 ace:3;			/* RFC 9768 3.2.2 */
	u8 tos;
	__be32 flowlabel;
};

#endif /* _TCPX_TIMEWAIT_H */
