/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TCPX_TIMEWAIT_H
#define _TCPX_TIMEWAIT_H

#include <net/sock.h>

struct tcpx_port;

/*
 * A connection in TIME-WAIT. In the connection table with skc_state
 * TCP_TIME_WAIT. Slab typesafe by RCU. The table and the queue hold one
 * reference together. There may be many: what struct sock_common has no other
 * use for holds SND.NXT (skc_tw_snd_nxt), RCV.NXT (skc_tw_rcv_nxt), and in the
 * place of a listener's skc_bind_node the links of the queue,
 * tcpx_net.timewait.blocks, under its lock.
 */
struct tcpx_timewait {
	struct sock_common common;	/* first */
	struct tcpx_port *port;		/* our reference on the port's holder */
	u32 deadline_ms;		/* of tcpx_ts_clock() */
	u32 snd_max_wnd;		/* MAX.SND.WND: RFC 5961 5 */
	u32 ts_recent;
	u32 ts_recent_s;
	u32 ts_offset;
	u32 mark;
	u32 ack_limit_ms;		/* last out-of-window ACK */
	u16 rcv_wnd;			/* as it was told, shifted */
	u8 rcv_wscale:4;
	u8 ts_ok:1;
	u8 ace:3;			/* RFC 9768 3.2.2 */
	u8 tos;
};

/* How long it has to live still, ms. */
static inline u32 tcpx_timewait_left_ms(const struct tcpx_timewait *tw,
					u32 now_ms)
{
	return max((s32)(READ_ONCE(tw->deadline_ms) - now_ms), 0);
}

#endif /* _TCPX_TIMEWAIT_H */
