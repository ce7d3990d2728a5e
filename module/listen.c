// SPDX-License-Identifier: GPL-2.0
/*
 * LISTEN and passive SYN-RECEIVED (RFC 9293 3.10.7.2, 3.10.7.4): SYNs, what
 * becomes of their requests, and the queue of connections to accept.
 *
 * Softirq never takes the listener's socket lock: tcpx_listen.lock is enough,
 * so SYNs do not wait for accept().
 */
#include "listen.h"
#include "cookie.h"
#include "fastopen.h"
#include "hash.h"
#include "ip.h"
#include "metrics.h"
#include "ports.h"
#include "tcpx.h"
#include "trace.h"

#include <linux/memcontrol.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <net/tcp.h>
#include <net/transp_v6.h>

static struct sock *listener_of(const struct tcpx_request *req)
{
	return req->common.skc_listener;
}

static struct tcpx_listen *listen_of(const struct sock *sk)
{
	return tcpx_sk(sk)->listen;
}

static const struct tcpx_knobs *knobs_of(const struct sock *sk)
{
	return &tcpx_net(sock_net(sk))->knobs;
}

/* --- listen(), close() --------------------------------------------------- */

int tcpx_listen_create(struct sock *sk)
{
	struct tcpx_listen *l;

	sock_owned_by_me(sk);
	tcpx_ecn_forget(tcpx_sk(sk));
	l = listen_of(sk);
	if (l)
		return 0;
	l = kzalloc(sizeof(*l), GFP_KERNEL_ACCOUNT);
	if (!l)
		return -ENOMEM;
	spin_lock_init(&l->lock);
	INIT_LIST_HEAD(&l->accept);
	tcpx_request_init_queue(l);
	l->sk = sk;
	tcpx_sk(sk)->listen = l;
	return 0;
}

static void revive(struct tcpx_listen *l)
{
	l->armed_ns = TCPX_NEVER;
	l->dead = false;
	l->flood_told = false;
	l->cookie_s = 0;
}

int tcpx_listen_start(struct sock *sk, int backlog)
{
	int err;

	sock_owned_by_me(sk);
	WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
	if (sk->sk_state == TCP_LISTEN)
		return 0;
	if (sk->sk_state != TCP_CLOSE)
		return -EINVAL;
	err = tcpx_listen_create(sk);
	if (err)
		return err;
	revive(listen_of(sk));
	tcpx_fastopen_listen(sk, backlog);
	tcpx_metrics_prepare(sock_net(sk));
	if (!inet_sk(sk)->inet_num) {
		err = sk->sk_prot->get_port(sk, 0);
		if (err)
			return err;
	}
	inet_sk(sk)->inet_sport = htons(inet_sk(sk)->inet_num);
	err = tcpx_ports_listen(sk);
	if (err)
		return err;
	WRITE_ONCE(sk->sk_ack_backlog, 0);
	sk_dst_reset(sk);
	/* Lookups take no reference. */
	sock_set_flag(sk, SOCK_RCU_FREE);
	tcpx_sock_event(sk, TCPX_EV_PASSIVE_OPEN);
	tcpx_hash_add_listener(sk);
	return 0;
}

static void drop_children(struct sock *sk, struct tcpx_listen *l)
{
	struct tcpx_sock *tcb, *next;
	struct sock *child;
	LIST_HEAD(children);

	spin_lock_bh(&l->lock);
	list_splice_init(&l->accept, &children);
	WRITE_ONCE(sk->sk_ack_backlog, 0);
	spin_unlock_bh(&l->lock);

	list_for_each_entry_safe(tcb, next, &children, accept_node) {
		child = tcpx_to_sk(tcb);
		list_del_init(&tcb->accept_node);
		local_bh_disable();
		bh_lock_sock_nested(child);
		sock_hold(child);
		tcpx_sock_discard(child, true);
		bh_unlock_sock(child);
		local_bh_enable();
		sock_put(child);
	}
}

/* Make dead, wait for the timer, free. */
void tcpx_listen_stop(struct sock *sk)
{
	struct tcpx_listen *l = listen_of(sk);

	sock_owned_by_me(sk);
	tcpx_hash_remove_listener(sk);
	spin_lock_bh(&l->lock);
	l->dead = true;
	spin_unlock_bh(&l->lock);
	/* Its handler does not arm again. */
	hrtimer_cancel(&l->timer);
	tcpx_request_drop_all(l);
	drop_children(sk, l);
	tcpx_ports_unlisten(sk);
}

/* --- accept() ------------------------------------------------------------ */

/* False for what is no listener: only of that is listen_of() one's own. */
bool tcpx_listen_readable(const struct sock *sk)
{
	return READ_ONCE(sk->sk_state) == TCP_LISTEN &&
	       !list_empty_careful(&listen_of(sk)->accept);
}

static int wait_for_child(struct sock *sk, long timeo)
{
	DEFINE_WAIT(wait);
	int err = 0;

	for (;;) {
		prepare_to_wait_exclusive(sk_sleep(sk), &wait,
					  TASK_INTERRUPTIBLE);
		release_sock(sk);
		if (!tcpx_listen_readable(sk))
			timeo = schedule_timeout(timeo);
		sched_annotate_sleep();
		lock_sock(sk);
		if (sk->sk_state == TCP_LISTEN && tcpx_listen_readable(sk))
			break;
		err = -EINVAL;
		if (sk->sk_state != TCP_LISTEN)
			break;
		err = sock_intr_errno(timeo);
		if (signal_pending(current))
			break;
		err = -EAGAIN;
		if (!timeo)
			break;
		err = 0;
	}
	finish_wait(sk_sleep(sk), &wait);
	return err;
}

struct sock *tcpx_listen_accept(struct sock *sk, int flags, int *err)
{
	struct tcpx_listen *l = listen_of(sk);
	struct tcpx_sock *child;
	long timeo;

	sock_owned_by_me(sk);
	*err = -EINVAL;
	if (sk->sk_state != TCP_LISTEN)
		return NULL;
	if (!tcpx_listen_readable(sk)) {
		timeo = sock_rcvtimeo(sk, flags & O_NONBLOCK);
		*err = -EAGAIN;
		if (!timeo)
			return NULL;
		*err = wait_for_child(sk, timeo);
		if (*err)
			return NULL;
	}
	spin_lock_bh(&l->lock);
	child = list_first_entry(&l->accept, struct tcpx_sock, accept_node);
	list_del_init(&child->accept_node);
	sk_acceptq_removed(sk);
	spin_unlock_bh(&l->lock);
	*err = 0;
	return tcpx_to_sk(child);
}

/* --- a SYN for the listener ---------------------------------------------- */

/* What becomes of a SYN. */
enum admission {
	REFUSED,
	REQUESTED,
	COOKIE,
};

static enum admission flooded(const struct sock *sk, u8 cookies)
{
	struct tcpx_listen *l = listen_of(sk);
	struct net *net = sock_net(sk);

	if (cookies)
		TCPX_INC(net, ReqQFullDoCookies);
	else
		TCPX_INC(net, ReqQFullDrop);
	if (cookies != 2 && !READ_ONCE(l->flood_told)) {
		WRITE_ONCE(l->flood_told, true);
		net_info_ratelimited("tcpx: Possible SYN flooding on port %u. %s.\n",
				     sk->sk_num, cookies ? "Sending cookies" :
				     "Dropping request");
	}
	return cookies ? COOKIE : REFUSED;
}

/*
 * As in native there is room for one more than the backlog in each queue. What
 * reopens a TIME-WAIT block must get the ISS chosen for it (6528-2), hence a
 * request in any case; there are not more of these than blocks.
 */
static enum admission admit(const struct sock *sk, bool reopens)
{
	const struct tcpx_listen *l = listen_of(sk);
	const struct tcpx_knobs *knobs = knobs_of(sk);
	u32 nr = READ_ONCE(l->nr_requests);
	u8 cookies = READ_ONCE(knobs->syncookies);

	if (sk_acceptq_is_full(sk)) {
		TCPX_INC(sock_net(sk), ListenOverflows);
		return REFUSED;
	}
	if (reopens)
		return REQUESTED;
	if (likely(cookies != 2 && nr <= READ_ONCE(sk->sk_max_ack_backlog) &&
		   nr < READ_ONCE(knobs->max_syn_backlog)))
		return REQUESTED;
	return flooded(sk, cookies);
}

static void set_key(struct sock_common *common, const struct sock *sk,
		    const struct tcpx_flow *flow)
{
	common->skc_family = flow->family;
	common->skc_num = ntohs(flow->sport);
	common->skc_dport = flow->dport;
	common->skc_bound_dev_if = READ_ONCE(sk->sk_bound_dev_if) ?: flow->oif;
	common->skc_prot = sk->sk_prot;
	common->skc_net = sk->sk_net;
	common->skc_ipv6only = sk->sk_ipv6only;
	atomic64_set(&common->skc_cookie, 0);
	if (flow->family == AF_INET) {
		common->skc_daddr = flow->daddr4;
		common->skc_rcv_saddr = flow->saddr4;
#if IS_ENABLED(CONFIG_IPV6)
		ipv6_addr_set_v4mapped(flow->daddr4, &common->skc_v6_daddr);
		ipv6_addr_set_v4mapped(flow->saddr4,
				       &common->skc_v6_rcv_saddr);
	} else {
		common->skc_daddr = LOOPBACK4_IPV6;
		common->skc_rcv_saddr = LOOPBACK4_IPV6;
		common->skc_v6_daddr = flow->daddr6;
		common->skc_v6_rcv_saddr = flow->saddr6;
#endif
	}
	common->skc_state = TCP_NEW_SYN_RECV;
}

static void take_options(struct tcpx_request *req, const struct sock *sk,
			 const struct sk_buff *skb)
{
	const struct tcpx_knobs *knobs = knobs_of(sk);
	const struct tcpx_seg *seg = tcpx_seg(skb);
	struct tcpx_options opt;

	tcpx_options_parse(skb_transport_header(skb) + TCPX_HDR_LEN,
			   seg->hdr_len - TCPX_HDR_LEN, true, &opt);
	req->mss_peer = req->common.skc_family == AF_INET ?
			TCPX_MSS_DEFAULT_V4 : TCPX_MSS_DEFAULT_V6;
	if (opt.present & TCPX_HAS_MSS)
		req->mss_peer = opt.mss;
	req->sack_ok = opt.present & TCPX_HAS_SACK_OK && READ_ONCE(knobs->sack);
	req->ts_ok = opt.present & TCPX_HAS_TS && READ_ONCE(knobs->timestamps);
	req->ts_recent = req->ts_ok ? opt.tsval : 0;
	req->wscale_ok = opt.present & TCPX_HAS_WSCALE &&
			 READ_ONCE(knobs->window_scaling);
	req->snd_wscale = req->wscale_ok ? opt.wscale : 0;
	req->rcv_wscale = req->wscale_ok ? tcpx_sock_wscale(sk) : 0;
	req->ecn = tcpx_ecn_accept(knobs, seg);
}

/* All but the reference count, sequence numbers and options. */
static void init_request(struct tcpx_request *req, struct sock *sk,
			 const struct tcpx_flow *flow, u64 secret,
			 const struct tcpx_ip_ops *ip)
{
	set_key(&req->common, sk, flow);
	req->common.skc_listener = sk;
	req->ts_offset = tcpx_flow_ts_offset(secret);
	req->mark = READ_ONCE(sk->sk_mark);
	req->tos = inet_sk(sk)->tos;
#if IS_ENABLED(CONFIG_IPV6)
	if (flow->family == AF_INET6)
		req->tos = inet6_sk(sk)->tclass;
#endif
	req->retries = 0;
	req->queued = 0;
	req->cookie = 0;
	req->offer = 0;
	req->ack_limit_ms = 0;
	req->mtu = ip->flow_mtu(sk, flow);
	req->mss_adv = tcpx_pmtu_adv_mss(ip, tcpx_sk(sk)->snd.mss_user,
					 req->mtu);
	/* Half of the buffer is payload, until segments tell more. */
	req->rcv_wnd = min_t(u32, READ_ONCE(sk->sk_rcvbuf) / 2,
			     TCPX_WINDOW_MAX);
}

/* All but the reference count; @iss: 0, or what is to be exceeded. */
static void fill_request(struct tcpx_request *req, struct sock *sk,
			 const struct sk_buff *skb, u32 iss)
{
	struct tcpx_flow flow;
	u64 secret;

	tcpx_flow_reply(&flow, sock_net(sk), skb);
	secret = tcpx_flow_secret(&flow);
	init_request(req, sk, &flow, secret, tcpx_ip_of_skb(skb));
	req->iss = iss ?: tcpx_flow_isn(secret);
	req->irs = tcpx_seg(skb)->seq;
	req->sent_ns = ktime_get_ns();
	take_options(req, sk, skb);
}

static struct tcpx_request *create_request(struct sock *sk,
					   const struct sk_buff *skb, u32 iss)
{
	struct tcpx_request *req;

	if (!refcount_inc_not_zero(&sk->sk_refcnt))
		return NULL;
	req = tcpx_request_alloc();
	if (!req) {
		sock_put(sk);
		return NULL;
	}
	fill_request(req, sk, skb, iss);
	/* Lookups that see the old object of this memory fail until here. */
	smp_wmb();
	refcount_set(&req->common.skc_refcnt, 2);
	return req;
}

/*
 * Deviation: MUST-53 has the answer follow the route back; what RFC 7126 has
 * dropped on the way is not answered. IP drops it before us by default.
 */
static bool is_source_routed(const struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);
	const u8 *option = (const u8 *)(iph + 1);
	const u8 *end;

	if (likely(iph->version != 4 || iph->ihl == sizeof(*iph) / 4))
		return false;

	end = (const u8 *)iph + iph->ihl * 4;
	while (option + 1 < end && *option != IPOPT_END) {
		if (*option == IPOPT_LSRR || *option == IPOPT_SSRR)
			return true;
		option += *option == IPOPT_NOOP ? 1 : max_t(u8, option[1], 1);
	}
	return false;
}

/* @offer: a cookie of Fast Open. False: no memory. */
static bool open_request(struct sock *sk, const struct sk_buff *skb, u32 iss,
			 bool offer)
{
	struct tcpx_request *req = create_request(sk, skb, iss);
	struct tcpx_listen *l = listen_of(sk);
	bool dead;

	if (!req)
		return false;
	req->offer = offer;
	if (tcpx_hash_insert(&req->common, true)) {
		/* Another SYN of the same connection was faster. */
		tcpx_request_put(req);
		tcpx_request_put(req);
		return true;
	}
	spin_lock(&l->lock);
	dead = l->dead;
	if (!dead)
		tcpx_request_enqueue(l, req);
	spin_unlock(&l->lock);
	if (dead)
		tcpx_request_remove(req);
	else
		tcpx_xmit_syn_ack(req, true);
	tcpx_request_put(req);
	return true;
}

static void send_cookie(struct sock *sk, const struct sk_buff *skb)
{
	struct tcpx_listen *l = listen_of(sk);
	u32 now_s = (u32)ktime_get_seconds() ?: 1;
	struct tcpx_request req;
	struct tcpx_flow flow;

	tcpx_flow_reply(&flow, sock_net(sk), skb);
	init_request(&req, sk, &flow, tcpx_flow_secret(&flow),
		     tcpx_ip_of_skb(skb));
	req.cookie = 1;
	req.irs = tcpx_seg(skb)->seq;
	take_options(&req, sk, skb);
	if (!req.ts_ok) {
		req.sack_ok = 0;
		req.wscale_ok = 0;
		req.ecn = 0;
	}
	req.ecn = tcpx_ecn_classic(req.ecn);
	req.iss = tcpx_cookie_isn(&flow, req.irs, &req.mss_peer);
	/* Pairs with is_cookie_time(); not a store for each of a flood. */
	if (READ_ONCE(l->cookie_s) != now_s)
		WRITE_ONCE(l->cookie_s, now_s);
	TCPX_INC(sock_net(sk), SyncookiesSent);
	tcpx_xmit_syn_ack(&req, false);
}

static bool is_fast_open(const struct sock *sk, const struct tcpx_seg *seg)
{
	return seg->options & TCPX_HAS_FASTOPEN ||
	       (seg->len && READ_ONCE(listen_of(sk)->fastopen.max));
}

static bool open_early(struct sock *sk, struct sk_buff *skb, u32 iss,
		       enum tcpx_fastopen_verdict verdict);

/* A request, or with Fast Open a child. Consumes @skb; false: no memory. */
static bool open(struct sock *sk, struct sk_buff *skb, u32 iss)
{
	enum tcpx_fastopen_verdict verdict = TCPX_TFO_NOTHING;
	bool offer = false;

	if (unlikely(is_fast_open(sk, tcpx_seg(skb)))) {
		verdict = tcpx_fastopen_syn_arrived(sk, skb);
		offer = verdict != TCPX_TFO_NOTHING &&
			tcpx_seg(skb)->options & TCPX_HAS_FASTOPEN;
	}
	if (unlikely(verdict >= TCPX_TFO_OPEN)) {
		if (open_early(sk, skb, iss, verdict))
			return true;
		tcpx_fastopen_failed(sk);
	}
	if (!open_request(sk, skb, iss, offer))
		return false;
	consume_skb(skb);
	return true;
}

/*
 * RFC 9293 3.10.7.2. Text on a SYN is kept with Fast Open alone: the SYN,ACK
 * tells the peer to send it again, and a flood of such SYNs takes no memory
 * (SEC-43). A SYN with FIN is nobody's (SM-5). Consumes @skb if it says yes.
 */
static bool syn_arrived(struct sock *sk, struct sk_buff *skb, u32 iss)
{
	switch (is_source_routed(skb) ? REFUSED : admit(sk, iss)) {
	case REQUESTED:
		if (open(sk, skb, iss))
			return true;
		break;
	case COOKIE:
		send_cookie(sk, skb);
		consume_skb(skb);
		return true;
	case REFUSED:
		break;
	}
	TCPX_INC(sock_net(sk), ListenDrops);
	sk_drops_add(sk, skb);
	return false;
}

/* --- a segment for a request --------------------------------------------- */

static void inherit_memcg(struct sock *child, const struct sock *sk)
{
#ifdef CONFIG_MEMCG
	/* Later would be too late: what is charged before is not moved. */
	if (mem_cgroup_sockets_enabled && sk->sk_memcg &&
	    css_tryget(&sk->sk_memcg->css))
		child->sk_memcg = sk->sk_memcg;
#endif
}

static void init_sequence(struct tcpx_sock *tcb, const struct tcpx_request *req)
{
	struct tcpx_snd *snd = &tcb->snd;
	struct tcpx_rcv *rcv = &tcb->rcv;

	snd->iss = req->iss;
	snd->una = req->iss;
	snd->nxt = req->iss + 1;
	snd->write_seq = snd->nxt;
	snd->pushed_seq = snd->nxt;
	snd->small_end = snd->nxt;
	snd->up = snd->nxt;
	snd->ts_offset = req->ts_offset;
	snd->mss_peer = req->mss_peer;
	snd->wscale = req->snd_wscale;

	rcv->irs = req->irs;
	rcv->nxt = req->irs + 1;
	rcv->copied = rcv->nxt;
	rcv->wup = rcv->nxt;
	rcv->wnd = req->rcv_wnd;
	rcv->wscale = req->rcv_wscale;
	rcv->wscale_ok = req->wscale_ok;
	rcv->sack_ok = req->sack_ok;
	rcv->ts_ok = req->ts_ok;
	rcv->ts_recent = req->ts_recent;
	rcv->ts_recent_s = ktime_get_seconds();
	tcpx_ecn_init_child(tcb, req);
	rcv->mss = req->mss_adv;
	if (!req->wscale_ok)
		rcv->wnd_clamp = TCPX_WINDOW_MAX;
}

static void init_path(struct tcpx_sock *tcb, const struct tcpx_request *req)
{
	struct dst_entry *dst = __sk_dst_get(tcpx_to_sk(tcb));

	tcb->snd.pmtu = req->mtu;
	if (dst)
		tcpx_pmtu_route_changed(tcb, dst);
	if (req->retries)
		tcpx_rtt_syn_lost(&tcb->rtt);
	else if (!req->cookie)
		tcpx_rtt_sample(&tcb->rtt, div_u64(ktime_get_ns() -
						   req->sent_ns,
						   NSEC_PER_USEC));
	/* RFC 6928 2, see tcpx_sock_start_data(). */
	tcb->stats.retrans_segs = req->retries;
	tcpx_reassembly_init_window(tcb);
	tcpx_sock_start_data(tcb);
	tcpx_metrics_apply(tcb);
}

/* A BH-locked child in SYN-RECEIVED with two references, in no table. */
static struct sock *create_child(struct sock *sk,
				 const struct tcpx_request *req,
				 struct sk_buff *skb)
{
	const struct tcpx_ip_ops *ip = tcpx_ip_of_skb(skb);
	struct tcpx_sock *tcb;
	struct sock *child;

	child = sk_clone_lock(sk, GFP_ATOMIC);
	if (!child)
		return NULL;
	tcpx_sock_init_child(child);
	inherit_memcg(child, sk);
	tcb = tcpx_sk(child);
	ip->init_child(child, sk, req, skb);
	init_sequence(tcb, req);
	init_path(tcb, req);
	return child;
}

/*
 * The child takes the request's place, or one of its own if a cookie brought
 * it; false: someone else was faster.
 */
static bool enter_table(struct tcpx_request *req, struct sock *child)
{
	if (req->cookie)
		return !tcpx_hash_insert(&child->__sk_common, true);
	return tcpx_hash_replace(&req->common, &child->__sk_common);
}

static bool adopt(struct tcpx_listen *l, struct tcpx_request *req,
		  struct sock *child)
{
	struct sock *sk = listener_of(req);
	bool dead;

	if (!enter_table(req, child))
		return false;
	spin_lock(&l->lock);
	tcpx_request_dequeue(l, req);
	dead = l->dead;
	if (!dead) {
		/* A listener that is dead may have released its port. */
		tcpx_sk(child)->port = tcpx_port_get(tcpx_sk(sk)->port);
		list_add_tail(&tcpx_sk(child)->accept_node, &l->accept);
		sk_acceptq_added(sk);
	}
	spin_unlock(&l->lock);
	if (!req->cookie)
		tcpx_request_put(req);	/* the table's reference */
	if (dead)
		tcpx_sock_discard(child, true);
	return !dead;
}

/* Its SYN,ACK is sent and sent again as a simultaneous open's; not yet. */
static int queue_syn_ack(struct tcpx_sock *tcb, const struct tcpx_seg *seg)
{
	u8 ecn = tcpx_ecn_syn_ack_flags(tcb->rcv.ecn);

	tcb->snd.nxt = tcb->snd.iss;
	tcb->snd.write_seq = tcb->snd.iss;
	tcb->snd.small_end = tcb->snd.iss;
	tcb->snd.wnd = seg->wnd;
	tcb->snd.max_wnd = seg->wnd;
	tcb->snd.wl1 = seg->seq;
	tcb->snd.wl2 = tcb->snd.iss;
	return tcpx_output_queue_syn(tcb, ecn, GFP_ATOMIC | __GFP_NOWARN);
}

/*
 * RFC 7413 4.2.2: the SYN makes the child, which can be accepted at once, and
 * read. It keeps its listener, which can be closed as soon as the child was
 * accepted, on another CPU. Consumes @skb if it says yes.
 */
static bool open_early(struct sock *sk, struct sk_buff *skb, u32 iss,
		       enum tcpx_fastopen_verdict verdict)
{
	struct tcpx_request req;
	struct sock *child;
	bool opened;

	if (!refcount_inc_not_zero(&sk->sk_refcnt))
		return false;
	fill_request(&req, sk, skb, iss);
	req.cookie = 1;
	req.ecn = tcpx_ecn_classic(req.ecn);
	child = create_child(sk, &req, skb);
	if (!child) {
		sock_put(sk);
		return false;
	}
	opened = !queue_syn_ack(tcpx_sk(child), tcpx_seg(skb)) &&
		 adopt(listen_of(sk), &req, child);
	if (opened) {
		tcpx_fastopen_opened(child, sk, verdict);
		TCPX_INC(sock_net(sk), PassiveOpens);
		tcpx_input_syn_text(tcpx_sk(child), skb);
		tcpx_output_send_syn(tcpx_sk(child), false,
				     GFP_ATOMIC | __GFP_NOWARN);
		sk->sk_data_ready(sk);
	} else {
		if (!sock_flag(child, SOCK_DEAD))
			tcpx_sock_discard(child, false);
		sock_put(sk);
	}
	tcpx_sock_put_child(child);
	return opened;
}

/* The third segment of the handshake; consumes @skb. */
static void complete_handshake(struct tcpx_request *req, struct sk_buff *skb)
{
	struct sock *sk = listener_of(req), *child;
	struct net *net = sock_net(sk);
	bool adopted;

	if (sk_acceptq_is_full(sk)) {
		TCPX_INC(net, ListenOverflows);
		if (READ_ONCE(knobs_of(sk)->abort_on_overflow)) {
			tcpx_xmit_rst_reply(net, skb);
			if (!req->cookie)
				tcpx_request_failed(req);
		}
		goto drop;
	}
	child = create_child(sk, req, skb);
	if (!child) {
		TCPX_INC(net, ListenDrops);
		goto drop;
	}
	adopted = adopt(listen_of(sk), req, child);
	if (adopted) {
		TCPX_INC(net, PassiveOpens);
		tcpx_input(child, skb);
		sk->sk_data_ready(sk);
	} else if (!sock_flag(child, SOCK_DEAD)) {
		tcpx_sock_discard(child, false);
	}
	tcpx_sock_put_child(child);
	if (adopted)
		return;
drop:
	kfree_skb_reason(skb, SKB_DROP_REASON_NOT_SPECIFIED);
}

/* Lately this listener has sent cookies: without, guessing has no chance. */
static bool is_cookie_time(const struct sock *sk)
{
	u32 sent_s = READ_ONCE(listen_of(sk)->cookie_s);
	s32 age_s = (u32)ktime_get_seconds() - sent_s;

	/* Negative: another CPU sent one since. */
	return sent_s && age_s <= TCPX_COOKIE_LIFE_S;
}

/* @flow: back to where @skb came from. False: it brings no good cookie. */
static bool take_cookie(struct tcpx_request *req, struct sock *sk,
			const struct tcpx_flow *flow,
			const struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	u16 mss = tcpx_cookie_mss(flow, seg->seq - 1, seg->ack - 1);

	if (!mss) {
		TCPX_INC(sock_net(sk), SyncookiesFailed);
		return false;
	}
	TCPX_INC(sock_net(sk), SyncookiesRecv);
	init_request(req, sk, flow, tcpx_flow_secret(flow),
		     tcpx_ip_of_skb(skb));
	req->cookie = 1;
	req->iss = seg->ack - 1;
	req->irs = seg->seq - 1;
	req->mss_peer = mss;
	req->sack_ok = 0;
	req->wscale_ok = 0;
	req->snd_wscale = 0;
	req->rcv_wscale = 0;
	req->ecn = 0;
	req->ts_recent = seg->tsval;
	req->ts_ok = seg->options & TCPX_HAS_TS &&
		     READ_ONCE(knobs_of(sk)->timestamps);
	if (req->ts_ok)
		tcpx_cookie_take_ts(req, seg->tsecr - req->ts_offset);
	return true;
}

/*
 * The ACK of a SYN,ACK that left no request. @old: one of the same connection,
 * of a SYN that came again when there was room. Consumes @skb if it says yes.
 */
static bool open_by_cookie(struct sock *sk, struct tcpx_request *old,
			   struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	struct tcpx_request req;
	struct tcpx_flow flow;

	if (likely(!is_cookie_time(sk)) || seg->flags & TCPX_FLAG_SYN)
		return false;
	tcpx_flow_reply(&flow, sock_net(sk), skb);
	if (!take_cookie(&req, sk, &flow, skb))
		return false;
	if (old)
		tcpx_request_remove(old);
	complete_handshake(&req, skb);
	return true;
}

/*
 * Text behind the first of a connection whose final ACK was lost, or found no
 * room: the echo of our timestamp tells.
 *
 * Deviation: it gets no RST (RFC 9293 3.10.7.2), which would end what the
 * first, when it comes again, can open.
 */
static bool may_follow_cookie(struct sock *sk, const struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	struct tcpx_flow flow;
	u32 sent;

	if (!is_cookie_time(sk) || !seg->len || !(seg->options & TCPX_HAS_TS))
		return false;
	tcpx_flow_reply(&flow, sock_net(sk), skb);
	sent = seg->tsecr - tcpx_flow_ts_offset(tcpx_flow_secret(&flow));
	return tcpx_ts_clock() - sent <= TCPX_COOKIE_LIFE_S * MSEC_PER_SEC;
}

/* Softirq, RCU; consumes @skb. @iss: what the new connection must exceed. */
void tcpx_listen_input(struct sock *sk, struct sk_buff *skb, u32 iss)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);

	if (sk->sk_state != TCP_LISTEN || seg->flags & TCPX_FLAG_RST)
		goto drop;
	if (seg->flags & TCPX_FLAG_ACK) {
		if (open_by_cookie(sk, NULL, skb))
			return;
		if (!may_follow_cookie(sk, skb))
			tcpx_xmit_rst_reply(sock_net(sk), skb);
		goto drop;
	}
	if ((seg->flags & (TCPX_FLAG_SYN | TCPX_FLAG_FIN)) != TCPX_FLAG_SYN)
		goto drop;
	if (!syn_arrived(sk, skb, iss))
		kfree_skb_reason(skb, SKB_DROP_REASON_NOT_SPECIFIED);
	return;
drop:
	kfree_skb_reason(skb, SKB_DROP_REASON_TCP_FLAGS);
}

static bool is_old_timestamp(const struct tcpx_request *req,
			     const struct tcpx_seg *seg)
{
	return req->ts_ok && tcpx_ts_before(seg->tsval, req->ts_recent);
}

/* RFC 9293 3.10.7.4 for SYN-RECEIVED after LISTEN; true: an ACK to look at. */
static bool check_request(struct tcpx_request *req, const struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	struct net *net = sock_net(listener_of(req));
	u32 nxt = req->irs + 1;

	/* The SYN again: our SYN,ACK was lost, or is late. */
	if (seg->seq == req->irs && !(seg->flags & (TCPX_FLAG_ACK |
						    TCPX_FLAG_RST)) &&
	    seg->flags & TCPX_FLAG_SYN) {
		tcpx_ecn_asked_again(req, seg);
		tcpx_xmit_syn_ack_again(req);
		return false;
	}
	/* RFC 7323 3.2: once negotiated, a segment without is dropped. */
	if (req->ts_ok && !(seg->options & TCPX_HAS_TS) &&
	    !(seg->flags & TCPX_FLAG_RST))
		return false;
	if (is_old_timestamp(req, seg) && !(seg->flags & TCPX_FLAG_RST)) {
		TCPX_INC(net, PAWSEstab);
		tcpx_xmit_request_ack(req);
		return false;
	}
	if (!tcpx_seq_acceptable(seg->seq, seg->end_seq, nxt, req->rcv_wnd)) {
		if (!(seg->flags & TCPX_FLAG_RST))
			tcpx_xmit_request_ack(req);
		return false;
	}
	if (seg->flags & TCPX_FLAG_RST) {
		if (seg->seq == nxt)
			tcpx_request_failed(req);
		else
			tcpx_xmit_request_ack(req);
		return false;
	}
	if (seg->flags & TCPX_FLAG_SYN) {
		tcpx_request_failed(req);
		return false;
	}
	return seg->flags & TCPX_FLAG_ACK;
}

/* Softirq, @req referenced; consumes @skb. */
void tcpx_listen_input_request(struct tcpx_request *req, struct sk_buff *skb)
{
	struct sock *sk = listener_of(req);

	if (!check_request(req, skb))
		goto drop;
	if (tcpx_seg(skb)->ack == req->iss + 1) {
		complete_handshake(req, skb);
		return;
	}
	if (open_by_cookie(sk, req, skb))
		return;
	tcpx_xmit_rst_reply(sock_net(sk), skb);
drop:
	kfree_skb_reason(skb, SKB_DROP_REASON_NOT_SPECIFIED);
}

void tcpx_listen_abort_request(struct tcpx_request *req)
{
	tcpx_request_failed(req);
}

void tcpx_listen_request_error(struct tcpx_request *req, u32 seq, bool hard)
{
	if (seq != req->iss)
		TCPX_INC(sock_net(listener_of(req)), IcmpOutOfWindow);
	else if (hard)
		tcpx_request_failed(req);
}
