/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lookup tables, keyed by namespace. Connections: sockets, requests and
 * TIME-WAIT blocks, told apart by skc_state, in one hlist_nulls table under
 * RCU with a lock a bucket; all three slabs are typesafe by RCU. Listeners:
 * a small table by port, sockets freed after a grace period.
 */
#ifndef _TCPX_HASH_H
#define _TCPX_HASH_H

#include <linux/types.h>

struct net;
struct sk_buff;
struct sock;
struct sock_common;

int tcpx_hash_init(void);
void tcpx_hash_exit(void);

/*
 * Find the connection that @skb belongs to and take a reference
 * (tcpx_hash_put()). RCU read side. Needs the IP header and the TCP ports.
 */
struct sock_common *tcpx_hash_find(struct net *net, const struct sk_buff *skb);
/* The same by addresses, for ICMP errors: ours is @flow's source. */
struct tcpx_flow;
struct sock_common *tcpx_hash_find_flow(const struct tcpx_flow *flow, int dif,
					int sdif);
/* Drop the reference, by the kind of object. */
void tcpx_hash_put(struct sock_common *common);
/* Best listener for @skb; valid in this RCU section, no reference. */
struct sock *tcpx_hash_find_listener(struct net *net,
				     const struct sk_buff *skb);

/*
 * The table holds no reference: its owner removes an object before dropping
 * the last one. A socket in the table is never in TCP_TIME_WAIT: to readers
 * that state means struct tcpx_timewait.
 *
 * Insert a socket or request whose addresses and ports are set. With
 * @unique: -EADDRNOTAVAIL if the 4-tuple is taken, except by a TIME-WAIT
 * block that tcpx_timewait_may_reuse() gives up. BH on or off.
 */
int tcpx_hash_insert(struct sock_common *common, bool unique);
/* @new takes the place of @old; false, and nothing done, if @old had left. */
bool tcpx_hash_replace(struct sock_common *old, struct sock_common *new);
/* False if it had left already. */
bool tcpx_hash_remove(struct sock_common *common);

void tcpx_hash_add_listener(struct sock *sk);
void tcpx_hash_remove_listener(struct sock *sk);

/* prot.hash and prot.unhash of both protos; idempotent. */
int tcpx_hash(struct sock *sk);
void tcpx_unhash(struct sock *sk);

/*
 * Go over the tables piecewise, for seq_file and dumps: copy out up to @max
 * objects of @net from @pos on (listeners first) and move @pos behind them.
 * How many; 0: the end. The caller drops each by tcpx_hash_put(). Starts at
 * a zeroed @pos. Objects that come or go meanwhile may be missed, or seen
 * twice if their bucket changes while it is being read.
 */
struct tcpx_hash_pos {
	unsigned int bucket;
	unsigned int offset;	/* objects of @net to skip in @bucket */
};

unsigned int tcpx_hash_batch(struct net *net, struct tcpx_hash_pos *pos,
			     struct sock_common **batch, unsigned int max);

/*
 * Call @fn for every connection and listener of @net, no lock held and not
 * under RCU, object referenced. @fn returns non-zero to stop.
 */
int tcpx_hash_walk(struct net *net,
		   int (*fn)(struct sock_common *common, void *arg), void *arg);

#endif /* _TCPX_HASH_H */
