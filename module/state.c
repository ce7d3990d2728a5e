// SPDX-License-Identifier: GPL-2.0
/* The state machine: look up a row of state_table.h. */
#include "state.h"

struct transition {
	u8 to;			/* enum tcpx_state, 0: no such row */
	u8 reply;		/* enum tcpx_reply */
};

/* A row that occurs twice fails to compile, see Kbuild. */
static const struct transition transitions[TCPX_STATE_NR][TCPX_EVENT_NR] = {
#define TCPX_T(from, event, next, answer, rfc)				\
	[TCPX_##from][TCPX_EV_##event] = {				\
		.to = TCPX_##next, .reply = TCPX_REPLY_##answer,	\
	},
#include "state_table.h"
#undef TCPX_T
};

static const char *const state_names[] = {
	"NONE",
#define X(name) #name,
	TCPX_STATES(X)
#undef X
};

static const char *const event_names[] = {
#define X(name, doc) #name,
	TCPX_EVENTS(X)
#undef X
};

/* The state after @event, or TCPX_STATE_NONE when there is no such row. */
enum tcpx_state tcpx_state_next(unsigned int from, enum tcpx_event event,
				enum tcpx_reply *reply)
{
	const struct transition *row;

	*reply = TCPX_REPLY_NONE;
	if (from >= TCPX_STATE_NR || (unsigned int)event >= TCPX_EVENT_NR)
		return TCPX_STATE_NONE;

	row = &transitions[from][event];
	*reply = row->reply;
	return row->to;
}

/* As in RFC 9293, with underscores for hyphens. */
const char *tcpx_state_name(unsigned int state)
{
	return state_names[state < TCPX_STATE_NR ? state : TCPX_STATE_NONE];
}

const char *tcpx_event_name(unsigned int event)
{
	return event < TCPX_EVENT_NR ? event_names[event] : "NONE";
}
