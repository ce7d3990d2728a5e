// SPDX-License-Identifier: GPL-2.0
/*
 * Half-open connections of a listener: their queue, and the timer that sends
 * their SYN,ACKs again.
 */
#include "listen.h"
#include "hash.h"
#include "tcpx.h"

#include <linux/rculist_nulls.h>
#include <linux/slab.h>

#define YOUNG_RETRIES	2	/* at least, however full the queue is */
#define YOUNG_MIN	8	/* requests that don't make a queue full */
#define TIMER_SLACK_NS	NSEC_PER_MSEC

static struct kmem_cache *request_cache;

static struct sock *listener_of(const struct tcpx_request *req)
{
	return req->common.skc_listener;
}

static const struct tcpx_knobs *knobs_of(const struct tcpx_listen *l)
{
	return &tcpx_net(sock_net(l->sk))->knobs;
}

int tcpx_request_init(void)
{
	request_cache = kmem_cache_create("tcpx_request",
					  sizeof(struct tcpx_request), 0,
					  SLAB_TYPESAFE_BY_RCU | SLAB_ACCOUNT,
					  NULL);
	return request_cache ? 0 : -ENOMEM;
}

void tcpx_request_exit(void)
{
	kmem_cache_destroy(request_cache);
}

struct tcpx_request *tcpx_request_alloc(void)
{
	return kmem_cache_alloc(request_cache, GFP_ATOMIC | __GFP_NOWARN);
}

void tcpx_request_put(struct tcpx_request *req)
{
	if (!refcount_dec_and_test(&req->common.skc_refcnt))
		return;
	sock_put(listener_of(req));
	kmem_cache_free(request_cache, req);
}

/* --- the queue ----------------------------------------------------------- */

/*
 * The queue has no reference of its own, the table's stands for it: what has
 * left the table meanwhile must not come here, and what leaves it does so
 * before it leaves the queue.
 */
void tcpx_request_enqueue(struct tcpx_listen *l, struct tcpx_request *req)
{
	u64 gap_ns = (u64)READ_ONCE(knobs_of(l)->rto_initial_us) *
		     NSEC_PER_USEC << req->retries;

	lockdep_assert_held(&l->lock);
	if (hlist_nulls_unhashed_lockless(&req->common.skc_nulls_node))
		return;
	req->deadline_ns = ktime_get_ns() + gap_ns;
	list_add_tail(&req->node, &l->requests[req->retries]);
	req->queued = 1;
	l->nr_requests++;
	l->nr_young += !req->retries;
	if (req->deadline_ns < l->armed_ns) {
		l->armed_ns = req->deadline_ns;
		hrtimer_start_range_ns(&l->timer, ns_to_ktime(l->armed_ns),
				       TIMER_SLACK_NS, HRTIMER_MODE_ABS_SOFT);
	}
}

void tcpx_request_dequeue(struct tcpx_listen *l, struct tcpx_request *req)
{
	lockdep_assert_held(&l->lock);
	if (!req->queued)
		return;
	list_del(&req->node);
	req->queued = 0;
	l->nr_requests--;
	l->nr_young -= !req->retries;
}

/* Whoever takes it out of the table drops the table's reference. */
bool tcpx_request_remove(struct tcpx_request *req)
{
	struct tcpx_listen *l = tcpx_sk(listener_of(req))->listen;

	if (!tcpx_hash_remove(&req->common))
		return false;
	spin_lock_bh(&l->lock);
	tcpx_request_dequeue(l, req);
	spin_unlock_bh(&l->lock);
	tcpx_request_put(req);
	return true;
}

void tcpx_request_failed(struct tcpx_request *req)
{
	if (tcpx_request_remove(req))
		TCPX_INC(sock_net(listener_of(req)), AttemptFails);
}

/* A request whose SYN,ACK is due, with a reference, off its list. */
static struct tcpx_request *take_due(struct tcpx_listen *l, u64 now)
{
	struct tcpx_request *req;
	int i;

	lockdep_assert_held(&l->lock);
	for (i = 0; i < ARRAY_SIZE(l->requests); i++) {
		req = list_first_entry_or_null(&l->requests[i],
					       struct tcpx_request, node);
		if (req && req->deadline_ns <= now) {
			refcount_inc(&req->common.skc_refcnt);
			tcpx_request_dequeue(l, req);
			return req;
		}
	}
	return NULL;
}

/* Process context; the timer is stopped. */
void tcpx_request_drop_all(struct tcpx_listen *l)
{
	struct tcpx_request *req;

	local_bh_disable();
	spin_lock(&l->lock);
	while ((req = take_due(l, U64_MAX))) {
		spin_unlock(&l->lock);
		tcpx_request_remove(req);
		tcpx_request_put(req);
		spin_lock(&l->lock);
	}
	spin_unlock(&l->lock);
	local_bh_enable();
}

/* --- the timer ----------------------------------------------------------- */

/*
 * Half of the queue is for the young, as in native: most honest clients answer
 * within a second. What has become old goes the earlier the fewer young there
 * are. Called locklessly, for an estimate.
 */
static u8 retries_allowed(const struct tcpx_listen *l)
{
	u8 most = min_t(u8, READ_ONCE(knobs_of(l)->synack_retries),
			TCPX_SYNACK_RETRIES_MAX);
	u32 backlog = READ_ONCE(l->sk->sk_max_ack_backlog);
	u32 nr = READ_ONCE(l->nr_requests);
	u32 young = READ_ONCE(l->nr_young);

	if (2 * nr <= max_t(u32, backlog, YOUNG_MIN))
		return most;
	for (young *= 2; most > YOUNG_RETRIES && young <= nr; young *= 2)
		most--;
	return most;
}

/* The next of the ladder, RFC 9293 3.8.3 (MUST-22), or the end of it. */
static void retransmit_syn_ack(struct tcpx_listen *l, struct tcpx_request *req)
{
	bool dead;

	if (req->retries >= retries_allowed(l)) {
		tcpx_request_failed(req);
		return;
	}
	req->retries++;
	spin_lock(&l->lock);
	dead = l->dead;
	if (!dead)
		tcpx_request_enqueue(l, req);
	spin_unlock(&l->lock);
	if (dead) {
		/* Off its list, it is not seen by tcpx_request_drop_all(). */
		tcpx_request_remove(req);
		return;
	}
	TCPX_INC(sock_net(l->sk), SynRetrans);
	TCPX_INC(sock_net(l->sk), RetransSegs);
	tcpx_xmit_syn_ack(req, false);
}

static void arm(struct tcpx_listen *l)
{
	struct tcpx_request *req;
	int i;

	lockdep_assert_held(&l->lock);
	l->armed_ns = TCPX_NEVER;
	for (i = 0; i < ARRAY_SIZE(l->requests); i++) {
		req = list_first_entry_or_null(&l->requests[i],
					       struct tcpx_request, node);
		if (req)
			l->armed_ns = min(l->armed_ns, req->deadline_ns);
	}
	if (l->armed_ns != TCPX_NEVER && !l->dead)
		hrtimer_start_range_ns(&l->timer, ns_to_ktime(l->armed_ns),
				       TIMER_SLACK_NS, HRTIMER_MODE_ABS_SOFT);
}

static enum hrtimer_restart tcpx_request_expire(struct hrtimer *timer)
{
	struct tcpx_listen *l = container_of(timer, struct tcpx_listen, timer);
	u64 now = ktime_get_ns();
	struct tcpx_request *req;

	spin_lock(&l->lock);
	while (!l->dead && (req = take_due(l, now))) {
		spin_unlock(&l->lock);
		retransmit_syn_ack(l, req);
		tcpx_request_put(req);
		spin_lock(&l->lock);
	}
	arm(l);
	spin_unlock(&l->lock);
	return HRTIMER_NORESTART;
}

void tcpx_request_init_queue(struct tcpx_listen *l)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(l->requests); i++)
		INIT_LIST_HEAD(&l->requests[i]);
	hrtimer_setup(&l->timer, tcpx_request_expire, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_SOFT);
}
