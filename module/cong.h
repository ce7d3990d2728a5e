/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Congestion control: what an algorithm is given, what it answers, and the
 * list of algorithms. Windows are in bytes.
 */
#ifndef _TCPX_CONG_H
#define _TCPX_CONG_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/types.h>

struct module;
struct tcpx_cong_ops;
union tcp_cc_info;

#define TCPX_CONG_NAME_MAX	16	/* with the NUL, as TCP_CA_NAME_MAX */
#define TCPX_CONG_INFINITE	0x7fffffffU	/* ssthresh: unlimited */
#define TCPX_CONG_ABC_L		2	/* RFC 3465 2.2, segments */
#define TCPX_CONG_CWND_MAX	(1U << 30)	/* the largest window there is */

/* One connection's state; guarded by the socket lock. */
struct tcpx_cong {
	const struct tcpx_cong_ops *ops;
	void *priv;		/* the algorithm's own, NULL: not needed yet */
	u32 cwnd;
	u32 ssthresh;
	u32 acked;		/* of the present round, RFC 3465 2.1 */
	u32 prior_cwnd;		/* before the last reduction, for undo */
	u32 prior_ssthresh;
	u16 smss;		/* SMSS: our full-sized segment */
	u8 abc_l;		/* RFC 3465's L in segments, 0: no limit */
	u8 after_timeout:1;	/* slow start after a timeout: L is 1 */
	u8 started:1;		/* ops->init was called */
	u8 sampled:1;		/* there is a &struct tcpx_rate before @priv */
	u8 abe:1;		/* RFC 8511: ECN reduces by less than a loss */
};

/*
 * Delivery rate sampling of one connection, for algorithms that ask for it:
 * draft-ietf-ccwg-bbr 4.1, rate.c. The counters wrap; times are those of
 * tcpx_rate_clock().
 */
struct tcpx_rate {
	u64 pacing_rate;	/* bytes/s, set by the algorithm; 0: not yet */
	u64 next_ns;		/* internal pacing: when the next may leave */
	u64 latest;		/* the last sample, bytes/s: TCP_INFO */
	u32 delivered;		/* C.delivered, bytes */
	u32 delivered_at;	/* C.delivered_time */
	u32 first_sent_at;	/* C.first_send_time */
	u32 app_limited;	/* C.app_limited: valid if has_ */
	u32 lost;		/* C.lost, bytes */
	bool has_app_limited;
	bool latest_app_limited;
};

/* draft-ietf-ccwg-bbr 4.1.2.3: the rate at which the path delivers. */
struct tcpx_cong_sample {
	u64 rate;		/* RS.delivery_rate, bytes/s; 0: no sample */
	u32 delivered;		/* RS.delivered, bytes in the interval */
	u32 prior_delivered;	/* RS.prior_delivered */
	u32 tx_in_flight;	/* RS.tx_in_flight, bytes */
	u32 lost;		/* RS.lost, bytes */
	bool is_app_limited;	/* RS.is_app_limited */
	bool is_valid;		/* something that was sampled was delivered */
};

/* Something is lost: what was noted when it was sent. */
struct tcpx_cong_loss {
	u64 now_ns;
	u32 seq, end_seq;
	u32 tx_in_flight;	/* bytes, with it */
	u32 lost;		/* bytes since, with it */
	bool is_app_limited;
};

/* What one ACK of new data told. */
struct tcpx_cong_ack {
	u64 now_ns;
	s64 rtt_us;		/* sample of this ACK, -1: none */
	u32 srtt_us;
	u32 una, nxt;		/* SND.UNA after this ACK, SND.NXT */
	u32 acked;		/* bytes newly acknowledged or SACKed */
	u32 flight;		/* FlightSize before this ACK */
	u32 marked;		/* of @acked, as far as is known, with CE */
	bool cwnd_limited;	/* cwnd was what held the sender back */
	bool ece;		/* the peer has echoed CE */
	bool accurate_ecn;	/* @marked is the peer's count: RFC 9768 */

	/* For @control only. */
	u32 delivered;		/* bytes newly acknowledged or SACKed */
	u32 in_flight;		/* pipe after this ACK */
	struct tcpx_cong_sample sample;
};

enum tcpx_cong_event {
	TCPX_CONG_RECOVERY,	/* loss found by ACKs: cwnd was reduced */
	TCPX_CONG_ECN,		/* told by ECN: cwnd was reduced */
	TCPX_CONG_TIMEOUT,	/* retransmission timeout: cwnd is 1 SMSS */
	TCPX_CONG_RECOVERED,	/* all that was sent before is acknowledged */
	TCPX_CONG_UNDO,		/* the last reduction was spurious, undone */
	TCPX_CONG_RESTART,	/* sending again after idleness */
};

/**
 * struct tcpx_cong_ops - a congestion control algorithm
 * @name: what TCP_CONGESTION calls it
 * @owner: module that must stay while a connection uses it, NULL: tcpx
 * @flags: TCPX_CONG_F_*
 * @priv_size: bytes of @priv in &struct tcpx_cong, 0: none. They are there,
 *	zero, from the first ACK that may raise cwnd or the first reduction on;
 *	idle connections have none. Without memory for them Reno takes its turn.
 * @initial_segs: segments of the initial window, 0: as the knob says
 * @initial_ssthresh: bytes, 0: as the knob says
 * @list: registry's
 * @init: optional; start on a connection, which may have sent already: before
 *	the first call of another, when @priv is there
 * @release: optional; after @init, the connection closes or changes its
 *	algorithm; @priv is freed then
 * @ssthresh: the new ssthresh after a loss with @flight bytes outstanding
 * @ssthresh_ecn: optional; the same where ECN tells of congestion
 * @acked: new data was acknowledged outside recovery: raise cwnd
 * @in_ack: optional; told of each ACK of new data, in whatever state, before
 *	anything else
 * @event: optional; told after cwnd and ssthresh were set
 * @control: optional, needs TCPX_CONG_F_RATE; told of each ACK at last: set
 *	cwnd and the pacing rate. Nothing else does then: @ssthresh, @acked and
 *	the window of recovery are not used, and the events but
 *	TCPX_CONG_TIMEOUT leave cwnd as it is
 * @lost: optional, needs TCPX_CONG_F_RATE; something was found lost
 * @get_info: optional; what TCP_CC_INFO tells: fill the union, return
 *	the size and the INET_DIAG_* attribute that names it
 *
 * All are called with the socket lock and must not sleep; none may be reached
 * from anywhere but cong.c.
 */
struct tcpx_cong_ops {
	char name[TCPX_CONG_NAME_MAX];
	struct module *owner;
	unsigned int flags;
	u32 priv_size;
	u32 initial_segs;
	u32 initial_ssthresh;
	struct list_head list;

	void (*init)(struct tcpx_cong *cong);
	void (*release)(struct tcpx_cong *cong);
	u32 (*ssthresh)(struct tcpx_cong *cong, u32 flight);
	u32 (*ssthresh_ecn)(struct tcpx_cong *cong, u32 flight);
	void (*acked)(struct tcpx_cong *cong, const struct tcpx_cong_ack *ack);
	void (*in_ack)(struct tcpx_cong *cong, const struct tcpx_cong_ack *ack);
	void (*event)(struct tcpx_cong *cong, enum tcpx_cong_event event);
	void (*control)(struct tcpx_cong *cong, const struct tcpx_cong_ack *ack);
	void (*lost)(struct tcpx_cong *cong, const struct tcpx_cong_loss *loss);
	size_t (*get_info)(const struct tcpx_cong *cong, int *attr,
			   union tcp_cc_info *info);
};

#define TCPX_CONG_F_RESTRICTED	0x1	/* needs CAP_NET_ADMIN to be chosen */
#define TCPX_CONG_F_ECN		0x2	/* asks for ECN whatever the knob says */
#define TCPX_CONG_F_EXACT_ECHO	0x4	/* ECE on ACKs of CE: RFC 8257 3.2 */
#define TCPX_CONG_F_RATE	0x8	/* wants rate samples, sets pacing_rate */
#define TCPX_CONG_F_ACCURATE_ECN 0x10	/* scalable: RFC 9331, with RFC 9768 */

/* The registry. get takes a reference on the owner, put drops it. */
int tcpx_cong_register(struct tcpx_cong_ops *ops);
void tcpx_cong_unregister(struct tcpx_cong_ops *ops);
const struct tcpx_cong_ops *tcpx_cong_get(const char *name);
const struct tcpx_cong_ops *tcpx_cong_get_again(const struct tcpx_cong_ops *ops);
void tcpx_cong_put(const struct tcpx_cong_ops *ops);
size_t tcpx_cong_names(char *to, size_t size);

/* One connection. init takes over the caller's reference on @ops. */
void tcpx_cong_init(struct tcpx_cong *cong, const struct tcpx_cong_ops *ops,
		    u32 smss, u32 initial_segs, u32 ssthresh);
void tcpx_cong_release(struct tcpx_cong *cong);
void tcpx_cong_change(struct tcpx_cong *cong, const struct tcpx_cong_ops *ops);
void tcpx_cong_set_smss(struct tcpx_cong *cong, u32 smss);
void tcpx_cong_in_ack(struct tcpx_cong *cong, const struct tcpx_cong_ack *ack);
void tcpx_cong_acked(struct tcpx_cong *cong, const struct tcpx_cong_ack *ack);
void tcpx_cong_enter_recovery(struct tcpx_cong *cong, u32 flight);
void tcpx_cong_ecn(struct tcpx_cong *cong, u32 flight);
void tcpx_cong_leave_recovery(struct tcpx_cong *cong, u32 flight);
void tcpx_cong_leave_loss(struct tcpx_cong *cong);
void tcpx_cong_timeout(struct tcpx_cong *cong, u32 flight, bool again);
void tcpx_cong_undo(struct tcpx_cong *cong);
void tcpx_cong_restart(struct tcpx_cong *cong, u32 initial_segs);
bool tcpx_cong_start(struct tcpx_cong *cong);
void tcpx_cong_idle(struct tcpx_cong *cong);
void tcpx_cong_control(struct tcpx_cong *cong, const struct tcpx_cong_ack *ack);
void tcpx_cong_lost(struct tcpx_cong *cong, const struct tcpx_cong_loss *loss);
size_t tcpx_cong_get_info(const struct tcpx_cong *cong, int *attr,
			  union tcp_cc_info *info);
u32 tcpx_cong_initial_window(u32 smss, u32 initial_segs);

/* cwnd and a pacing rate come from a model of the path, not from events. */
static inline bool tcpx_cong_has_model(const struct tcpx_cong *cong)
{
	return unlikely(cong->sampled) && cong->ops->control;
}

/* If @cong->sampled. */
static inline struct tcpx_rate *tcpx_cong_rate(const struct tcpx_cong *cong)
{
	return (struct tcpx_rate *)cong->priv - 1;
}

static inline bool tcpx_cong_in_slow_start(const struct tcpx_cong *cong)
{
	return cong->cwnd < cong->ssthresh;
}

extern struct tcpx_cong_ops tcpx_cong_bbr;
extern struct tcpx_cong_ops tcpx_cong_classic;
extern struct tcpx_cong_ops tcpx_cong_cubic;
extern struct tcpx_cong_ops tcpx_cong_dctcp;
extern struct tcpx_cong_ops tcpx_cong_prague;

/* cong_dctcp.c: which part of the data was marked. */
struct tcpx_cong_marks {
	u32 alpha;		/* average of that, of TCPX_CONG_ALPHA_MAX */
	u32 acked;		/* bytes since it was last updated */
	u32 marked;		/* of them */
};

#define TCPX_CONG_ALPHA_MAX	1024U

void tcpx_cong_marks_update(struct tcpx_cong_marks *marks);
u32 tcpx_cong_marks_reduce(const struct tcpx_cong *cong,
			   const struct tcpx_cong_marks *marks);
size_t tcpx_cong_marks_info(const struct tcpx_cong_marks *marks, bool enabled,
			    int *attr, union tcp_cc_info *info);

/* cong_reno.c */
extern struct tcpx_cong_ops tcpx_cong_reno;
u32 tcpx_cong_reno_ssthresh(struct tcpx_cong *cong, u32 flight);
u32 tcpx_cong_slow_start(struct tcpx_cong *cong, u32 acked);
void tcpx_cong_avoid(struct tcpx_cong *cong, u32 acked);
void tcpx_cong_reno_acked(struct tcpx_cong *cong,
			  const struct tcpx_cong_ack *ack);

#endif /* _TCPX_CONG_H */
