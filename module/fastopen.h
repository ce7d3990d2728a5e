/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP Fast Open, RFC 7413: text on the SYN for a server that gave a cookie
 * before. Off by default; the knob and each program must want it (7413-3).
 */
#ifndef _TCPX_FASTOPEN_H
#define _TCPX_FASTOPEN_H

#include <linux/rcupdate.h>
#include <linux/siphash.h>
#include <linux/types.h>

#include "wire.h"

struct net;
struct sk_buff;
struct sock;
struct tcpx_flow;
struct tcpx_options;
struct tcpx_sock;

/* Bits of the knob fastopen, as native's. */
#define TCPX_TFO_CLIENT			0x001
#define TCPX_TFO_SERVER			0x002
#define TCPX_TFO_CLIENT_NO_COOKIE	0x004
#define TCPX_TFO_SERVER_NO_COOKIE	0x200
#define TCPX_TFO_ALL_LISTENERS		0x400
#define TCPX_TFO_KNOB_MAX		0xfff

/* Bits of tcpx_user.fastopen: this connection. */
#define TCPX_TFO_OPTION		0x01	/* to go with the SYN that is next */
#define TCPX_TFO_ACTIVE		0x02	/* option or text was on our SYN */
#define TCPX_TFO_TEXT		0x04	/* text was, and heads the send queue */
#define TCPX_TFO_TEXT_ACKED	0x08	/* a SYN's text was taken, by either */
#define TCPX_TFO_PENDING	0x10	/* a child before its final ACK */
#define TCPX_TFO_PROBATION	0x20	/* first attempt after a black hole */
#define TCPX_TFO_FAIL_SHIFT	6	/* two bits: TCP_INFO's client_fail */

#define TCPX_TFO_KEYS		2	/* the first makes cookies, both are good */
#define TCPX_TFO_KEY_LEN	16
#define TCPX_TFO_COOKIE_LEN	8	/* of ours */
/* RSTs count against the limit for a minute, to a slot of some seconds. */
#define TCPX_TFO_RESET_SLOTS	16
#define TCPX_TFO_RESET_SLOT_S	4

struct tcpx_fastopen_keys {
	siphash_key_t key[TCPX_TFO_KEYS];
	unsigned int nr;
	struct rcu_head rcu;
};

/* Of a listener. All but @max and @keys is guarded by tcpx_listen.lock. */
struct tcpx_fastopen_queue {
	u32 max;		/* of @pending, 0: off; read locklessly */
	u32 pending;		/* children before their final ACK, and RSTs */
	u32 reset_slot;		/* the slot of the newest RST */
	u32 resets[TCPX_TFO_RESET_SLOTS];
	struct tcpx_fastopen_keys __rcu *keys;	/* NULL: the namespace's */
};

/* What a listener does about a SYN. */
enum tcpx_fastopen_verdict {
	TCPX_TFO_NOTHING,
	TCPX_TFO_OFFER,		/* a cookie in the SYN,ACK */
	TCPX_TFO_OPEN,		/* open now; there is room, which was taken */
	TCPX_TFO_RENEW,		/* the same, and a cookie of the newer key */
};

/* --- namespace ----------------------------------------------------------- */

int tcpx_fastopen_init_net(struct net *net);
void tcpx_fastopen_exit_net(struct net *net);
/*
 * Keys as bytes, 16 each, of the namespace or, if @sk is not NULL, of that
 * socket (owned, CLOSED or LISTEN). set: 0 or -ENOMEM; get: how many.
 */
int tcpx_fastopen_set_keys(struct net *net, struct sock *sk, const u8 *bytes,
			   unsigned int nr);
unsigned int tcpx_fastopen_get_keys(struct net *net, const struct sock *sk,
				    u8 *bytes);
/* The knob fastopen_blackhole_timeout_sec was written. */
void tcpx_fastopen_forget_blackholes(struct net *net);

/* --- server -------------------------------------------------------------- */

/* TCP_FASTOPEN, and bit 0x400 of the knob at listen(). Owned. */
void tcpx_fastopen_set_queue(struct sock *sk, int max);
void tcpx_fastopen_listen(struct sock *sk, int backlog);
void tcpx_fastopen_free_queue(struct tcpx_fastopen_queue *q);
/* A SYN for the listener @sk that has the option, or text. Softirq. */
enum tcpx_fastopen_verdict
tcpx_fastopen_syn_arrived(struct sock *sk, const struct sk_buff *skb);
/* OPEN came to nothing: give the room back. */
void tcpx_fastopen_failed(struct sock *sk);
/*
 * @child, in the accept queue, has taken the room, and the caller's reference
 * on @listener. Owned.
 */
void tcpx_fastopen_opened(struct sock *child, struct sock *listener,
			  enum tcpx_fastopen_verdict verdict);
/* Its final ACK came, or its end did: @reset, by a RST. Owned. */
void tcpx_fastopen_settled(struct tcpx_sock *tcb, bool reset);
/* A cookie for @flow, ours first, into @opt; at @cookie, 8 bytes. */
void tcpx_fastopen_offer(const struct sock *listener,
			 const struct tcpx_flow *flow,
			 struct tcpx_options *opt, u8 *cookie);

/* --- client. Owned. ------------------------------------------------------ */

/*
 * Before our SYN: what goes with it? Sets TCPX_TFO_OPTION where the option
 * does; returns how much text may, 0: none.
 */
u32 tcpx_fastopen_prepare(struct tcpx_sock *tcb);
/* connect(): wait with the SYN for the first text? */
bool tcpx_fastopen_defers(struct tcpx_sock *tcb);
/* TCPX_TFO_OPTION: the option of the SYN or SYN,ACK; at @cookie, 16 bytes. */
void tcpx_fastopen_syn_option(struct tcpx_sock *tcb, struct tcpx_options *opt,
			      u8 *cookie);
/* The SYN,ACK with @opt acknowledges @ack. */
void tcpx_fastopen_answered(struct tcpx_sock *tcb, u32 ack,
			    const struct tcpx_options *opt);
/* TCPX_TFO_TEXT: what @ack covers of it becomes sent, the rest never was. */
void tcpx_fastopen_text_acked(struct tcpx_sock *tcb, u32 ack);
/* The retransmission timer of a TCPX_TFO_ACTIVE connection; @last: it ends. */
void tcpx_fastopen_timed_out(struct tcpx_sock *tcb, bool last);
/* The destination cannot be reached this way: wait before the next attempt. */
void tcpx_fastopen_unreachable(struct tcpx_sock *tcb);
/* A RST or FIN beyond a hole and nothing else: a black hole. */
void tcpx_fastopen_blackholed(struct tcpx_sock *tcb);
/* The end of a TCPX_TFO_ACTIVE connection; its queues are there still. */
void tcpx_fastopen_closed(struct tcpx_sock *tcb);

#endif /* _TCPX_FASTOPEN_H */
