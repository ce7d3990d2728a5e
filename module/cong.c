// SPDX-License-Identifier: GPL-2.0
/*
 * Congestion control: the registry of algorithms, and what all of them do
 * alike on loss, timeout, undo and restart.
 */
#include "cong.h"

#include <linux/errno.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#define SEGMENT_BYTES	1460	/* RFC 6928 2: 14600 is ten of these */

/* Guards the list. An algorithm in use holds a reference on its owner. */
static DEFINE_SPINLOCK(registry_lock);
static LIST_HEAD(registry);

static struct tcpx_cong_ops *find(const char *name)
{
	struct tcpx_cong_ops *ops;

	list_for_each_entry(ops, &registry, list)
		if (!strcmp(ops->name, name))
			return ops;
	return NULL;
}

int tcpx_cong_register(struct tcpx_cong_ops *ops)
{
	bool is_rated = ops->flags & TCPX_CONG_F_RATE;
	int err = 0;

	if (!ops->name[0] || ((ops->control || ops->lost) && !is_rated) ||
	    (!ops->control && (!ops->ssthresh || !ops->acked)))
		return -EINVAL;

	spin_lock(&registry_lock);
	if (find(ops->name))
		err = -EEXIST;
	else
		list_add_tail(&ops->list, &registry);
	spin_unlock(&registry_lock);
	return err;
}
EXPORT_SYMBOL_GPL(tcpx_cong_register);

/* For the exit of @ops' owner: by then nobody holds a reference on it. */
void tcpx_cong_unregister(struct tcpx_cong_ops *ops)
{
	spin_lock(&registry_lock);
	list_del(&ops->list);
	spin_unlock(&registry_lock);
}
EXPORT_SYMBOL_GPL(tcpx_cong_unregister);

const struct tcpx_cong_ops *tcpx_cong_get(const char *name)
{
	struct tcpx_cong_ops *ops;

	spin_lock(&registry_lock);
	ops = find(name);
	if (ops && !try_module_get(ops->owner))
		ops = NULL;
	spin_unlock(&registry_lock);
	return ops;
}

/* Another reference, for a new connection; Reno when the owner is leaving. */
const struct tcpx_cong_ops *
tcpx_cong_get_again(const struct tcpx_cong_ops *ops)
{
	return try_module_get(ops->owner) ? ops : &tcpx_cong_reno;
}

void tcpx_cong_put(const struct tcpx_cong_ops *ops)
{
	module_put(ops->owner);
}

/* Write the names of all algorithms to @to, a space between; their length. */
size_t tcpx_cong_names(char *to, size_t size)
{
	const struct tcpx_cong_ops *ops;
	size_t len = 0;

	*to = '\0';
	spin_lock(&registry_lock);
	list_for_each_entry(ops, &registry, list)
		len += scnprintf(to + len, size - len, "%s%s", len ? " " : "",
				 ops->name);
	spin_unlock(&registry_lock);
	return len;
}

/* The algorithm, started and with its state; Reno while there is no memory. */
static const struct tcpx_cong_ops *started(struct tcpx_cong *cong)
{
	const struct tcpx_cong_ops *ops = cong->ops;
	size_t before = 0;
	void *block;

	if (likely(cong->started))
		return ops;
	if (ops->flags & TCPX_CONG_F_RATE)
		before = sizeof(struct tcpx_rate);
	if (ops->priv_size || before) {
		block = kzalloc(before + ops->priv_size,
				GFP_ATOMIC | __GFP_NOWARN);
		if (!block)
			return &tcpx_cong_reno;
		cong->priv = block + before;
	}
	cong->sampled = before > 0;
	cong->started = 1;
	if (ops->init)
		ops->init(cong);
	return ops;
}

/* As long as a model of the path is not there yet, Reno takes its turn. */
static const struct tcpx_cong_ops *windowed(struct tcpx_cong *cong)
{
	const struct tcpx_cong_ops *ops = started(cong);

	return ops->control ? &tcpx_cong_reno : ops;
}

/* What has not started has nothing to keep in step. */
static void tell(struct tcpx_cong *cong, enum tcpx_cong_event event)
{
	if (cong->ops->event && cong->started)
		cong->ops->event(cong, event);
}

static void stop(struct tcpx_cong *cong)
{
	if (cong->started && cong->ops->release)
		cong->ops->release(cong);
	kfree(cong->sampled ? (void *)tcpx_cong_rate(cong) : cong->priv);
	cong->started = 0;
	cong->sampled = 0;
	cong->priv = NULL;
}

/* True if the algorithm, which needs more than windows, has its state. */
bool tcpx_cong_start(struct tcpx_cong *cong)
{
	return started(cong) == cong->ops;
}

/* RFC 6928 2 for @initial_segs = 10; RFC 5681 3.1 is the same rule for 4. */
u32 tcpx_cong_initial_window(u32 smss, u32 initial_segs)
{
	return min(initial_segs * smss,
		   max(2 * smss, initial_segs * SEGMENT_BYTES));
}

/* @ssthresh 0: unlimited. @cong is zero, or was initialised before. */
void tcpx_cong_init(struct tcpx_cong *cong, const struct tcpx_cong_ops *ops,
		    u32 smss, u32 initial_segs, u32 ssthresh)
{
	if (ops->initial_segs)
		initial_segs = min(initial_segs, ops->initial_segs);
	ssthresh = ops->initial_ssthresh ?: ssthresh;
	stop(cong);
	memset(cong, 0, sizeof(*cong));
	cong->smss = smss;
	cong->cwnd = tcpx_cong_initial_window(smss, initial_segs);
	cong->ssthresh = ssthresh ?: TCPX_CONG_INFINITE;
	cong->prior_cwnd = cong->cwnd;
	cong->prior_ssthresh = cong->ssthresh;
	cong->abc_l = TCPX_CONG_ABC_L;
	cong->ops = ops;
}

void tcpx_cong_release(struct tcpx_cong *cong)
{
	if (!cong->ops)
		return;
	stop(cong);
	tcpx_cong_put(cong->ops);
	cong->ops = NULL;
}

/* The windows stay; the new algorithm takes over from here. */
void tcpx_cong_change(struct tcpx_cong *cong, const struct tcpx_cong_ops *ops)
{
	tcpx_cong_release(cong);
	cong->ops = ops;
}

/* The path MTU or the peer's MSS changed what a full-sized segment is. */
void tcpx_cong_set_smss(struct tcpx_cong *cong, u32 smss)
{
	cong->smss = smss;
	cong->cwnd = max(cong->cwnd, smss);
}

/*
 * New data was acknowledged, not in recovery. A sender that cwnd did not hold
 * back learnt nothing about the path: cwnd stays (RFC 7661 4.3).
 */
void tcpx_cong_acked(struct tcpx_cong *cong, const struct tcpx_cong_ack *ack)
{
	if (tcpx_cong_has_model(cong))
		return;
	if (ack->cwnd_limited && ack->acked)
		windowed(cong)->acked(cong, ack);
}

/* Every ACK of new data, for what an algorithm measures. */
void tcpx_cong_in_ack(struct tcpx_cong *cong, const struct tcpx_cong_ack *ack)
{
	const struct tcpx_cong_ops *ops;

	if (likely(!cong->ops->in_ack))
		return;
	ops = started(cong);
	if (ops->in_ack)
		ops->in_ack(cong, ack);
}

static void remember(struct tcpx_cong *cong)
{
	cong->prior_cwnd = cong->cwnd;
	cong->prior_ssthresh = cong->ssthresh;
	cong->acked = 0;
}

static void reduce(struct tcpx_cong *cong, u32 flight)
{
	remember(cong);
	cong->ssthresh = windowed(cong)->ssthresh(cong, flight);
}

/*
 * RFC 6675 5 step 4.2: cwnd counts what is in the network (pipe). What limited
 * transmit has sent does not count (RFC 5681 3.2): it is what exceeds cwnd.
 */
void tcpx_cong_enter_recovery(struct tcpx_cong *cong, u32 flight)
{
	if (tcpx_cong_has_model(cong)) {
		remember(cong);
	} else {
		reduce(cong, min(flight, cong->cwnd));
		cong->cwnd = cong->ssthresh;
	}
	cong->after_timeout = 0;
	tell(cong, TCPX_CONG_RECOVERY);
}

/* RFC 3168 6.1.2: as for a loss, of which there is none. */
void tcpx_cong_ecn(struct tcpx_cong *cong, u32 flight)
{
	const struct tcpx_cong_ops *ops = windowed(cong);

	remember(cong);
	if (!tcpx_cong_has_model(cong)) {
		cong->ssthresh = ops->ssthresh_ecn ?
				 ops->ssthresh_ecn(cong, flight) :
				 ops->ssthresh(cong, flight);
		cong->cwnd = min(cong->cwnd, cong->ssthresh);
	}
	cong->after_timeout = 0;
	tell(cong, TCPX_CONG_ECN);
}

/* RFC 6582 3.2 step 3, full acknowledgment: no burst of all ssthresh. */
void tcpx_cong_leave_recovery(struct tcpx_cong *cong, u32 flight)
{
	if (!tcpx_cong_has_model(cong))
		cong->cwnd = min(cong->ssthresh,
				 max_t(u32, flight, cong->smss) + cong->smss);
	tell(cong, TCPX_CONG_RECOVERED);
}

/*
 * RFC 5681 3.1: slow start again from the loss window of one segment. A
 * segment that times out @again leaves ssthresh as it is.
 */
void tcpx_cong_timeout(struct tcpx_cong *cong, u32 flight, bool again)
{
	if (!again && tcpx_cong_has_model(cong))
		remember(cong);
	else if (!again)
		reduce(cong, flight);
	cong->cwnd = cong->smss;
	cong->acked = 0;
	cong->after_timeout = 1;
	tell(cong, TCPX_CONG_TIMEOUT);
}

/*
 * All that was outstanding at the timeout is acknowledged. From here on an ACK
 * covers what was sent in the last round trip: L may be as usual (RFC 3465
 * 2.3).
 */
void tcpx_cong_leave_loss(struct tcpx_cong *cong)
{
	cong->after_timeout = 0;
	tell(cong, TCPX_CONG_RECOVERED);
}

/* RFC 4015 3.2: nothing was lost, take the last reduction back. */
void tcpx_cong_undo(struct tcpx_cong *cong)
{
	cong->cwnd = max(cong->cwnd, cong->prior_cwnd);
	cong->ssthresh = max(cong->ssthresh, cong->prior_ssthresh);
	cong->after_timeout = 0;
	tell(cong, TCPX_CONG_UNDO);
}

/* RFC 5681 4.1: after idleness for an RTO, the restart window. */
void tcpx_cong_restart(struct tcpx_cong *cong, u32 initial_segs)
{
	if (tcpx_cong_has_model(cong))
		return;
	if (cong->ops->initial_segs)
		initial_segs = min(initial_segs, cong->ops->initial_segs);
	cong->cwnd = min(cong->cwnd, tcpx_cong_initial_window(cong->smss,
							      initial_segs));
	cong->acked = 0;
	tell(cong, TCPX_CONG_RESTART);
}

/* The rest is for algorithms with a model; @cong->sampled. */

/* Sending again after it had nothing to send: the model is still good. */
void tcpx_cong_idle(struct tcpx_cong *cong)
{
	tell(cong, TCPX_CONG_RESTART);
}

void tcpx_cong_control(struct tcpx_cong *cong, const struct tcpx_cong_ack *ack)
{
	if (cong->ops->control)
		cong->ops->control(cong, ack);
}

void tcpx_cong_lost(struct tcpx_cong *cong, const struct tcpx_cong_loss *loss)
{
	if (cong->ops->lost)
		cong->ops->lost(cong, loss);
}

/* For TCP_CC_INFO: bytes of @info; @attr is the INET_DIAG_* that names it. */
size_t tcpx_cong_get_info(const struct tcpx_cong *cong, int *attr,
			  union tcp_cc_info *info)
{
	if (!cong->ops || !cong->ops->get_info || !cong->started)
		return 0;
	return cong->ops->get_info(cong, attr, info);
}
