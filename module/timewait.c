// SPDX-License-Identifier: GPL-2.0
/*
 * TIME-WAIT, RFC 9293 3.10.7.4 and 3.6.1: a small block in place of the socket
 * for 2 MSL (knob tw_timeout). The blocks of a namespace are in one queue in
 * order of expiry that one hrtimer runs.
 *
 * Deviation: a RST does not end TIME-WAIT (RFC 1337).
 */
#include "timewait.h"
#include "hash.h"
#include "ip.h"
#include "listen.h"
#include "ports.h"
#include "tcpx.h"
#include "trace.h"

#include <linux/slab.h>
#include <net/inet_ecn.h>

#define EXPIRE_BATCH	256
#define EXPIRE_SLACK_NS	NSEC_PER_MSEC

static struct kmem_cache *timewait_cache;

static struct net *net_of(const struct tcpx_timewait *tw)
{
	return read_pnet(&tw->common.skc_net);
}

void tcpx_timewait_put(struct tcpx_timewait *tw)
{
	if (!refcount_dec_and_test(&tw->common.skc_refcnt))
		return;
	if (tw->port)
		tcpx_port_put(tw->port);
	tcpx_demux_put();
	kmem_cache_free(timewait_cache, tw);
}

/* --- the queue ----------------------------------------------------------- */

static struct list_head *node_of(struct tcpx_timewait *tw)
{
	BUILD_BUG_ON(sizeof(struct list_head) !=
		     sizeof(tw->common.skc_bind_node));
	return (struct list_head *)&tw->common.skc_bind_node;
}

static struct tcpx_timewait *block_of(struct list_head *node)
{
	return container_of((struct hlist_node *)node, struct tcpx_timewait,
			    common.skc_bind_node);
}

static struct tcpx_timewait *first_of(struct tcpx_timewait_queue *queue)
{
	lockdep_assert_held(&queue->lock);
	return list_empty(&queue->blocks) ? NULL : block_of(queue->blocks.next);
}

static void arm(struct tcpx_timewait_queue *queue)
{
	struct tcpx_timewait *first = first_of(queue);
	u64 now = ktime_get_ns();
	u64 when;

	if (!first || queue->dying)
		return;
	when = now + tcpx_timewait_left_ms(first, tcpx_ts_of(now)) *
		     (u64)NSEC_PER_MSEC;
	hrtimer_start_range_ns(&queue->timer, ns_to_ktime(when),
			       EXPIRE_SLACK_NS, HRTIMER_MODE_ABS_SOFT);
}

/* All live equally long, unless the knob moved: then look from behind. */
static void enqueue(struct tcpx_timewait_queue *queue, struct tcpx_timewait *tw)
{
	struct list_head *after = queue->blocks.prev;

	while (after != &queue->blocks &&
	       tcpx_ts_before(tw->deadline_ms, block_of(after)->deadline_ms))
		after = after->prev;
	list_add(node_of(tw), after);
	queue->count++;
	if (after == &queue->blocks)
		arm(queue);
}

static void dequeue(struct tcpx_timewait_queue *queue, struct tcpx_timewait *tw)
{
	lockdep_assert_held(&queue->lock);
	if (list_empty(node_of(tw)))
		return;
	list_del_init(node_of(tw));
	queue->count--;
}

/* Not earlier than that: the clock's present tick has begun before. */
static u32 deadline(const struct net *net)
{
	return tcpx_ts_clock() + 1 +
	       READ_ONCE(tcpx_net(net)->knobs.tw_timeout_s) * MSEC_PER_SEC;
}

/* Whoever takes it out of the table drops the table's reference. */
static bool leave(struct tcpx_timewait *tw)
{
	struct tcpx_timewait_queue *queue = &tcpx_net(net_of(tw))->timewait;

	spin_lock_bh(&queue->lock);
	dequeue(queue, tw);
	spin_unlock_bh(&queue->lock);
	if (!tcpx_hash_remove(&tw->common))
		return false;
	tcpx_timewait_put(tw);
	return true;
}

static void restart(struct tcpx_timewait *tw)
{
	struct tcpx_timewait_queue *queue = &tcpx_net(net_of(tw))->timewait;

	spin_lock_bh(&queue->lock);
	if (!list_empty(node_of(tw))) {
		dequeue(queue, tw);
		WRITE_ONCE(tw->deadline_ms, deadline(net_of(tw)));
		enqueue(queue, tw);
	}
	spin_unlock_bh(&queue->lock);
}

/* The first block if it is due or @all are, with a reference. */
static struct tcpx_timewait *take_expired(struct tcpx_timewait_queue *queue,
					  u32 now_ms, bool all)
{
	struct tcpx_timewait *tw;

	spin_lock(&queue->lock);
	tw = first_of(queue);
	if (tw && (all || !tcpx_timewait_left_ms(tw, now_ms)))
		refcount_inc(&tw->common.skc_refcnt);
	else
		tw = NULL;
	spin_unlock(&queue->lock);
	return tw;
}

static enum hrtimer_restart tcpx_timewait_expire(struct hrtimer *timer)
{
	struct tcpx_timewait_queue *queue =
		container_of(timer, struct tcpx_timewait_queue, timer);
	u32 now_ms = tcpx_ts_clock();
	struct tcpx_timewait *tw;
	int i;

	for (i = 0; i < EXPIRE_BATCH; i++) {
		tw = take_expired(queue, now_ms, false);
		if (!tw)
			break;
		if (leave(tw))
			TCPX_INC(net_of(tw), TW);
		tcpx_timewait_put(tw);
	}
	spin_lock(&queue->lock);
	arm(queue);
	spin_unlock(&queue->lock);
	return HRTIMER_NORESTART;
}

void tcpx_timewait_init_net(struct net *net)
{
	struct tcpx_timewait_queue *queue = &tcpx_net(net)->timewait;

	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->blocks);
	hrtimer_setup(&queue->timer, tcpx_timewait_expire, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_SOFT);
}

/* The namespace goes: nobody sends or opens in it any more. */
void tcpx_timewait_purge_net(struct net *net)
{
	struct tcpx_timewait_queue *queue = &tcpx_net(net)->timewait;
	struct tcpx_timewait *tw;

	spin_lock_bh(&queue->lock);
	queue->dying = true;
	spin_unlock_bh(&queue->lock);
	/* Wait for the handler; it does not arm again. */
	hrtimer_cancel(&queue->timer);

	local_bh_disable();
	while ((tw = take_expired(queue, 0, true))) {
		leave(tw);
		tcpx_timewait_put(tw);
	}
	local_bh_enable();
}

int tcpx_timewait_init(void)
{
	timewait_cache = kmem_cache_create("tcpx_timewait",
					   sizeof(struct tcpx_timewait), 0,
					   SLAB_TYPESAFE_BY_RCU | SLAB_ACCOUNT,
					   NULL);
	return timewait_cache ? 0 : -ENOMEM;
}

void tcpx_timewait_exit(void)
{
	kmem_cache_destroy(timewait_cache);
}

/* --- entering ------------------------------------------------------------ */

static void copy_key(struct sock_common *to, const struct sock_common *from)
{
	to->skc_addrpair = from->skc_addrpair;
	to->skc_hash = from->skc_hash;
	to->skc_portpair = from->skc_portpair;
	to->skc_family = from->skc_family;
	to->skc_bound_dev_if = from->skc_bound_dev_if;
	to->skc_ipv6only = from->skc_ipv6only;
	to->skc_prot = from->skc_prot;
	to->skc_net = from->skc_net;
#if IS_ENABLED(CONFIG_IPV6)
	to->skc_v6_daddr = from->skc_v6_daddr;
	to->skc_v6_rcv_saddr = from->skc_v6_rcv_saddr;
#endif
}

static struct tcpx_timewait *create(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct tcpx_timewait *tw;

	tw = kmem_cache_alloc(timewait_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!tw)
		return NULL;
	copy_key(&tw->common, &sk->__sk_common);
	atomic64_set(&tw->common.skc_cookie, 0);
	tw->common.skc_state = TCP_TIME_WAIT;
	tw->common.skc_flags = 0;
	tw->common.skc_nulls_node.pprev = NULL;
	INIT_LIST_HEAD(node_of(tw));
	tw->port = tcb->port ? tcpx_port_get(tcb->port) : NULL;
	tw->common.skc_tw_snd_nxt = tcb->snd.nxt;
	tw->snd_max_wnd = tcb->snd.max_wnd;
	tw->common.skc_tw_rcv_nxt = tcb->rcv.nxt;
	tw->rcv_wscale = tcb->rcv.wscale;
	tw->rcv_wnd = min_t(u32, tcpx_receive_window(tcb) >> tw->rcv_wscale,
			    TCPX_WINDOW_MAX);
	tw->ts_recent = tcb->rcv.ts_recent;
	tw->ts_recent_s = tcb->rcv.ts_recent_s;
	tw->ts_offset = tcb->snd.ts_offset;
	tw->ts_ok = tcb->rcv.ts_ok;
	tw->ace = tcb->rcv.ecn & TCPX_ECN_ACCURATE ? tcpx_accecn_ace(tcb) : 0;
	tw->mark = READ_ONCE(sk->sk_mark);
	tw->tos = inet_sk(sk)->tos;
	tw->ack_limit_ms = 0;
#if IS_ENABLED(CONFIG_IPV6)
	if (tcb->ip == &tcpx_ip6_ops)
		tw->tos = inet6_sk(sk)->tclass;
#endif
	tw->tos &= ~INET_ECN_MASK;
	/* Lookups that see the old object of this memory fail until here. */
	smp_wmb();
	refcount_set(&tw->common.skc_refcnt, 2);
	tcpx_demux_get();
	return tw;
}

void tcpx_timewait_enter(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct tcpx_net *tn = tcpx_net(sock_net(sk));
	struct tcpx_timewait *tw = NULL;

	if (tn->timewait.count < READ_ONCE(tn->knobs.max_tw_buckets) &&
	    !tn->timewait.dying)
		tw = create(tcb);
	if (!tw) {
		TCPX_INC(sock_net(sk), TimeWaitOverflow);
		tcpx_sock_detach(sk);
		return;
	}

	tw->deadline_ms = deadline(sock_net(sk));
	spin_lock_bh(&tn->timewait.lock);
	enqueue(&tn->timewait, tw);
	spin_unlock_bh(&tn->timewait.lock);
	if (!tcpx_hash_replace(&sk->__sk_common, &tw->common)) {
		/* The socket had left the table: no connection to guard. */
		spin_lock_bh(&tn->timewait.lock);
		dequeue(&tn->timewait, tw);
		spin_unlock_bh(&tn->timewait.lock);
		tcpx_timewait_put(tw);
	}
	tcpx_timewait_put(tw);
	tcpx_sock_detach(sk);
}

/* --- a segment arrives --------------------------------------------------- */

static bool is_old_timestamp(const struct tcpx_timewait *tw,
			     const struct tcpx_seg *seg)
{
	return tw->ts_ok && seg->options & TCPX_HAS_TS &&
	       tcpx_ts_before(seg->tsval, tw->ts_recent) &&
	       (u32)ktime_get_seconds() - tw->ts_recent_s < TCPX_PAWS_IDLE_S;
}

/*
 * RFC 6191 2: a SYN that cannot be an old duplicate opens anew, by timestamps
 * if both incarnations have them, or if only the new one has; else by number.
 */
static bool may_reopen(const struct tcpx_timewait *tw,
		       const struct tcpx_seg *seg)
{
	bool has_ts = seg->options & TCPX_HAS_TS &&
		      READ_ONCE(tcpx_net(net_of(tw))->knobs.timestamps);

	if ((seg->flags & (TCPX_FLAG_SYN | TCPX_FLAG_ACK | TCPX_FLAG_RST |
			   TCPX_FLAG_FIN)) != TCPX_FLAG_SYN)
		return false;
	if (has_ts && (!tw->ts_ok || tcpx_ts_before(tw->ts_recent, seg->tsval)))
		return true;
	if (has_ts && is_old_timestamp(tw, seg))
		return false;
	return tcpx_seq_after(seg->seq, tw->common.skc_tw_rcv_nxt);
}

/* An ISS above all that the old connection sent (6528-2). */
static u32 iss_above(const struct tcpx_timewait *tw)
{
	u32 iss = tw->common.skc_tw_snd_nxt + TCPX_WINDOW_MAX + 2;

	return iss ?: 1;
}

/* True if a listener took @skb. */
static bool reopen(struct tcpx_timewait *tw, struct sk_buff *skb)
{
	struct sock *listener = tcpx_hash_find_listener(net_of(tw), skb);

	if (!listener)
		return false;
	TCPX_INC(net_of(tw), TWRecycled);
	leave(tw);
	tcpx_listen_input(listener, skb, iss_above(tw));
	return true;
}

static void limited_ack(struct tcpx_timewait *tw)
{
	if (!tcpx_xmit_is_limited(net_of(tw), &tw->ack_limit_ms))
		tcpx_xmit_timewait_ack(tw);
}

static bool is_ack_in_range(const struct tcpx_timewait *tw,
			    const struct tcpx_seg *seg)
{
	return !tcpx_seq_after(seg->ack, tw->common.skc_tw_snd_nxt) &&
	       !tcpx_seq_before(seg->ack, tw->common.skc_tw_snd_nxt -
					  tw->snd_max_wnd);
}

/* The first and the fourth check; @seg is no RST. */
static bool is_unacceptable(const struct tcpx_timewait *tw,
			    const struct tcpx_seg *seg)
{
	return seg->flags & TCPX_FLAG_SYN || is_old_timestamp(tw, seg) ||
	       !tcpx_seq_acceptable(seg->seq, seg->end_seq,
				    tw->common.skc_tw_rcv_nxt,
				    (u32)tw->rcv_wnd << tw->rcv_wscale);
}

/* The only thing that can rightly come: it was sent before. */
static bool is_fin_again(const struct tcpx_timewait *tw,
			 const struct tcpx_seg *seg)
{
	return (seg->flags & (TCPX_FLAG_FIN | TCPX_FLAG_SYN | TCPX_FLAG_ACK)) ==
	       (TCPX_FLAG_FIN | TCPX_FLAG_ACK) &&
	       seg->end_seq == tw->common.skc_tw_rcv_nxt &&
	       !is_old_timestamp(tw, seg) && is_ack_in_range(tw, seg);
}

static void fin_came_again(struct tcpx_timewait *tw, const struct tcpx_seg *seg)
{
	if (tw->ts_ok) {
		tw->ts_recent = seg->tsval;
		tw->ts_recent_s = ktime_get_seconds();
	}
	restart(tw);
	tcpx_xmit_timewait_ack(tw);
}

/* RFC 9293 3.10.7.4 for TIME-WAIT. Softirq; consumes @skb. */
void tcpx_timewait_input(struct tcpx_timewait *tw, struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);

	if (seg->flags & TCPX_FLAG_RST)
		goto drop;
	if (may_reopen(tw, seg) && reopen(tw, skb))
		return;
	/* RFC 7323 3.2; a SYN may be of a peer that has started again. */
	if (tw->ts_ok && !(seg->options & TCPX_HAS_TS) &&
	    !(seg->flags & TCPX_FLAG_SYN))
		goto drop;
	if (is_fin_again(tw, seg))
		fin_came_again(tw, seg);
	else if (is_unacceptable(tw, seg) ||
		 (seg->flags & TCPX_FLAG_ACK &&
		  (seg->len || !is_ack_in_range(tw, seg))))
		limited_ack(tw);
drop:
	kfree_skb_reason(skb, SKB_DROP_REASON_TCP_OLD_DATA);
}

void tcpx_timewait_abort(struct tcpx_timewait *tw)
{
	leave(tw);
}

/* --- reuse by connect() -------------------------------------------------- */

static bool is_loopback(const struct tcpx_timewait *tw)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (tw->common.skc_family == AF_INET6 &&
	    !ipv6_addr_v4mapped(&tw->common.skc_v6_daddr))
		return ipv6_addr_loopback(&tw->common.skc_v6_daddr);
#endif
	return ipv4_is_loopback(tw->common.skc_daddr);
}

/* Timestamps must tell the old connection's segments: RFC 6191, tw_reuse. */
bool tcpx_timewait_may_reuse(const struct tcpx_timewait *tw, struct sock *sk)
{
	const struct tcpx_knobs *knobs = &tcpx_net(sock_net(sk))->knobs;
	u8 reuse = READ_ONCE(knobs->timewait_reuse);
	struct tcpx_sock *tcb = tcpx_sk(sk);

	if (!reuse || !tw->ts_ok || !READ_ONCE(knobs->timestamps) ||
	    (reuse == 2 && !is_loopback(tw)))
		return false;
	if ((u32)ktime_get_seconds() - tw->ts_recent_s < 1)
		return false;
	tcb->snd.iss = iss_above(tw);
	return true;
}

/* The table has let go of @tw already. */
void tcpx_timewait_reused(struct tcpx_timewait *tw)
{
	struct tcpx_timewait_queue *queue = &tcpx_net(net_of(tw))->timewait;

	spin_lock_bh(&queue->lock);
	dequeue(queue, tw);
	spin_unlock_bh(&queue->lock);
	TCPX_INC(net_of(tw), TWRecycled);
	tcpx_timewait_put(tw);
}
