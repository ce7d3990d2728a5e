/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A port belongs to one TCP. A holder is a native kernel socket that keeps
 * (namespace, address, port) for us, so that native's rules decide about
 * EADDRINUSE, privileges, reserved ports, SO_REUSEADDR and SO_REUSEPORT in
 * both directions. The ports of a connect() without bind() have claims instead.
 */
#ifndef _TCPX_PORTS_H
#define _TCPX_PORTS_H

#include <linux/types.h>

struct net;
struct sock;
struct tcpx_port;

int tcpx_ports_init(void);
void tcpx_ports_exit(void);
int tcpx_ports_init_net(struct net *net);
void tcpx_ports_exit_net(struct net *net);

/* prot.get_port: bind(2). Process context, socket owned. */
int tcpx_ports_get_port(struct sock *sk, unsigned short snum);
/*
 * connect(2) without a bound port: choose an ephemeral one (RFC 6056
 * algorithm 4 with keyed hashes), put @sk into the connection table.
 * With a bound port: only the latter. 0 or -EADDRNOTAVAIL, -EADDRINUSE.
 * Process context, socket owned, addresses set, state SYN_SENT.
 */
int tcpx_ports_connect(struct sock *sk);
/* listen(2): the holder listens too, so that native refuses the port. */
int tcpx_ports_listen(struct sock *sk);
void tcpx_ports_unlisten(struct sock *sk);
/* prot.rehash: the bound device changed. */
void tcpx_ports_rehash(struct sock *sk);

/* References; put may be called in softirq, the holder is freed by work. */
struct tcpx_port *tcpx_port_get(struct tcpx_port *port);
void tcpx_port_put(struct tcpx_port *port);
/*
 * Release now what the work would a moment later: at the end of close(2), so
 * that another bind() of the port succeeds at once. Sleeps.
 */
void tcpx_ports_flush(struct net *net);

#endif /* _TCPX_PORTS_H */
