/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that differs between IPv4 and IPv6. A tcpx socket of family AF_INET6
 * that talks to a v4-mapped address uses tcpx_ip4_mapped_ops.
 */
#ifndef _TCPX_IP_H
#define _TCPX_IP_H

#include <linux/in6.h>
#include <linux/types.h>

struct dst_entry;
struct net;
struct sk_buff;
struct sock;
struct sock_common;
struct sockaddr;
struct tcpx_request;
struct tcpx_sock;
struct tcpx_timewait;

/*
 * Addresses of a segment sent without a connection: SYN,ACK of a request,
 * ACK of TIME-WAIT, RST. Network order, ours first.
 */
struct tcpx_flow {
	struct net *net;
	int oif;		/* interface to leave by, 0: any */
	u32 mark;
	u16 family;		/* of the packet: AF_INET or AF_INET6 */
	u8 tos;			/* TOS or traffic class */
	__be16 sport;
	__be16 dport;
	__be32 flowlabel;
	union {
		struct {
			__be32 saddr4;
			__be32 daddr4;
		};
		struct {
			struct in6_addr saddr6;
			struct in6_addr daddr6;
		};
	};
};

/**
 * struct tcpx_ip_ops - one version of IP as a connection uses it
 * @family: of the packets, AF_INET or AF_INET6
 * @header_len: of the IP header without options, bytes
 * @mtu_min: no path MTU below this is believed, bytes
 * @connect: check @uaddr, route to it, set all addresses, dport and dst of
 *	@sk. Process context, socket owned. 0 or the errno of connect(2).
 *	An AF_INET6 socket given a v4-mapped address sets tcb->ip to
 *	&tcpx_ip4_mapped_ops here.
 * @route: the connection's dst, looked up again if it has become invalid;
 *	NULL when there is no route (the error is in sk->sk_err_soft).
 *	Socket owned. Sets sk_gso_max_size and sk_gso_max_segs for a new dst
 *	(tcpx_pmtu_route_changed()).
 * @xmit: send @skb, TCP header built, on the connection. Consumes @skb.
 *	Fills in the checksum (CHECKSUM_PARTIAL). Net xmit code or -errno.
 * @send_flow: send @skb, TCP header built, to @flow. @sk is the listener or
 *	the namespace's control socket; not locked. Consumes @skb. Softirq or
 *	process context with BH off. 0 or -errno.
 * @options_len: what the user's IP options or extension headers add to every
 *	packet, bytes. Socket owned.
 * @flow_mtu: path MTU towards @flow for the MSS option of a SYN,ACK, bytes.
 * @init_child: set the addresses, dst and family's data of @child, a fresh
 *	clone of @listener, from @req and the segment @skb. BH-locked child.
 */
struct tcpx_ip_ops {
	u16 family;
	u16 header_len;
	u16 mtu_min;
	int (*connect)(struct sock *sk, struct sockaddr *uaddr, int addr_len);
	struct dst_entry *(*route)(struct sock *sk);
	int (*xmit)(struct sock *sk, struct sk_buff *skb);
	int (*send_flow)(const struct sock *sk, struct sk_buff *skb,
			 const struct tcpx_flow *flow);
	u32 (*options_len)(const struct tcpx_sock *tcb);
	u32 (*flow_mtu)(const struct sock *sk, const struct tcpx_flow *flow);
	void (*init_child)(struct sock *child, const struct sock *listener,
			   const struct tcpx_request *req,
			   struct sk_buff *skb);
};

extern const struct tcpx_ip_ops tcpx_ip4_ops;
extern const struct tcpx_ip_ops tcpx_ip4_mapped_ops;
extern const struct tcpx_ip_ops tcpx_ip6_ops;

/* ip4.c and ip6.c to each other, for v4-mapped addresses. */
int tcpx_ip4_connect_addr(struct sock *sk, __be32 daddr, __be16 dport);
int tcpx_ip6_connect(struct sock *sk, struct sockaddr *uaddr, int addr_len);
void tcpx_ip6_init_mapped_child(struct sock *child);

/* Of the packet @skb, whatever the socket's family. */
const struct tcpx_ip_ops *tcpx_ip_of_skb(const struct sk_buff *skb);

/* @flow back to the sender of @skb; oif only where the scope needs it. */
void tcpx_flow_reply(struct tcpx_flow *flow, struct net *net,
		     const struct sk_buff *skb);
/* @flow of a request or TIME-WAIT block; returns its ops. */
const struct tcpx_ip_ops *tcpx_flow_of(struct tcpx_flow *flow,
				       const struct sock_common *common);

/* Keyed 4-tuple functions (RFC 6528, 6056, 7323): ip4.c and ip6.c by @sk. */
u64 tcpx_flow_secret(const struct tcpx_flow *flow);
u32 tcpx_flow_isn(u64 secret);
u32 tcpx_flow_ts_offset(u64 secret);
u64 tcpx_flow_port_offset(const struct tcpx_flow *flow);
/* The flow of a connecting or connected socket. */
void tcpx_flow_of_sock(struct tcpx_flow *flow, const struct sock *sk);

#endif /* _TCPX_IP_H */
