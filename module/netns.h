/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that is per network namespace: knobs, counters, the TIME-WAIT queue,
 * port holders and the control sockets.
 */
#ifndef _TCPX_NETNS_H
#define _TCPX_NETNS_H

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "mib.h"

struct ctl_table_header;
struct sock;
struct tcpx_cong_ops;
struct tcpx_fastopen_net;
struct tcpx_metrics_net;

/* As net.ipv4.tcp_ecn of later kernels. */
enum tcpx_ecn_knob {
	TCPX_ECN_NONE,
	TCPX_ECN_BOTH,			/* ask for it and accept it */
	TCPX_ECN_ACCEPT,
	TCPX_ECN_BOTH_ACCURATE,		/* RFC 9768, or classic if they say so */
	TCPX_ECN_BOTH_ACCEPT_ACCURATE,	/* ask for classic */
	TCPX_ECN_ACCEPT_ACCURATE,
};

/* Knobs; sysctl.c describes each. Read with READ_ONCE(), no lock. */
struct tcpx_knobs {
	int rmem[3];			/* bytes: min, default, max */
	int wmem[3];
	u8 timestamps;
	u8 sack;
	u8 window_scaling;
	u8 ecn;				/* enum tcpx_ecn_knob */
	u8 ecn_option;			/* RFC 9768 3.2.3: 1: of CE, 2: of all */
	u8 ecn_fallback;
	u8 ecn_abe;			/* RFC 8511 */
	u8 moderate_rcvbuf;
	u8 slow_start_after_idle;
	u8 abort_on_overflow;
	u8 timewait_reuse;		/* the knob tw_reuse, a macro of the kernel */
	u8 syncookies;
	u8 syn_retries;
	u8 synack_retries;
	u8 retries1;
	u8 retries2;
	u8 orphan_retries;
	u8 keepalive_probes;
	u8 reordering;			/* DupThresh, segments */
	u8 recovery;			/* TCPX_RACK_* */
	u8 early_retrans;		/* from TCPX_RACK_PROBES on: TLP */
	u8 frto;
	u8 no_metrics_save;
	u8 no_ssthresh_metrics_save;
	u8 mtu_probing;			/* 1: after a black hole, 2: always */
	int keepalive_time_s;
	int keepalive_intvl_s;
	int fin_timeout_s;
	int tw_timeout_s;
	int syn_timeout_s;
	int rto_initial_us;
	int rto_min_us;
	int rto_max_ms;
	int persist_max_ms;
	int delack_ms;
	int delack_max_ms;
	int initial_window;		/* segments */
	int initial_ssthresh;		/* bytes, 0: unlimited */
	int min_snd_mss;
	int base_mss;
	int mtu_probe_floor;
	int probe_interval_s;
	int probe_threshold;
	int max_syn_backlog;
	int max_tw_buckets;
	int max_orphans;
	int limit_output_bytes;
	int challenge_ack_limit;	/* of one connection, in the period */
	int challenge_ack_period_ms;
	int invalid_ratelimit_ms;
	unsigned int notsent_lowat;
	int fastopen;			/* TCPX_TFO_* of fastopen.h */
	int fastopen_blackhole_s;	/* 0: no pause after a black hole */
	const struct tcpx_cong_ops __rcu *cong;
};

/*
 * TIME-WAIT blocks in order of expiry (they all live equally long, so the
 * list is a queue) and the one timer that runs it. @lock guards both.
 */
struct tcpx_timewait_queue {
	spinlock_t lock;
	struct list_head blocks;
	struct hrtimer timer;
	unsigned int count;
	bool dying;
};

/* Port holders, ports.c. @lock (mutex) guards the lists and reference drops. */
struct tcpx_ports;

struct tcpx_net {
	struct tcpx_knobs knobs;
	struct tcpx_mib __percpu *mib;
	struct tcpx_timewait_queue timewait;
	struct tcpx_ports *ports;
	struct tcpx_fastopen_net *fastopen;
	struct tcpx_metrics_net *metrics;
	struct sock *ctl4;		/* sends without a connection */
	struct sock *ctl6;
	atomic_t orphans;
	atomic_t sockets;		/* sockets of this namespace */
	struct ctl_table_header *sysctl;
	struct net *net;
	bool early;			/* early.c's hooks are there */
};

extern unsigned int tcpx_net_id;

/*
 * As net_generic(), but inline, as it is wanted ten times a segment: to be not
 * preempted is a read-side section, too. It guards the array, not what it has.
 */
static inline struct tcpx_net *tcpx_net(const struct net *net)
{
	struct tcpx_net *tn;

	rcu_read_lock_sched();
	tn = rcu_dereference_sched(net->gen)->ptr[tcpx_net_id];
	rcu_read_unlock_sched();
	return tn;
}

#define TCPX_INC(net, field)	this_cpu_inc(tcpx_net(net)->mib->field)
#define TCPX_ADD(net, field, n)	this_cpu_add(tcpx_net(net)->mib->field, n)

#endif /* _TCPX_NETNS_H */
