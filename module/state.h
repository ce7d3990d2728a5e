/* SPDX-License-Identifier: GPL-2.0 */
/* The state machine of RFC 9293 3.3.2; state_table.h has its transitions. */
#ifndef _TCPX_STATE_H
#define _TCPX_STATE_H

#include <linux/types.h>

#include "wire.h"

/* X(name): in the order of the kernel's TCP_* values, which they equal. */
#define TCPX_STATES(X)							\
	X(ESTABLISHED) X(SYN_SENT) X(SYN_RECEIVED) X(FIN_WAIT_1)	\
	X(FIN_WAIT_2) X(TIME_WAIT) X(CLOSED) X(CLOSE_WAIT) X(LAST_ACK)	\
	X(LISTEN) X(CLOSING)

enum tcpx_state {
	TCPX_STATE_NONE,	/* no such transition */
#define X(name) TCPX_##name,
	TCPX_STATES(X)
#undef X
	TCPX_STATE_NR
};

/*
 * X(name, "what happened"). SYN-RECEIVED after LISTEN is a request object of
 * the listener: its end puts it back into LISTEN (MUST-11), hence the events
 * of its own, *_PASSIVE. SYN-RECEIVED after SYN-SENT is a socket.
 */
#define TCPX_EVENTS(X)							\
	X(PASSIVE_OPEN, "listen()")					\
	X(ACTIVE_OPEN, "connect()")					\
	X(RCV_SYN, "acceptable SYN")					\
	X(RCV_SYN_ACK, "acceptable SYN,ACK of our SYN")			\
	X(ACK_OF_SYN, "ACK of our SYN,ACK")				\
	X(CLOSE, "close() or shutdown(SHUT_WR)")			\
	X(RCV_FIN, "FIN in sequence")					\
	X(ACK_OF_FIN, "ACK of our FIN")					\
	X(RCV_RST, "acceptable RST")					\
	X(RCV_RST_PASSIVE, "acceptable RST for a request object")	\
	X(ABORT, "reset by the user: unread data, linger 0")		\
	X(DISCONNECT, "connect(AF_UNSPEC)")				\
	X(TIMEOUT, "retries, user timeout or FIN-WAIT-2 ran out")	\
	X(TIMEOUT_PASSIVE, "SYN,ACK retries of a request object ran out") \
	X(TIMEOUT_2MSL, "twice the maximum segment lifetime passed")

enum tcpx_event {
#define X(name, doc) TCPX_EV_##name,
	TCPX_EVENTS(X)
#undef X
	TCPX_EVENT_NR
};

/* What is sent on a transition: control bits. */
enum tcpx_reply {
	TCPX_REPLY_NONE = 0,
	TCPX_REPLY_SYN = TCPX_FLAG_SYN,
	TCPX_REPLY_SYN_ACK = TCPX_FLAG_SYN | TCPX_FLAG_ACK,
	TCPX_REPLY_ACK = TCPX_FLAG_ACK,
	TCPX_REPLY_FIN = TCPX_FLAG_FIN | TCPX_FLAG_ACK,
	TCPX_REPLY_RST = TCPX_FLAG_RST | TCPX_FLAG_ACK,
};

enum tcpx_state tcpx_state_next(unsigned int from, enum tcpx_event event,
				enum tcpx_reply *reply);
const char *tcpx_state_name(unsigned int state);
const char *tcpx_event_name(unsigned int event);

/* (1 << state) sets, for tests of several states at once. */
#define TCPX_S(name)		(1U << TCPX_##name)

/* Both sides know each other's sequence numbers, RFC 9293 3.5.2 group 3. */
#define TCPX_SYNCHRONIZED						\
	(TCPX_S(ESTABLISHED) | TCPX_S(FIN_WAIT_1) | TCPX_S(FIN_WAIT_2) | \
	 TCPX_S(CLOSE_WAIT) | TCPX_S(CLOSING) | TCPX_S(LAST_ACK) |	\
	 TCPX_S(TIME_WAIT))

/* The user may still send. */
#define TCPX_MAY_SEND		(TCPX_S(ESTABLISHED) | TCPX_S(CLOSE_WAIT))

/* The peer's FIN has not come yet, data may. */
#define TCPX_MAY_RECEIVE						\
	(TCPX_S(ESTABLISHED) | TCPX_S(FIN_WAIT_1) | TCPX_S(FIN_WAIT_2))

static inline bool tcpx_state_in(unsigned int state, unsigned int set)
{
	return (1U << state) & set;
}

#endif /* _TCPX_STATE_H */
