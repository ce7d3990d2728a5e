/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints, `tcpx:*`. All but tcpx_segment_in are hit with the socket
 * owned; tcpx_segment_in is hit before, in softirq.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tcpx

#if !defined(_TCPX_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TCPX_TRACE_H

#include <linux/ipv6.h>
#include <linux/tracepoint.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

#include "sock.h"
#include "tcpx.h"

#ifndef TCPX_TRACE_ENUMS
#define TCPX_TRACE_ENUMS
#define TCPX_TRACE_TIMERS						\
	X(RETRANSMIT) X(PERSIST) X(KEEPALIVE) X(DELACK) X(FIN_WAIT_2)
#endif

/* Let user space tools, which see numbers, know the names. */
#define X(name) TRACE_DEFINE_ENUM(TCPX_##name);
TCPX_STATES(X)
#undef X
#define X(name, doc) TRACE_DEFINE_ENUM(TCPX_EV_##name);
TCPX_EVENTS(X)
#undef X
#define X(name) TRACE_DEFINE_ENUM(TCPX_TIMER_##name);
TCPX_TRACE_TIMERS
#undef X

#define TCPX_SHOW_STATE(state)						\
	__print_symbolic(state,						\
		{ TCPX_ESTABLISHED, "ESTABLISHED" },			\
		{ TCPX_SYN_SENT, "SYN-SENT" },				\
		{ TCPX_SYN_RECEIVED, "SYN-RECEIVED" },			\
		{ TCPX_FIN_WAIT_1, "FIN-WAIT-1" },			\
		{ TCPX_FIN_WAIT_2, "FIN-WAIT-2" },			\
		{ TCPX_TIME_WAIT, "TIME-WAIT" },			\
		{ TCPX_CLOSED, "CLOSED" },				\
		{ TCPX_CLOSE_WAIT, "CLOSE-WAIT" },			\
		{ TCPX_LAST_ACK, "LAST-ACK" },				\
		{ TCPX_LISTEN, "LISTEN" },				\
		{ TCPX_CLOSING, "CLOSING" },				\
		{ TCP_NEW_SYN_RECV, "SYN-RECEIVED" })

#define TCPX_SHOW_EVENT(event)						\
	__print_symbolic(event,						\
		{ TCPX_EV_PASSIVE_OPEN, "PASSIVE_OPEN" },		\
		{ TCPX_EV_ACTIVE_OPEN, "ACTIVE_OPEN" },			\
		{ TCPX_EV_RCV_SYN, "RCV_SYN" },				\
		{ TCPX_EV_RCV_SYN_ACK, "RCV_SYN_ACK" },			\
		{ TCPX_EV_ACK_OF_SYN, "ACK_OF_SYN" },			\
		{ TCPX_EV_CLOSE, "CLOSE" },				\
		{ TCPX_EV_RCV_FIN, "RCV_FIN" },				\
		{ TCPX_EV_ACK_OF_FIN, "ACK_OF_FIN" },			\
		{ TCPX_EV_RCV_RST, "RCV_RST" },				\
		{ TCPX_EV_RCV_RST_PASSIVE, "RCV_RST_PASSIVE" },		\
		{ TCPX_EV_ABORT, "ABORT" },				\
		{ TCPX_EV_DISCONNECT, "DISCONNECT" },			\
		{ TCPX_EV_TIMEOUT, "TIMEOUT" },				\
		{ TCPX_EV_TIMEOUT_PASSIVE, "TIMEOUT_PASSIVE" },		\
		{ TCPX_EV_TIMEOUT_2MSL, "TIMEOUT_2MSL" })

#define TCPX_SHOW_TIMER(id)						\
	__print_symbolic(id,						\
		{ TCPX_TIMER_RETRANSMIT, "RETRANSMIT" },		\
		{ TCPX_TIMER_REORDER, "REORDER" },			\
		{ TCPX_TIMER_TAIL_PROBE, "TAIL_PROBE" },		\
		{ TCPX_TIMER_PACE, "PACE" },				\
		{ TCPX_TIMER_PERSIST, "PERSIST" },			\
		{ TCPX_TIMER_KEEPALIVE, "KEEPALIVE" },			\
		{ TCPX_TIMER_DELACK, "DELACK" },			\
		{ TCPX_TIMER_FIN_WAIT_2, "FIN_WAIT_2" })

#define TCPX_SHOW_FLAGS(flags)						\
	__print_flags(flags, "|",					\
		{ TCPX_FLAG_FIN, "FIN" },				\
		{ TCPX_FLAG_SYN, "SYN" },				\
		{ TCPX_FLAG_RST, "RST" },				\
		{ TCPX_FLAG_PSH, "PSH" },				\
		{ TCPX_FLAG_ACK, "ACK" },				\
		{ TCPX_FLAG_URG, "URG" },				\
		{ TCPX_FLAG_ECE, "ECE" },				\
		{ TCPX_FLAG_CWR, "CWR" },				\
		{ TCPX_FLAG_AE, "AE" })

/* Who: IPv4 addresses are shown v4-mapped. */
#define TCPX_TRACE_ID							\
	__field(const void *, skaddr)					\
	__field(__u16, family)						\
	__field(__u16, sport)						\
	__field(__u16, dport)						\
	__array(__u8, saddr, 16)					\
	__array(__u8, daddr, 16)

#define TCPX_TRACE_ASSIGN_ID(sk)					\
	do {								\
		__entry->skaddr = sk;					\
		__entry->family = (sk)->sk_family;			\
		__entry->sport = (sk)->sk_num;				\
		__entry->dport = ntohs((sk)->sk_dport);			\
		tcpx_trace_addr(__entry->saddr, sk, false);		\
		tcpx_trace_addr(__entry->daddr, sk, true);		\
	} while (0)

#define TCPX_TRACE_ID_FORMAT	"sk=%p family=%u %pI6c.%u > %pI6c.%u"
#define TCPX_TRACE_ID_ARGS						\
	__entry->skaddr, __entry->family, __entry->saddr,		\
	__entry->sport, __entry->daddr, __entry->dport

#ifndef TCPX_TRACE_FUNCS
#define TCPX_TRACE_FUNCS
static inline void tcpx_trace_addr(void *to, const struct sock *sk, bool peer)
{
	struct in6_addr *addr = to;

	if (sk->sk_family == AF_INET6)
		*addr = peer ? sk->sk_v6_daddr : sk->sk_v6_rcv_saddr;
	else
		ipv6_addr_set_v4mapped(peer ? sk->sk_daddr : sk->sk_rcv_saddr,
				       addr);
}
#endif

/* tcpx_sock_event() took a row of the state table. */
TRACE_EVENT(tcpx_state,
	TP_PROTO(const struct sock *sk, int old, int new,
		 enum tcpx_event event),
	TP_ARGS(sk, old, new, event),
	TP_STRUCT__entry(
		TCPX_TRACE_ID
		__field(__u8, old)
		__field(__u8, new)
		__field(__u8, event)
	),
	TP_fast_assign(
		TCPX_TRACE_ASSIGN_ID(sk);
		__entry->old = old;
		__entry->new = new;
		__entry->event = event;
	),
	TP_printk(TCPX_TRACE_ID_FORMAT " %s -> %s on %s", TCPX_TRACE_ID_ARGS,
		  TCPX_SHOW_STATE(__entry->old), TCPX_SHOW_STATE(__entry->new),
		  TCPX_SHOW_EVENT(__entry->event))
);

/*
 * A segment came for the connection @sk. GRO may have merged several of the
 * wire's. @wnd is not scaled.
 */
TRACE_EVENT(tcpx_segment_in,
	TP_PROTO(const struct sock *sk, const struct sk_buff *skb),
	TP_ARGS(sk, skb),
	TP_STRUCT__entry(
		TCPX_TRACE_ID
		__field(__u8, state)
		__field(__u16, flags)
		__field(__u16, wnd)
		__field(__u32, seq)
		__field(__u32, ack)
		__field(__u32, len)
	),
	TP_fast_assign(
		const struct tcpx_seg *seg = tcpx_seg(skb);

		TCPX_TRACE_ASSIGN_ID(sk);
		__entry->state = READ_ONCE(sk->sk_state);
		__entry->flags = seg->flags;
		__entry->wnd = seg->wnd;
		__entry->seq = seg->seq;
		__entry->ack = seg->ack;
		__entry->len = seg->len;
	),
	TP_printk(TCPX_TRACE_ID_FORMAT
		  " %s seq=%u ack=%u len=%u flags=%s wnd=%u",
		  TCPX_TRACE_ID_ARGS, TCPX_SHOW_STATE(__entry->state),
		  __entry->seq, __entry->ack, __entry->len,
		  TCPX_SHOW_FLAGS(__entry->flags), __entry->wnd)
);

/*
 * A segment goes to IP; @len is its payload, the wire may see several of it.
 * @wnd is the offered window in bytes.
 */
TRACE_EVENT(tcpx_segment_out,
	TP_PROTO(const struct sock *sk, const struct sk_buff *skb, u32 seq,
		 u16 flags, u32 len),
	TP_ARGS(sk, skb, seq, flags, len),
	TP_STRUCT__entry(
		TCPX_TRACE_ID
		__field(__u8, state)
		__field(__u16, flags)
		__field(__u16, gso_size)
		__field(__u32, wnd)
		__field(__u32, seq)
		__field(__u32, ack)
		__field(__u32, len)
	),
	TP_fast_assign(
		TCPX_TRACE_ASSIGN_ID(sk);
		__entry->state = sk->sk_state;
		__entry->flags = flags;
		__entry->gso_size = skb_shinfo(skb)->gso_size;
		__entry->wnd = tcpx_sk(sk)->rcv.wnd;
		__entry->seq = seq;
		__entry->ack = tcpx_sk(sk)->rcv.nxt;
		__entry->len = len;
	),
	TP_printk(TCPX_TRACE_ID_FORMAT
		  " %s seq=%u ack=%u len=%u flags=%s wnd=%u gso_size=%u",
		  TCPX_TRACE_ID_ARGS, TCPX_SHOW_STATE(__entry->state),
		  __entry->seq, __entry->ack, __entry->len,
		  TCPX_SHOW_FLAGS(__entry->flags), __entry->wnd,
		  __entry->gso_size)
);

/* The queued @skb, or its beginning, is about to be sent again. */
TRACE_EVENT(tcpx_retransmit,
	TP_PROTO(const struct sock *sk, const struct sk_buff *skb),
	TP_ARGS(sk, skb),
	TP_STRUCT__entry(
		TCPX_TRACE_ID
		__field(__u8, state)
		__field(__u8, recovery)
		__field(__u8, backoff)
		__field(__u32, seq)
		__field(__u32, end_seq)
		__field(__u32, cwnd)
		__field(__u32, ssthresh)
	),
	TP_fast_assign(
		const struct tcpx_sock *tcb = tcpx_sk(sk);

		TCPX_TRACE_ASSIGN_ID(sk);
		__entry->state = sk->sk_state;
		__entry->recovery = tcb->recovery.state;
		__entry->backoff = tcb->rtt.backoff;
		__entry->seq = tcpx_tx_cb(skb)->seq;
		__entry->end_seq = tcpx_tx_cb(skb)->end_seq;
		__entry->cwnd = tcb->cong.cwnd;
		__entry->ssthresh = tcb->cong.ssthresh;
	),
	TP_printk(TCPX_TRACE_ID_FORMAT
		  " %s seq=%u end_seq=%u recovery=%u backoff=%u cwnd=%u ssthresh=%u",
		  TCPX_TRACE_ID_ARGS, TCPX_SHOW_STATE(__entry->state),
		  __entry->seq, __entry->end_seq, __entry->recovery,
		  __entry->backoff, __entry->cwnd, __entry->ssthresh)
);

TRACE_EVENT(tcpx_timer_arm,
	TP_PROTO(const struct sock *sk, enum tcpx_timer_id id, u64 delay_ns),
	TP_ARGS(sk, id, delay_ns),
	TP_STRUCT__entry(
		TCPX_TRACE_ID
		__field(__u8, id)
		__field(__u64, delay_ns)
	),
	TP_fast_assign(
		TCPX_TRACE_ASSIGN_ID(sk);
		__entry->id = id;
		__entry->delay_ns = delay_ns;
	),
	TP_printk(TCPX_TRACE_ID_FORMAT " %s in %llu ns", TCPX_TRACE_ID_ARGS,
		  TCPX_SHOW_TIMER(__entry->id), __entry->delay_ns)
);

/* A deadline passed and its handler runs. */
TRACE_EVENT(tcpx_timer_expire,
	TP_PROTO(const struct sock *sk, enum tcpx_timer_id id),
	TP_ARGS(sk, id),
	TP_STRUCT__entry(
		TCPX_TRACE_ID
		__field(__u8, id)
		__field(__u8, state)
	),
	TP_fast_assign(
		TCPX_TRACE_ASSIGN_ID(sk);
		__entry->id = id;
		__entry->state = sk->sk_state;
	),
	TP_printk(TCPX_TRACE_ID_FORMAT " %s in %s", TCPX_TRACE_ID_ARGS,
		  TCPX_SHOW_TIMER(__entry->id), TCPX_SHOW_STATE(__entry->state))
);

#endif /* _TCPX_TRACE_H */

/* Found by -I$(src)/module, as the build passes for trace.o. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
