// SPDX-License-Identifier: GPL-2.0
/*
 * A connection's life: how it is made, what state it is in, how it ends.
 * tcpx_sock_event() is the only way from one state to another.
 */
#include "tcpx.h"
#include "hash.h"
#include "ip.h"
#include "listen.h"
#include "metrics.h"
#include "ports.h"
#include "trace.h"

#include <linux/log2.h>
#include <net/inet_common.h>
#include <net/inet_ecn.h>
#include <net/tcp.h>
#include <net/transp_v6.h>
#include <net/xfrm.h>

/* --- memory -------------------------------------------------------------- */

#define PAGES_PER_CPU	((1 << 20) >> PAGE_SHIFT)	/* counted apart */

atomic_long_t tcpx_memory_allocated ____cacheline_aligned_in_smp;
DEFINE_PER_CPU(int, tcpx_memory_per_cpu_fw_alloc);
struct percpu_counter tcpx_sockets_allocated;
/* Jiffies when the pressure began, 0: none. As tcp_memory_pressure. */
unsigned long tcpx_memory_pressure;

void tcpx_sock_enter_memory_pressure(struct sock *sk)
{
	if (READ_ONCE(tcpx_memory_pressure))
		return;
	TCPX_INC(sock_net(sk), MemoryPressures);
	WRITE_ONCE(tcpx_memory_pressure, jiffies ?: 1);
}

void tcpx_sock_leave_memory_pressure(struct sock *sk)
{
	if (READ_ONCE(tcpx_memory_pressure))
		WRITE_ONCE(tcpx_memory_pressure, 0);
}

static const struct tcpx_knobs *knobs_of(const struct sock *sk)
{
	return &tcpx_net(sock_net(sk))->knobs;
}

/* As the core's, which is not for modules. */
static void count_pages(int pages)
{
	pages = this_cpu_add_return(tcpx_memory_per_cpu_fw_alloc, pages);
	if (likely(pages < PAGES_PER_CPU))
		return;
	pages = this_cpu_xchg(tcpx_memory_per_cpu_fw_alloc, 0);
	atomic_long_add(pages, &tcpx_memory_allocated);
}

static bool has_memcg(const struct sock *sk)
{
#ifdef CONFIG_MEMCG
	return sk->sk_memcg;
#else
	return false;
#endif
}

/*
 * A connection that is not throughput bound needs a page for each segment and
 * gives it back at once. Below the first limit nothing can be refused, nor can
 * a pressure begin or end.
 */
bool tcpx_sock_take_memory(struct sock *sk, int size, int kind)
{
	int pages = sk_mem_pages(size);

	if (unlikely(READ_ONCE(tcpx_memory_pressure) || has_memcg(sk) ||
		     atomic_long_read(&tcpx_memory_allocated) + pages >
		     sk_prot_mem_limits(sk, 0)))
		return __sk_mem_schedule(sk, size, kind);
	sk_forward_alloc_add(sk, pages << PAGE_SHIFT);
	count_pages(pages);
	return true;
}

/* --- a new socket -------------------------------------------------------- */

/*
 * What a connection starts from: a new socket, a child, or a socket that was
 * disconnected. The user's settings stay.
 */
static void init_connection(struct tcpx_sock *tcb)
{
	const struct tcpx_knobs *knobs = knobs_of(tcpx_to_sk(tcb));
	u8 nagle = tcb->snd.nagle;
	u16 mss_user = tcb->snd.mss_user;

	memset(&tcb->snd, 0, sizeof(tcb->snd));
	memset(&tcb->rcv, 0, sizeof(tcb->rcv));
	memset(&tcb->stats, 0, sizeof(tcb->stats));
	tcb->snd.nagle = nagle;
	tcb->snd.mss_user = mss_user;
	tcb->snd.mss = TCPX_MSS_DEFAULT_V4;
	tcb->snd.mss_peer = TCPX_MSS_DEFAULT_V4;
	tcpx_to_sk(tcb)->sk_gso_max_size = TCPX_MSS_DEFAULT_V4;
	tcpx_to_sk(tcb)->sk_gso_max_segs = 1;
	tcb->rcv.mss = TCPX_MSS_DEFAULT_V4;
	tcb->rcv.mss_est = TCPX_MSS_DEFAULT_V4;
	tcb->rcv.scaling_ratio = 128;
	tcb->rcv.wnd_clamp = (u32)TCPX_WINDOW_MAX << TCPX_WSCALE_MAX;
	tcb->rcv.ssthresh = tcb->rcv.wnd_clamp;
	tcb->rcv.ooo = RB_ROOT;
	tcb->user.fastopen = 0;
	tcpx_to_sk(tcb)->tcp_rtx_queue = RB_ROOT;
	tcpx_rtt_init(&tcb->rtt, READ_ONCE(knobs->rto_initial_us),
		      READ_ONCE(knobs->rto_min_us),
		      READ_ONCE(knobs->rto_max_ms) * USEC_PER_MSEC);
	tcpx_recovery_init(tcb);
}

static void start_cong(struct tcpx_sock *tcb,
		       const struct tcpx_cong_ops *ops)
{
	const struct tcpx_knobs *knobs = knobs_of(tcpx_to_sk(tcb));
	u32 segs = READ_ONCE(knobs->initial_window);

	/* RFC 6928 2: more than one SYN was lost. */
	if (tcb->stats.retrans_segs > 1)
		segs = 1;
	tcpx_cong_init(&tcb->cong, ops, tcb->snd.mss, segs,
		       READ_ONCE(knobs->initial_ssthresh));
	/*
	 * Deviation: no limit L per ACK (RFC 3465 2.2) but while a timeout is
	 * repaired. A receiver with GRO acknowledges 64 KB at once, and bytes
	 * are what is counted.
	 */
	tcb->cong.abc_l = 0;
	tcb->cong.abe = READ_ONCE(knobs->ecn_abe);
}

static const struct tcpx_cong_ops *default_cong(const struct sock *sk)
{
	const struct tcpx_cong_ops *ops;

	rcu_read_lock();
	ops = rcu_dereference(knobs_of(sk)->cong);
	if (ops)
		ops = tcpx_cong_get_again(ops);
	rcu_read_unlock();
	return ops ?: tcpx_cong_get_again(&tcpx_cong_reno);
}

/* sk_stream_write_space(), which is not exported. */
static void tcpx_sock_write_space(struct sock *sk)
{
	struct socket *sock = sk->sk_socket;
	struct socket_wq *wq;

	if (!sock || !sk_stream_is_writeable(sk))
		return;
	clear_bit(SOCK_NOSPACE, &sock->flags);
	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM |
					   EPOLLWRBAND);
	rcu_read_unlock();
	if (!(sk->sk_shutdown & SEND_SHUTDOWN))
		sk_wake_async(sk, SOCK_WAKE_SPACE, POLL_OUT);
}

int tcpx_sock_init(struct sock *sk)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);

	sk->sk_protocol = TCPX_SK_PROTOCOL;
	sk->sk_state = TCP_CLOSE;
	sk->sk_write_space = tcpx_sock_write_space;
	sk->sk_destruct = tcpx_sock_destruct;
	sk->sk_backlog_rcv = tcpx_input;
	sk->sk_gso_type = sk->sk_family == AF_INET ? SKB_GSO_TCPV4 :
						     SKB_GSO_TCPV6;
	sock_set_flag(sk, SOCK_USE_WRITE_QUEUE);
	WRITE_ONCE(sk->sk_sndbuf, READ_ONCE(knobs_of(sk)->wmem[1]));
	WRITE_ONCE(sk->sk_rcvbuf, READ_ONCE(knobs_of(sk)->rmem[1]));

	tcb->ip = sk->sk_family == AF_INET ? &tcpx_ip4_ops : &tcpx_ip6_ops;
	INIT_LIST_HEAD(&tcb->accept_node);
	tcpx_timers_init(tcb);
	init_connection(tcb);
	start_cong(tcb, default_cong(sk));
	sk_sockets_allocated_inc(sk);
	atomic_inc(&tcpx_net(sock_net(sk))->sockets);
	tcpx_demux_get();
	tcpx_early_start(sock_net(sk));
	return 0;
}

/* A clone of a listener, BH-locked: all that must not be shared. */
void tcpx_sock_init_child(struct sock *child)
{
	struct tcpx_sock *tcb = tcpx_sk(child);

	inet_sk_set_state(child, TCP_SYN_RECV);
	INIT_LIST_HEAD(&tcb->accept_node);
	/* A copy of the listener's, which is in its table. */
	child->sk_bind_node.pprev = NULL;
	tcb->deferred = 0;
	tcb->listen = NULL;
	tcb->port = NULL;
	child->sk_destruct = tcpx_sock_destruct;
	sock_reset_flag(child, SOCK_RCU_FREE);
	/* The listener may have been closed meanwhile. */
	sock_reset_flag(child, SOCK_DEAD);
	tcpx_timers_init(tcb);
	init_connection(tcb);
	/* The algorithm is the listener's, what it knows is not. */
	tcb->cong.priv = NULL;
	tcb->cong.started = 0;
	if (!tcb->cong.ops || !tcpx_cong_get_again(tcb->cong.ops))
		tcb->cong.ops = tcpx_cong_get_again(&tcpx_cong_reno);
	atomic_inc(&tcpx_net(sock_net(child))->sockets);
	tcpx_demux_get();
}

/* Of sk_clone_lock(): its lock and its second reference. */
void tcpx_sock_put_child(struct sock *child)
	__releases(&((child)->sk_lock.slock))
{
	bh_unlock_sock(child);
	sock_put(child);
}

void tcpx_sock_destruct(struct sock *sk)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);

	tcpx_cong_release(&tcb->cong);
	sk_sockets_allocated_dec(sk);
	tcpx_ecn_forget(tcb);
	if (tcb->listen)
		tcpx_fastopen_free_queue(&tcb->listen->fastopen);
	kfree(tcb->listen);
	tcb->listen = NULL;
	atomic_dec(&tcpx_net(sock_net(sk))->sockets);
	tcpx_demux_put();
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		inet6_sock_destruct(sk);
		return;
	}
#endif
	inet_sock_destruct(sk);
}

/* --- the state machine --------------------------------------------------- */

void tcpx_sock_event(struct sock *sk, enum tcpx_event event)
{
	unsigned int from = sk->sk_state, to;
	struct tcpx_sock *tcb = tcpx_sk(sk);
	enum tcpx_reply reply;

	sock_owned_by_me(sk);
	to = tcpx_state_next(from, event, &reply);
	if (!to) {
		DEBUG_NET_WARN_ON_ONCE(1);
		return;
	}
	trace_tcpx_state(sk, from, to, event);
	if (to == TCPX_TIME_WAIT) {
		/* A block goes on; a socket is never seen in that state. */
		tcpx_timewait_enter(tcb);
		return;
	}
	inet_sk_set_state(sk, to);
	tcpx_timers_state_changed(tcb);
}

/* --- the end ------------------------------------------------------------- */

static void release_port(struct tcpx_sock *tcb)
{
	struct tcpx_port *port = tcb->port;

	tcb->port = NULL;
	if (port)
		tcpx_port_put(port);
}

/* Nobody has the socket any more and its connection is over. */
static void destroy(struct sock *sk)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);

	DEBUG_NET_WARN_ON_ONCE(sk->sk_state != TCP_CLOSE);
	DEBUG_NET_WARN_ON_ONCE(!sock_flag(sk, SOCK_DEAD));
	if (unlikely(tcb->user.fastopen & TCPX_TFO_ACTIVE))
		tcpx_fastopen_closed(tcb);
	tcpx_timers_destroy(tcb);
	tcpx_output_purge(tcb);
	tcpx_reassembly_purge(tcb);
	release_port(tcb);
	sk_stream_kill_queues(sk);
	xfrm_sk_free_policy(sk);
	atomic_dec(&tcpx_net(sock_net(sk))->orphans);
	sock_put(sk);
}

/* The socket has left its connection: CLOSED, whatever goes on without it. */
void tcpx_sock_detach(struct sock *sk)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);

	if (unlikely(tcb->user.fastopen & TCPX_TFO_PENDING))
		tcpx_fastopen_settled(tcb, false);
	tcpx_metrics_save(tcb);
	tcpx_unhash(sk);
	tcpx_ecn_forget(tcb);
	inet_sk_set_state(sk, TCP_CLOSE);
	tcpx_timers_state_changed(tcb);
	tcpx_output_purge(tcb);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (sock_flag(sk, SOCK_DEAD))
		destroy(sk);
	else
		sk->sk_state_change(sk);
}

void tcpx_sock_done(struct sock *sk, enum tcpx_event why, int err)
{
	if (sk->sk_state == TCP_CLOSE)
		return;
	if (err)
		WRITE_ONCE(sk->sk_err, err);
	smp_wmb();	/* pairs with poll: the error is seen with the HUP */
	tcpx_sock_event(sk, why);
	if (err && !sock_flag(sk, SOCK_DEAD)) {
		tcpx_sock_detach(sk);
		sk_error_report(sk);
		return;
	}
	tcpx_sock_detach(sk);
}

bool tcpx_sock_wants_errors(const struct sock *sk)
{
	return tcpx_sk(sk)->ip->family == AF_INET6 ?
	       inet6_test_bit(RECVERR6, sk) : inet_test_bit(RECVERR, sk);
}

static bool abort_wants_rst(const struct sock *sk)
{
	enum tcpx_reply reply = TCPX_REPLY_NONE;

	tcpx_state_next(sk->sk_state, TCPX_EV_ABORT, &reply);
	return reply & TCPX_FLAG_RST;
}

void tcpx_sock_abort(struct sock *sk, int err)
{
	sock_owned_by_me(sk);
	if (sk->sk_state == TCP_CLOSE)
		return;
	if (sk->sk_state == TCP_LISTEN)
		tcpx_listen_stop(sk);
	else if (abort_wants_rst(sk))
		tcpx_xmit_rst(tcpx_sk(sk));
	tcpx_sock_done(sk, TCPX_EV_ABORT, err);
}

/* --- shutdown and close -------------------------------------------------- */

/* RFC 9293 3.10.4: FIN behind the data, where the state has one to send. */
static void send_fin(struct sock *sk)
{
	enum tcpx_reply reply;

	if (!tcpx_state_next(sk->sk_state, TCPX_EV_CLOSE, &reply) ||
	    !(reply & TCPX_FLAG_FIN))
		return;
	tcpx_sock_event(sk, TCPX_EV_CLOSE);
	tcpx_output_fin(tcpx_sk(sk));
}

void tcpx_sock_shutdown(struct sock *sk, int how)
{
	if (how & SEND_SHUTDOWN)
		send_fin(sk);
}

/* Empty the receive queue; true if the user had not read all of it. */
static bool drop_unread(struct sock *sk)
{
	u32 copied = tcpx_sk(sk)->rcv.copied;
	struct sk_buff *skb;
	bool unread = false;

	while ((skb = __skb_dequeue(&sk->sk_receive_queue))) {
		u32 end = tcpx_seg(skb)->end_seq;

		if (tcpx_seg(skb)->flags & TCPX_FLAG_FIN)
			end--;
		unread |= tcpx_seq_after(end, copied);
		__kfree_skb(skb);
	}
	return unread;
}

static void close_connection(struct sock *sk, long timeout)
{
	struct net *net = sock_net(sk);
	bool unread = drop_unread(sk);

	if (sk->sk_state == TCP_CLOSE)
		return;
	if (sk->sk_state == TCP_LISTEN) {
		tcpx_listen_stop(sk);
		tcpx_sock_event(sk, TCPX_EV_CLOSE);
	} else if (unread) {
		/* RFC 9293 SHLD-3, RFC 2525 2.17: also where ABORT is silent. */
		TCPX_INC(net, AbortOnClose);
		if (!abort_wants_rst(sk))
			tcpx_xmit_rst(tcpx_sk(sk));
		tcpx_sock_abort(sk, 0);
	} else if (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime) {
		TCPX_INC(net, AbortOnData);
		tcpx_sock_abort(sk, 0);
	} else if (sk->sk_state == TCP_SYN_SENT) {
		tcpx_sock_done(sk, TCPX_EV_CLOSE, 0);
	} else {
		send_fin(sk);
	}
	sk_stream_wait_close(sk, timeout);
}

static bool too_many_orphans(struct sock *sk)
{
	struct tcpx_net *tn = tcpx_net(sock_net(sk));

	if (atomic_read(&tn->orphans) > READ_ONCE(tn->knobs.max_orphans))
		return true;
	return sk->sk_wmem_queued > SOCK_MIN_SNDBUF &&
	       atomic_long_read(&tcpx_memory_allocated) > tcpx_sysctl_mem[2];
}

/* The user is gone; what is left of the connection ends by itself. */
static void orphan(struct sock *sk)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);
	struct net *net = sock_net(sk);

	atomic_inc(&tcpx_net(net)->orphans);
	if (sk->sk_state == TCP_FIN_WAIT2) {
		if (READ_ONCE(tcb->user.linger2_s) < 0) {
			TCPX_INC(net, AbortOnLinger);
			tcpx_sock_abort(sk, 0);
			return;
		}
		tcpx_timers_linger_changed(tcb);
	}
	if (sk->sk_state == TCP_CLOSE) {
		destroy(sk);
	} else if (too_many_orphans(sk)) {
		TCPX_INC(net, AbortOnMemory);
		tcpx_sock_abort(sk, 0);
	}
}

void tcpx_sock_discard(struct sock *sk, bool reset)
{
	sock_orphan(sk);
	atomic_inc(&tcpx_net(sock_net(sk))->orphans);
	if (sk->sk_state == TCP_CLOSE)
		destroy(sk);
	else if (reset)
		tcpx_sock_abort(sk, 0);
	else
		tcpx_sock_done(sk, TCPX_EV_ABORT, 0);
}

void tcpx_sock_close(struct sock *sk, long timeout)
{
	struct net *net = sock_net(sk);

	lock_sock(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	close_connection(sk, timeout);

	sock_hold(sk);
	sock_orphan(sk);
	orphan(sk);
	release_sock(sk);
	/* A port that is free now is free for native TCP, too. */
	tcpx_ports_flush(net);
	sock_put(sk);
}

int tcpx_sock_disconnect(struct sock *sk, int flags)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);
	struct inet_sock *inet = inet_sk(sk);
	int state = sk->sk_state;

	if (state == TCP_LISTEN) {
		tcpx_listen_stop(sk);
		tcpx_sock_event(sk, TCPX_EV_DISCONNECT);
	} else if (state != TCP_CLOSE) {
		if (abort_wants_rst(sk))
			tcpx_xmit_rst(tcb);
		tcpx_sock_done(sk, TCPX_EV_DISCONNECT, ECONNRESET);
	}
	if (unlikely(tcb->user.fastopen & TCPX_TFO_ACTIVE))
		tcpx_fastopen_closed(tcb);
	inet_clear_bit(DEFER_CONNECT, sk);
	tcpx_timers_destroy(tcb);
	__skb_queue_purge(&sk->sk_receive_queue);
	tcpx_reassembly_purge(tcb);
	tcpx_output_purge(tcb);

	inet->inet_dport = 0;
	if (!(sk->sk_userlocks & SOCK_BINDADDR_LOCK))
		inet_reset_saddr(sk);
	if (!(sk->sk_userlocks & SOCK_BINDPORT_LOCK)) {
		release_port(tcb);
		inet->inet_num = 0;
		inet->inet_sport = 0;
	}
	WRITE_ONCE(sk->sk_shutdown, 0);
	sock_reset_flag(sk, SOCK_DONE);
	sk_dst_reset(sk);
	tcpx_early_forget_route(sk);
	INET_ECN_dontxmit(sk);
	tcpx_ecn_forget(tcb);
	tcb->ip = sk->sk_family == AF_INET ? &tcpx_ip4_ops : &tcpx_ip6_ops;
	init_connection(tcb);
	sk_error_report(sk);
	return 0;
}

/* --- deferred work ------------------------------------------------------- */

void tcpx_sock_release_cb(struct sock *sk)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);

	if (likely(!(READ_ONCE(tcb->deferred) & (BIT(TCPX_DEFER_TIMERS) |
						 BIT(TCPX_DEFER_OUTPUT) |
						 BIT(TCPX_DEFER_MTU)))))
		return;
	/* Fit for softirq, which is off; release_sock() drops the ownership. */
	if (test_and_clear_bit(TCPX_DEFER_OUTPUT, &tcb->deferred)) {
		tcpx_output(tcb);
		__sock_put(sk);
	}
	if (test_and_clear_bit(TCPX_DEFER_TIMERS, &tcb->deferred)) {
		tcpx_timers_run_deferred(tcb);
		__sock_put(sk);
	}
	if (test_and_clear_bit(TCPX_DEFER_MTU, &tcb->deferred)) {
		if (sk->sk_state != TCP_CLOSE)
			tcpx_pmtu_too_big(tcb, READ_ONCE(tcb->snd.pmtu_pending),
					  tcb->snd.una);
		__sock_put(sk);
	}
}

/* --- opening ------------------------------------------------------------- */

/* Snd.Wind.Shift for the largest buffer that autotuning can reach. */
u8 tcpx_sock_wscale(const struct sock *sk)
{
	const struct tcpx_knobs *knobs = knobs_of(sk);
	u32 space = READ_ONCE(sk->sk_rcvbuf);

	if (!(sk->sk_userlocks & SOCK_RCVBUF_LOCK))
		space = max_t(u32, space, READ_ONCE(knobs->rmem[2]));
	return clamp_t(int, ilog2(space | 1) - 15, 0, TCPX_WSCALE_MAX);
}

int tcpx_sock_connect(struct sock *sk)
{
	const struct tcpx_knobs *knobs = knobs_of(sk);
	struct tcpx_sock *tcb = tcpx_sk(sk);
	struct dst_entry *dst = __sk_dst_get(sk);
	struct tcpx_flow flow;
	u64 secret;
	int err;
	u32 mtu;

	if (!dst)
		return -EHOSTUNREACH;
	WRITE_ONCE(sk->sk_err, 0);
	mtu = dst_mtu(dst);
	tcb->rcv.ts_ok = READ_ONCE(knobs->timestamps) != 0;
	tcb->rcv.sack_ok = READ_ONCE(knobs->sack) != 0;
	tcb->rcv.wscale_ok = READ_ONCE(knobs->window_scaling) != 0;
	tcb->rcv.wscale = tcb->rcv.wscale_ok ? tcpx_sock_wscale(sk) : 0;
	tcb->rcv.mss = tcpx_pmtu_adv_mss(tcb->ip, tcb->snd.mss_user, mtu);
	tcpx_reassembly_init_window(tcb);

	tcpx_flow_of_sock(&flow, sk);
	secret = tcpx_flow_secret(&flow);
	tcb->snd.ts_offset = tcpx_flow_ts_offset(secret);
	/* Not 0: above a TIME-WAIT block that gave way. */
	if (!tcb->snd.iss)
		tcb->snd.iss = tcpx_flow_isn(secret);
	tcb->snd.una = tcb->snd.iss;
	tcb->snd.nxt = tcb->snd.iss;
	tcb->snd.write_seq = tcb->snd.iss;
	tcb->snd.up = tcb->snd.iss;
	tcb->snd.small_end = tcb->snd.iss;
	tcb->snd.mss_peer = sk->sk_family == AF_INET6 &&
			    tcb->ip == &tcpx_ip6_ops ? TCPX_MSS_DEFAULT_V6 :
						       TCPX_MSS_DEFAULT_V4;
	tcpx_pmtu_route_changed(tcb, dst);
	TCPX_INC(sock_net(sk), ActiveOpens);
	tcpx_metrics_prepare(sock_net(sk));
	if (unlikely(tcpx_fastopen_defers(tcb)))
		return 0;
	err = tcpx_output_queue_syn(tcb, tcpx_ecn_offer(tcb),
				    sk->sk_allocation);
	if (!err)
		tcpx_output_send_syn(tcb, false, sk->sk_allocation);
	return err;
}

/* The peer's SYN: what both offered holds, and its MSS. */
void tcpx_sock_take_options(struct tcpx_sock *tcb,
			    const struct tcpx_options *opt)
{
	struct tcpx_rcv *rcv = &tcb->rcv;

	if (opt->present & TCPX_HAS_MSS)
		tcb->snd.mss_peer = opt->mss;
	rcv->wscale_ok &= !!(opt->present & TCPX_HAS_WSCALE);
	rcv->sack_ok &= !!(opt->present & TCPX_HAS_SACK_OK);
	rcv->ts_ok &= !!(opt->present & TCPX_HAS_TS);
	if (rcv->wscale_ok) {
		tcb->snd.wscale = opt->wscale;
	} else {
		rcv->wscale = 0;
		rcv->wnd_clamp = min_t(u32, rcv->wnd_clamp, TCPX_WINDOW_MAX);
	}
	if (rcv->ts_ok) {
		rcv->ts_recent = opt->tsval;
		rcv->ts_recent_s = ktime_get_seconds();
	}
	tcpx_sock_start_data(tcb);
}

/* Options and path are known: segment size and first congestion window. */
void tcpx_sock_start_data(struct tcpx_sock *tcb)
{
	tcpx_rack_start(tcb);
	tcpx_pmtu_start(tcb);
	tcpx_pmtu_sync_mss(tcb, tcb->snd.pmtu);
	start_cong(tcb, tcb->cong.ops);
	tcpx_output_grow_sndbuf(tcb);
}

/* --- all of a namespace -------------------------------------------------- */

#define ABORT_BATCH	64

/* Locking sleeps, hence outside of the walk. */
static int abort_one(struct sock_common *common)
{
	struct sock *sk = (struct sock *)common;

	if (common->skc_state == TCP_NEW_SYN_RECV) {
		tcpx_listen_abort_request((struct tcpx_request *)common);
		return 1;
	}
	if (common->skc_state == TCP_TIME_WAIT) {
		tcpx_timewait_abort((struct tcpx_timewait *)common);
		return 1;
	}
	lock_sock(sk);
	tcpx_sock_abort(sk, ECONNABORTED);
	release_sock(sk);
	return 1;
}

int tcpx_sock_abort_all(struct net *net)
{
	struct sock_common *batch[ABORT_BATCH];
	struct tcpx_hash_pos pos = {};
	unsigned int nr, i;
	int count = 0;

	while ((nr = tcpx_hash_batch(net, &pos, batch, ABORT_BATCH))) {
		for (i = 0; i < nr; i++) {
			count += abort_one(batch[i]);
			tcpx_hash_put(batch[i]);
		}
	}
	return count;
}
