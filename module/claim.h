/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A claim keeps a port of all addresses, of both families, from native TCP, as
 * a TIME-WAIT of native's own would: it stands in native's bind table with no
 * more than the head of a socket.
 */
#ifndef _TCPX_CLAIM_H
#define _TCPX_CLAIM_H

#include <linux/types.h>

#include <net/inet_timewait_sock.h>
#include <net/sock.h>

#include "compat.h"

struct inet_bind_bucket;
struct inet_bind2_bucket;
struct net;

/* What native reads of an owner of a bucket. */
struct tcpx_claim {
#ifdef TCPX_HAVE_TW_BIND2_NODE
	struct inet_timewait_sock owner;
#else
	struct {
		struct sock_common __tw_common;
		struct inet_bind_bucket *tw_tb;
		struct inet_bind2_bucket *tw_tb2;
	} owner;
#endif
};

/*
 * The socket that claims for those of a namespace: only sockets can bind. All
 * below are for process context; one at a time has the agent.
 */
struct sock *tcpx_claim_agent(struct net *net);
void tcpx_claim_free_agent(struct sock *agent);

int tcpx_claim_init(void);
void tcpx_claim_exit(void);

/* 0 or -EADDRINUSE. */
int tcpx_claim_take(struct tcpx_claim *claim, struct sock *agent, u16 num);
void tcpx_claim_drop(struct tcpx_claim *claim, struct sock *agent, u16 num);

#endif /* _TCPX_CLAIM_H */
