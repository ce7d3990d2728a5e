// SPDX-License-Identifier: GPL-2.0
/* The state table as a whole: complete, closed, and the kernel's numbers. */
#include "kselftest_harness.h"

#include <netinet/tcp.h>

#include "state.h"

struct row {
	enum tcpx_state from;
	enum tcpx_event event;
	enum tcpx_state to;
	enum tcpx_reply reply;
	const char *rfc;
};

static const struct row rows[] = {
#define TCPX_T(from, event, to, reply, rfc)				\
	{ TCPX_##from, TCPX_EV_##event, TCPX_##to, TCPX_REPLY_##reply, rfc },
#include "state_table.h"
#undef TCPX_T
};

#define ROWS	(sizeof(rows) / sizeof(rows[0]))

static enum tcpx_state next_state(unsigned int from, enum tcpx_event event)
{
	enum tcpx_reply reply;

	return tcpx_state_next(from, event, &reply);
}

static enum tcpx_reply reply_of(unsigned int from, enum tcpx_event event)
{
	enum tcpx_reply reply;

	tcpx_state_next(from, event, &reply);
	return reply;
}

TEST(values_are_the_kernels)
{
	ASSERT_EQ(TCPX_ESTABLISHED, TCP_ESTABLISHED);
	ASSERT_EQ(TCPX_SYN_SENT, TCP_SYN_SENT);
	ASSERT_EQ(TCPX_SYN_RECEIVED, TCP_SYN_RECV);
	ASSERT_EQ(TCPX_FIN_WAIT_1, TCP_FIN_WAIT1);
	ASSERT_EQ(TCPX_FIN_WAIT_2, TCP_FIN_WAIT2);
	ASSERT_EQ(TCPX_TIME_WAIT, TCP_TIME_WAIT);
	ASSERT_EQ(TCPX_CLOSED, TCP_CLOSE);
	ASSERT_EQ(TCPX_CLOSE_WAIT, TCP_CLOSE_WAIT);
	ASSERT_EQ(TCPX_LAST_ACK, TCP_LAST_ACK);
	ASSERT_EQ(TCPX_LISTEN, TCP_LISTEN);
	ASSERT_EQ(TCPX_CLOSING, TCP_CLOSING);
	ASSERT_EQ(TCPX_STATE_NR, TCP_CLOSING + 1);
}

TEST(lookup_gives_each_row)
{
	for (int i = 0; i < ROWS; i++) {
		ASSERT_EQ(next_state(rows[i].from, rows[i].event), rows[i].to);
		ASSERT_EQ(reply_of(rows[i].from, rows[i].event),
			  rows[i].reply);
	}
}

TEST(lookup_gives_nothing_else)
{
	unsigned int found = 0;

	for (unsigned int from = 0; from < 300; from++)
		for (int event = 0; event < TCPX_EVENT_NR; event++)
			found += next_state(from, event) != TCPX_STATE_NONE;
	ASSERT_EQ(found, ROWS);

	ASSERT_EQ(next_state(TCPX_ESTABLISHED, TCPX_EVENT_NR),
		  TCPX_STATE_NONE);
	ASSERT_EQ(next_state(TCPX_ESTABLISHED, -1), TCPX_STATE_NONE);
	ASSERT_EQ(reply_of(TCPX_CLOSED, TCPX_EV_RCV_FIN), TCPX_REPLY_NONE);
}

TEST(no_row_twice)
{
	for (int i = 0; i < ROWS; i++)
		for (int j = 0; j < i; j++)
			ASSERT_FALSE(rows[i].from == rows[j].from &&
				     rows[i].event == rows[j].event);
}

TEST(every_state_is_reached_and_left)
{
	unsigned int reached = TCPX_S(CLOSED), before = 0;

	while (reached != before) {
		before = reached;
		for (int i = 0; i < ROWS; i++)
			if (tcpx_state_in(rows[i].from, reached))
				reached |= 1U << rows[i].to;
	}
	ASSERT_EQ(reached, (1U << TCPX_STATE_NR) - 2);

	for (int state = 1; state < TCPX_STATE_NR; state++) {
		bool left = false;

		for (int i = 0; i < ROWS; i++)
			left |= rows[i].from == state && rows[i].to != state;
		ASSERT_TRUE(left);
	}
}

/* A connection can always be got rid of, by the user and without. */
TEST(every_state_but_closed_can_be_aborted)
{
	for (int state = 1; state < TCPX_STATE_NR; state++)
		if (state != TCPX_CLOSED)
			ASSERT_EQ(next_state(state, TCPX_EV_ABORT),
				  TCPX_CLOSED);
}

TEST(every_state_that_waits_ends_by_itself)
{
	for (int state = 1; state < TCPX_STATE_NR; state++) {
		enum tcpx_event timeout = TCPX_EV_TIMEOUT;

		if (state == TCPX_CLOSED || state == TCPX_LISTEN)
			continue;
		if (state == TCPX_TIME_WAIT)
			timeout = TCPX_EV_TIMEOUT_2MSL;
		ASSERT_EQ(next_state(state, timeout), TCPX_CLOSED);
	}
}

/* RFC 9293 3.10.5 */
TEST(abort_resets_the_peer_that_may_still_send)
{
	unsigned int resets = TCPX_S(SYN_RECEIVED) | TCPX_S(ESTABLISHED) |
		TCPX_S(FIN_WAIT_1) | TCPX_S(FIN_WAIT_2) | TCPX_S(CLOSE_WAIT);

	for (int state = 1; state < TCPX_STATE_NR; state++) {
		enum tcpx_reply want = tcpx_state_in(state, resets) ?
			TCPX_REPLY_RST : TCPX_REPLY_NONE;

		ASSERT_EQ(reply_of(state, TCPX_EV_ABORT), want);
		if (next_state(state, TCPX_EV_DISCONNECT))
			ASSERT_EQ(reply_of(state, TCPX_EV_DISCONNECT), want);
	}
}

TEST(reset_ends_all_but_time_wait)
{
	for (int state = 1; state < TCPX_STATE_NR; state++) {
		bool ends = state != TCPX_CLOSED && state != TCPX_LISTEN &&
			state != TCPX_TIME_WAIT;

		ASSERT_EQ(next_state(state, TCPX_EV_RCV_RST),
			  ends ? TCPX_CLOSED : TCPX_STATE_NONE);
		ASSERT_EQ(reply_of(state, TCPX_EV_RCV_RST), TCPX_REPLY_NONE);
	}
}

/* MUST-11 */
TEST(request_object_returns_to_listen)
{
	ASSERT_EQ(next_state(TCPX_SYN_RECEIVED, TCPX_EV_RCV_RST_PASSIVE),
		  TCPX_LISTEN);
	ASSERT_EQ(next_state(TCPX_SYN_RECEIVED, TCPX_EV_TIMEOUT_PASSIVE),
		  TCPX_LISTEN);
	ASSERT_EQ(next_state(TCPX_SYN_RECEIVED, TCPX_EV_RCV_SYN),
		  TCPX_LISTEN);
}

TEST(each_fin_is_acknowledged)
{
	for (int i = 0; i < ROWS; i++)
		if (rows[i].event == TCPX_EV_RCV_FIN)
			ASSERT_EQ(rows[i].reply, TCPX_REPLY_ACK);
}

/* Both ways through a close at the same time end in the same state. */
TEST(ack_and_fin_in_either_order)
{
	enum tcpx_state a, b;

	a = next_state(TCPX_FIN_WAIT_1, TCPX_EV_ACK_OF_FIN);
	a = next_state(a, TCPX_EV_RCV_FIN);
	b = next_state(TCPX_FIN_WAIT_1, TCPX_EV_RCV_FIN);
	b = next_state(b, TCPX_EV_ACK_OF_FIN);
	ASSERT_EQ(a, TCPX_TIME_WAIT);
	ASSERT_EQ(b, TCPX_TIME_WAIT);
}

TEST(sets)
{
	ASSERT_TRUE(tcpx_state_in(TCPX_ESTABLISHED, TCPX_SYNCHRONIZED));
	ASSERT_FALSE(tcpx_state_in(TCPX_SYN_RECEIVED, TCPX_SYNCHRONIZED));
	ASSERT_FALSE(tcpx_state_in(TCPX_CLOSED, TCPX_SYNCHRONIZED));
	for (int state = 1; state < TCPX_STATE_NR; state++) {
		/* who may send may CLOSE, who may receive may RCV_FIN */
		if (tcpx_state_in(state, TCPX_MAY_SEND))
			ASSERT_EQ(reply_of(state, TCPX_EV_CLOSE),
				  TCPX_REPLY_FIN);
		if (tcpx_state_in(state, TCPX_MAY_RECEIVE))
			ASSERT_NE(next_state(state, TCPX_EV_RCV_FIN),
				  TCPX_STATE_NONE);
	}
}

TEST(names)
{
	ASSERT_STREQ(tcpx_state_name(TCPX_FIN_WAIT_1), "FIN_WAIT_1");
	ASSERT_STREQ(tcpx_state_name(TCPX_CLOSING), "CLOSING");
	ASSERT_STREQ(tcpx_state_name(0), "NONE");
	ASSERT_STREQ(tcpx_state_name(12), "NONE");
	ASSERT_STREQ(tcpx_event_name(TCPX_EV_PASSIVE_OPEN), "PASSIVE_OPEN");
	ASSERT_STREQ(tcpx_event_name(TCPX_EV_TIMEOUT_2MSL), "TIMEOUT_2MSL");
	ASSERT_STREQ(tcpx_event_name(TCPX_EVENT_NR), "NONE");
}

TEST(rows_cite_the_rfc)
{
	for (int i = 0; i < ROWS; i++)
		ASSERT_EQ(rows[i].rfc[0], '3');
}

TEST_HARNESS_MAIN
