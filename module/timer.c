// SPDX-License-Identifier: GPL-2.0
/*
 * Every timer of a connection but 2MSL, which belongs to the TIME-WAIT block
 * (timewait.c), and the SYN,ACK timer of request objects (listen.c).
 *
 * Retransmission (RFC 6298 5): armed when a segment that takes sequence space
 * is sent and it is not running; restarted when SND.UNA advances; stopped when
 * all is acknowledged; backed off by each expiry. In SYN-SENT it drives the
 * ladder of SYNs. Gives up at R2 (retries2, TCP_USER_TIMEOUT, syn_retries) and
 * asks IP for another route from R1 on (RFC 9293 3.8.3).
 *
 * Tail loss probe (RFC 8985 7): instead of the retransmission timer while
 * nothing is known to be missing; armed when data are sent, put off by each ACK
 * of new data, never past the RTO. Its expiry sends a probe and arms that timer.
 *
 * Reordering (RFC 8985 6): instead of both while something is late but not yet
 * lost; at its expiry it is.
 *
 * Pace: on a connection whose rate is limited (SO_MAX_PACING_RATE, or an
 * algorithm that paces), armed by what is sent for as long as that takes at the
 * rate; while it runs nothing new and nothing lost is sent. Its expiry goes on.
 * Not above the queueing discipline fq: there a segment is given the time when
 * it shall leave, which counts as the one when it was sent, and the timer runs
 * for long gaps only.
 *
 * Persist (RFC 9293 3.8.6.1): runs while data waits, nothing is in flight and
 * the window is shut, from one RTO on with doubling gaps up to a minute; or
 * while sender SWS avoidance, Nagle or cork holds a small segment back with
 * nothing in flight (RFC 9293 3.8.6.2.1, override after 200 ms). Stopped when
 * something is sent.
 *
 * Keepalive (RFC 9293 3.8.4): runs on a synchronised connection that asked for
 * it; put off by anything received; a probe every keepalive_intvl once idle
 * for keepalive_time; gives up when keepalive_probes of them went unanswered.
 *
 * Delayed ACK (RFC 9293 3.8.6.3): armed by text that need not be acknowledged
 * at once, put off by more of it up to delack_max_ms; stopped by any ACK.
 *
 * FIN-WAIT-2: armed when an orphan enters that state, so that a peer that
 * never closes does not hold it for ever (fin_timeout, TCP_LINGER2).
 */
#include "tcpx.h"
#include "listen.h"
#include "trace.h"

#include <linux/bit_spinlock.h>
#include <linux/ktime.h>
#include <net/dst.h>

/* A late expiry is cheaper: timers of many sockets share an interrupt. */
#define TIMER_SLACK_NS		(50 * NSEC_PER_USEC)
#define TIMER_SLACK_LONG_NS	(500 * NSEC_PER_USEC)
/* RFC 8985 7.2: for the delayed ACK of a single segment; without a sample. */
#define PROBE_MAX_ACK_DELAY_NS	(200 * NSEC_PER_MSEC)
#define PROBE_INITIAL_NS	NSEC_PER_SEC
/* No sooner: the peer may not have had the processor yet. Native: 8 ms. */
#define PROBE_MIN_NS		(10 * NSEC_PER_MSEC)
/* However low the rate: no longer without a segment. */
#define PACE_MAX_NS		(60 * (u64)NSEC_PER_SEC)
/* Two or three such gaps wait in fq: far less than a RTO, and than its horizon */
#define FQ_GAP_MAX_NS		(20 * (u64)NSEC_PER_MSEC)
/* For a reader that was woken, or an answer that is near. */
#define ACK_HELD_NS		NSEC_PER_MSEC
/* RFC 9293 3.8.6.2.1: the override timeout is 0.1 to 1 s. */
#define SWS_OVERRIDE_NS		(200 * NSEC_PER_MSEC)

/*
 * TCPX_TIMER_QUEUED stands for the reference of an hrtimer that is queued, or
 * whose handler runs and has not taken that reference yet. The bit and the
 * hrtimer change together, under a lock of their own: the handler has the
 * socket's spinlock, the socket's owner has not.
 */
static void lock_hrtimer(struct tcpx_sock *tcb)
	__acquires(bitlock)
{
	local_bh_disable();
	bit_spin_lock(TCPX_TIMER_LOCKED, &tcb->deferred);
}

static void unlock_hrtimer(struct tcpx_sock *tcb)
	__releases(bitlock)
{
	bit_spin_unlock(TCPX_TIMER_LOCKED, &tcb->deferred);
	local_bh_enable();
}

static void timer_start(struct tcpx_sock *tcb, u64 when, u64 now)
{
	struct tcpx_timers *t = &tcb->timers;
	u64 slack;

	slack = when > now + NSEC_PER_SEC ? TIMER_SLACK_LONG_NS : TIMER_SLACK_NS;
	if (when < now + 8 * TIMER_SLACK_NS)	/* a gap of pacing */
		slack = when > now ? (when - now) / 8 : 0;
	lock_hrtimer(tcb);
	if (!test_and_set_bit(TCPX_TIMER_QUEUED, &tcb->deferred))
		sock_hold(tcpx_to_sk(tcb));
	hrtimer_start_range_ns(&t->hrtimer, ns_to_ktime(when), slack,
			       HRTIMER_MODE_ABS_PINNED_SOFT);
	unlock_hrtimer(tcb);
}

/* When the hrtimer fires next, TCPX_NEVER if it does not. */
static u64 armed_ns(const struct tcpx_sock *tcb)
{
	if (!test_bit(TCPX_TIMER_QUEUED, &tcb->deferred))
		return TCPX_NEVER;
	return hrtimer_get_softexpires_tv64(&tcb->timers.hrtimer);
}

static void timer_arm_from(struct tcpx_sock *tcb, enum tcpx_timer_id id,
			   u64 now, u64 delay_ns)
{
	u64 when = now + delay_ns;

	trace_tcpx_timer_arm(tcpx_to_sk(tcb), id, delay_ns);
	if (id < TCPX_TIMER_LOSS_NR)
		WRITE_ONCE(tcb->timers.loss, id);
	WRITE_ONCE(tcb->timers.deadline_ns[tcpx_timer_slot(id)], when);
	if (when < armed_ns(tcb))
		timer_start(tcb, when, now);
}

static void timer_arm(struct tcpx_sock *tcb, enum tcpx_timer_id id, u64 delay_ns)
{
	timer_arm_from(tcb, id, ktime_get_ns(), delay_ns);
}

/* When @id is due, TCPX_NEVER if it does not run; lockless for diag.c. */
static u64 deadline_of(const struct tcpx_sock *tcb, enum tcpx_timer_id id)
{
	if (id < TCPX_TIMER_LOSS_NR && READ_ONCE(tcb->timers.loss) != id)
		return TCPX_NEVER;
	return READ_ONCE(tcb->timers.deadline_ns[tcpx_timer_slot(id)]);
}

/*
 * What shares its slot stops, too. Never cancels the hrtimer: an early wake-up
 * is cheaper.
 */
static void timer_stop(struct tcpx_sock *tcb, enum tcpx_timer_id id)
{
	WRITE_ONCE(tcb->timers.deadline_ns[tcpx_timer_slot(id)], TCPX_NEVER);
}

static bool timer_is_armed(const struct tcpx_sock *tcb, enum tcpx_timer_id id)
{
	return deadline_of(tcb, id) != TCPX_NEVER;
}

u64 tcpx_timers_left_ns(const struct tcpx_sock *tcb, enum tcpx_timer_id id)
{
	u64 when = deadline_of(tcb, id);
	u64 now;

	if (when == TCPX_NEVER)
		return 0;
	now = ktime_get_ns();
	return when > now ? when - now : 1;
}

static const struct tcpx_knobs *knobs_of(const struct tcpx_sock *tcb)
{
	return &tcpx_net(sock_net(tcpx_to_sk(tcb)))->knobs;
}

static u64 rto_ns(const struct tcpx_sock *tcb)
{
	return tcpx_rtt_rto_ns(&tcb->rtt);
}

/* --- retransmission ------------------------------------------------------ */

static bool user_timeout_passed(const struct tcpx_sock *tcb, u32 since_ms)
{
	u32 limit_ms = READ_ONCE(tcb->user.timeout_ms);

	return limit_ms && tcpx_ts_clock() - since_ms >= limit_ms;
}

/* ns that an unset ladder must still wait: RFC 9293 MUST-23, 3 minutes. */
static u64 syn_wait_left_ns(const struct tcpx_sock *tcb)
{
	u32 limit_ms = READ_ONCE(knobs_of(tcb)->syn_timeout_s) * MSEC_PER_SEC;
	u32 waited_ms = tcpx_ts_clock() - tcb->recovery.first_timeout_ms;

	if (tcb->user.syncnt || tcb->user.timeout_ms || waited_ms >= limit_ms)
		return 0;
	return (u64)(limit_ms - waited_ms) * NSEC_PER_MSEC;
}

static unsigned int orphan_retries(const struct tcpx_sock *tcb)
{
	const struct sock *sk = tcpx_to_sk(tcb);
	unsigned int retries = READ_ONCE(knobs_of(tcb)->orphan_retries);

	/*
	 * As native: eight tries, but with a soft error none any more once the
	 * timer has backed off as far as it goes.
	 */
	if (READ_ONCE(sk->sk_err_soft) &&
	    rto_ns(tcb) >= (u64)tcb->rtt.rto_max_us * NSEC_PER_USEC)
		return 0;
	return retries ?: 8;
}

/* The peer took back the window that @skb was sent into. */
static bool is_beyond_window(const struct tcpx_sock *tcb,
			     const struct sk_buff *skb)
{
	return tcpx_state_in(tcpx_to_sk(tcb)->sk_state, TCPX_SYNCHRONIZED) &&
	       !tcpx_seq_before(tcpx_tx_cb(skb)->seq,
				tcb->snd.una + tcb->snd.wnd);
}

static bool retransmits_exhausted(const struct tcpx_sock *tcb,
				  const struct sk_buff *skb)
{
	const struct sock *sk = tcpx_to_sk(tcb);
	unsigned int retries = READ_ONCE(knobs_of(tcb)->retries2);

	if (user_timeout_passed(tcb, tcb->recovery.first_timeout_ms))
		return true;
	if (unlikely(tcb->user.fastopen & TCPX_TFO_PENDING)) /* as native */
		retries = tcb->user.syncnt ?:
			  READ_ONCE(knobs_of(tcb)->synack_retries) + 1;
	else if (sk->sk_state == TCP_SYN_SENT || sk->sk_state == TCP_SYN_RECV)
		retries = tcb->user.syncnt ?: READ_ONCE(knobs_of(tcb)->syn_retries);
	else if (sock_flag(sk, SOCK_DEAD))
		retries = min(retries, orphan_retries(tcb));
	else if (READ_ONCE(tcb->user.timeout_ms))
		return false;		/* the user's R2 alone: MUST-21 */
	else if (is_beyond_window(tcb, skb))	/* a probe: SHLD-17 */
		return tcb->recovery.probes_unanswered >= retries;

	return tcb->recovery.timeouts >= retries;
}

/*
 * R1 (RFC 9293 3.8.3): advice to IP that the path may be dead (MUST-20), and
 * to a program that wants to hear of such things, once (SHLD-9).
 */
static void advise(struct tcpx_sock *tcb)
{
	u8 retries1 = READ_ONCE(knobs_of(tcb)->retries1);
	struct sock *sk = tcpx_to_sk(tcb);

	if (tcb->recovery.timeouts < retries1)
		return;
	dst_negative_advice(sk);
	if (tcb->recovery.timeouts == retries1 && !sock_flag(sk, SOCK_DEAD) &&
	    tcpx_state_in(sk->sk_state, TCPX_SYNCHRONIZED) &&
	    tcpx_sock_wants_errors(sk)) {
		/* Pairs with the xchg() of sock_error(). */
		WRITE_ONCE(sk->sk_err, READ_ONCE(sk->sk_err_soft) ?: ETIMEDOUT);
		sk_error_report(sk);
	}
}

static void timed_out(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);

	TCPX_INC(sock_net(sk), AbortOnTimeout);
	tcpx_sock_done(sk, TCPX_EV_TIMEOUT,
		       READ_ONCE(sk->sk_err_soft) ?: ETIMEDOUT);
}

/* The next expiry, but not after the user's limit. */
static u64 until_user_timeout(const struct tcpx_sock *tcb, u64 delay_ns,
			      u32 since_ms)
{
	u32 limit_ms = READ_ONCE(tcb->user.timeout_ms);
	u32 passed_ms = tcpx_ts_clock() - since_ms;

	if (!limit_ms)
		return delay_ns;
	if (passed_ms >= limit_ms)
		return NSEC_PER_MSEC;
	return min(delay_ns, (u64)(limit_ms - passed_ms) * NSEC_PER_MSEC);
}

static void arm_retransmit(struct tcpx_sock *tcb, u64 delay_ns)
{
	if (tcb->recovery.timeouts)
		delay_ns = until_user_timeout(tcb, delay_ns,
					      tcb->recovery.first_timeout_ms);
	else if (unlikely(READ_ONCE(tcb->user.timeout_ms)))
		delay_ns = until_user_timeout(tcb, delay_ns, tcpx_ts_clock());
	timer_arm(tcb, TCPX_TIMER_RETRANSMIT, delay_ns);
}

/* RFC 6298 5.3, as if it had been armed when the oldest was sent. */
static u64 rto_left_ns(const struct tcpx_sock *tcb, u64 now)
{
	u64 due = tcpx_rtx_head(tcpx_to_sk(tcb))->skb_mstamp_ns + rto_ns(tcb);

	return due > now ? due - now : 0;
}

static bool is_loss_timer_armed(const struct tcpx_sock *tcb)
{
	return tcb->timers.deadline_ns[0] != TCPX_NEVER;
}

/* RFC 6298 5, its step numbers at the right. */
static void tcpx_expired_retransmit(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *skb = tcpx_rtx_head(sk);
	bool last;
	u64 wait_ns;

	if (!skb)
		return;
	if (!tcb->recovery.timeouts)
		tcb->recovery.first_timeout_ms =
			div_u64(skb->skb_mstamp_ns, NSEC_PER_MSEC);

	last = retransmits_exhausted(tcb, skb);
	if (unlikely(tcb->user.fastopen & TCPX_TFO_ACTIVE))
		tcpx_fastopen_timed_out(tcb, last);
	if (last) {
		wait_ns = sk->sk_state == TCP_SYN_SENT ? syn_wait_left_ns(tcb) : 0;
		if (wait_ns)
			timer_arm(tcb, TCPX_TIMER_RETRANSMIT, wait_ns);
		else
			timed_out(tcb);
		return;
	}

	TCPX_INC(sock_net(sk), TimeoutRexmt);
	advise(tcb);
	tcpx_recovery_timeout(tcb);
	if (tcb->recovery.timeouts < U8_MAX)
		tcb->recovery.timeouts++;
	if (tcb->recovery.probes_unanswered < U8_MAX)
		tcb->recovery.probes_unanswered++;
	tcpx_pmtu_timed_out(tcb);
	tcpx_output_retransmit(tcb, tcpx_rtx_head(sk), tcb->snd.mss);	/* 5.4 */
	tcpx_rtt_back_off(&tcb->rtt);					/* 5.5 */
	arm_retransmit(tcb, rto_ns(tcb));				/* 5.6 */
}

/* --- reordering and tail loss probe -------------------------------------- */

/* Of a lone segment, unless it has a FIN, which is acknowledged at once. */
static bool ack_may_be_delayed(const struct tcpx_sock *tcb)
{
	const struct sk_buff *last;

	if (likely(tcpx_flight(tcb) > tcb->snd.mss))
		return false;
	last = skb_rb_last(&tcpx_to_sk(tcb)->tcp_rtx_queue);
	return !last || !(tcpx_tx_cb(last)->flags & TCPX_FLAG_FIN);
}

/*
 * RFC 8985 7.2. Deviation: no time is allowed for a delayed ACK of a FIN; short
 * flows end with one.
 */
static u64 probe_timeout_ns(const struct tcpx_sock *tcb, u64 now)
{
	u64 delay_ns = PROBE_INITIAL_NS;

	if (tcpx_rtt_has_sample(&tcb->rtt)) {
		delay_ns = 2ULL * tcpx_rtt_srtt_us(&tcb->rtt) * NSEC_PER_USEC;
		delay_ns = max_t(u64, delay_ns, PROBE_MIN_NS);
		if (ack_may_be_delayed(tcb))
			delay_ns += PROBE_MAX_ACK_DELAY_NS;
	}
	return min(delay_ns, rto_left_ns(tcb, now));
}

/* False: a timeout of the user's own comes before it. */
static bool use_probe(struct tcpx_sock *tcb, u64 now)
{
	u32 limit_ms = READ_ONCE(tcb->user.timeout_ms);
	u64 delay_ns = probe_timeout_ns(tcb, now);

	if (unlikely(limit_ms && delay_ns >= (u64)limit_ms * NSEC_PER_MSEC))
		return false;
	timer_arm_from(tcb, TCPX_TIMER_TAIL_PROBE, now, delay_ns);
	return true;
}

static void use_reorder(struct tcpx_sock *tcb, u64 now, u64 when)
{
	timer_arm_from(tcb, TCPX_TIMER_REORDER, now,
		       when > now ? when - now : 0);
}

static void tcpx_expired_tail_probe(struct tcpx_sock *tcb)
{
	if (!tcpx_rtx_head(tcpx_to_sk(tcb)))
		return;
	if (tcpx_rack_may_probe(tcb))
		tcpx_recovery_probe(tcb);
	arm_retransmit(tcb, rto_ns(tcb));
}

static void tcpx_expired_reorder(struct tcpx_sock *tcb)
{
	u64 reorder_ns;

	if (!tcpx_rtx_head(tcpx_to_sk(tcb)))
		return;
	reorder_ns = tcpx_recovery_recheck(tcb);
	tcpx_output(tcb);
	tcpx_timers_acked(tcb, ktime_get_ns(), false, reorder_ns);
}

/* --- pace ---------------------------------------------------------------- */

/* Bytes/s, ~0: no limit. By SO_MAX_PACING_RATE and by the algorithm. */
u64 tcpx_timers_pacing_rate(const struct tcpx_sock *tcb)
{
	unsigned long most = READ_ONCE(tcpx_to_sk(tcb)->sk_max_pacing_rate);
	u64 rate = most == ~0UL ? ~0ULL : most;

	if (tcb->cong.sampled && tcpx_cong_rate(&tcb->cong)->pacing_rate)
		rate = min(rate, tcpx_cong_rate(&tcb->cong)->pacing_rate);
	return rate;
}

/* How long @len bytes take at the rate; 0: there is no limit. */
static u64 pace_gap_ns(const struct tcpx_sock *tcb, u32 len)
{
	u64 rate = tcpx_timers_pacing_rate(tcb), gap_ns;

	if (rate == ~0ULL)
		return 0;
	gap_ns = div64_u64((u64)len * NSEC_PER_SEC, max_t(u64, rate, 1));
	return min_t(u64, gap_ns, PACE_MAX_NS);
}

/*
 * Where an algorithm sets the rate what left late is made up for, by half of
 * the next gap at most: else the path would never see that rate.
 */
static u64 pace_from(struct tcpx_sock *tcb, u64 sent_ns, u64 gap_ns)
{
	struct tcpx_rate *rate;

	if (!tcb->cong.sampled)
		return sent_ns;
	rate = tcpx_cong_rate(&tcb->cong);
	if (rate->next_ns < sent_ns)
		sent_ns -= min(sent_ns - rate->next_ns, gap_ns / 2);
	rate->next_ns = sent_ns + gap_ns;
	return sent_ns;
}

/* Does the queueing discipline fq, which says so of itself, keep the gap? */
static bool fq_keeps(const struct tcpx_sock *tcb, u64 gap_ns)
{
	return unlikely(READ_ONCE(tcpx_to_sk(tcb)->sk_pacing_status) ==
			SK_PACING_FQ) && gap_ns && gap_ns <= FQ_GAP_MAX_NS;
}

u64 tcpx_timers_departure(struct tcpx_sock *tcb, u32 len, u64 now_ns)
{
	u64 at_ns = now_ns, gap_ns;

	if (likely(READ_ONCE(tcpx_to_sk(tcb)->sk_pacing_status) !=
		   SK_PACING_FQ))
		return at_ns;
	at_ns = max(at_ns, tcb->snd.last_data_ns);
	gap_ns = pace_gap_ns(tcb, len);
	if (!fq_keeps(tcb, gap_ns))
		return at_ns;
	if (tcb->cong.sampled) {
		at_ns = max(at_ns, tcpx_cong_rate(&tcb->cong)->next_ns);
		pace_from(tcb, at_ns, gap_ns);
	} else if (tcb->stats.bytes_sent) {	/* the first waits for none */
		at_ns = max(at_ns, tcb->snd.last_data_ns + gap_ns);
	}
	return at_ns;
}

void tcpx_timers_pace(struct tcpx_sock *tcb, u32 len)
{
	u64 gap_ns;

	if (likely(READ_ONCE(tcpx_to_sk(tcb)->sk_pacing_status) ==
		   SK_PACING_NONE))
		return;
	gap_ns = pace_gap_ns(tcb, len);
	if (gap_ns && !fq_keeps(tcb, gap_ns))
		timer_arm_from(tcb, TCPX_TIMER_PACE,
			       pace_from(tcb, tcb->snd.last_data_ns, gap_ns),
			       gap_ns);
}

bool tcpx_timers_is_paced(const struct tcpx_sock *tcb)
{
	u64 until = deadline_of(tcb, TCPX_TIMER_PACE);

	return unlikely(until != TCPX_NEVER) && until > ktime_get_ns();
}

static void tcpx_expired_pace(struct tcpx_sock *tcb)
{
	tcpx_recovery_continue(tcb);
	tcpx_output(tcb);
}

/* --- persist ------------------------------------------------------------- */

static u64 persist_max_ns(const struct tcpx_sock *tcb)
{
	return (u64)READ_ONCE(knobs_of(tcb)->persist_max_ms) * NSEC_PER_MSEC;
}

static u64 persist_ns(const struct tcpx_sock *tcb)
{
	u64 base_ns = (u64)tcb->rtt.rto_us * NSEC_PER_USEC;
	unsigned int shift = min_t(unsigned int, tcb->recovery.probes, 16);

	return min(base_ns << shift, persist_max_ns(tcb));
}

static bool window_is_shut(const struct tcpx_sock *tcb)
{
	struct sk_buff *skb = tcpx_send_head(tcpx_to_sk(tcb));

	return skb && !tcpx_seq_after(tcb->snd.una + tcb->snd.wnd,
				      tcpx_tx_cb(skb)->seq);
}

/*
 * A window that stays shut is the peer's business as long as probes are
 * answered (RFC 9293 MUST-37); unanswered ones end the connection at R2.
 */
static bool probes_exhausted(const struct tcpx_sock *tcb)
{
	const struct sock *sk = tcpx_to_sk(tcb);
	unsigned int retries = READ_ONCE(knobs_of(tcb)->retries2);

	/* An orphan's window must open some day (CVE-2008-4609). */
	if (sock_flag(sk, SOCK_DEAD)) {
		retries = min(retries, orphan_retries(tcb));
		if (tcb->recovery.probes >= retries && persist_ns(tcb) ==
		    persist_max_ns(tcb))
			return true;
	}
	if (tcb->recovery.probes &&
	    user_timeout_passed(tcb, tcb->recovery.first_timeout_ms))
		return true;
	return tcb->recovery.probes_unanswered > retries;
}

static void tcpx_expired_persist(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);

	if (!tcpx_send_head(sk) || tcpx_rtx_head(sk))
		return;
	if (!window_is_shut(tcb)) {
		tcpx_output_override(tcb);
		return;
	}

	if (!tcb->recovery.probes)
		tcb->recovery.first_timeout_ms = tcpx_ts_clock();
	if (probes_exhausted(tcb)) {
		timed_out(tcb);
		return;
	}
	TCPX_INC(sock_net(sk), WinProbe);
	tcpx_output_probe(tcb);
	if (tcb->recovery.probes < U8_MAX)
		tcb->recovery.probes++;
	if (tcb->recovery.probes_unanswered < U8_MAX)
		tcb->recovery.probes_unanswered++;
	timer_arm(tcb, TCPX_TIMER_PERSIST,
		  until_user_timeout(tcb, persist_ns(tcb),
				     tcb->recovery.first_timeout_ms));
}

/* --- keepalive ----------------------------------------------------------- */

static u64 keepalive_time_ns(const struct tcpx_sock *tcb)
{
	u32 s = READ_ONCE(tcb->user.keepidle_s) ?:
		READ_ONCE(knobs_of(tcb)->keepalive_time_s);

	return (u64)s * NSEC_PER_SEC;
}

static u64 keepalive_intvl_ns(const struct tcpx_sock *tcb)
{
	u32 s = READ_ONCE(tcb->user.keepintvl_s) ?:
		READ_ONCE(knobs_of(tcb)->keepalive_intvl_s);

	return (u64)s * NSEC_PER_SEC;
}

static bool keepalive_exhausted(const struct tcpx_sock *tcb)
{
	unsigned int probes = tcb->user.keepcnt ?:
			      READ_ONCE(knobs_of(tcb)->keepalive_probes);

	/* TCP_USER_TIMEOUT replaces the count, as in native TCP. */
	if (READ_ONCE(tcb->user.timeout_ms))
		return tcb->recovery.keepalive_probes &&
		       user_timeout_passed(tcb,
					   div_u64(tcb->rcv.last_data_ns,
						   NSEC_PER_MSEC));
	return tcb->recovery.keepalive_probes >= probes;
}

/* ns since the connection was last heard of or sent data. */
static u64 idle_ns(const struct tcpx_sock *tcb)
{
	u64 last_ns = max(tcb->rcv.last_data_ns, tcb->snd.last_data_ns);
	u64 now_ns = ktime_get_ns();

	return now_ns > last_ns ? now_ns - last_ns : 0;
}

static void tcpx_expired_keepalive(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	u64 wait_ns = keepalive_time_ns(tcb);
	u64 idle = idle_ns(tcb);

	if (!sock_flag(sk, SOCK_KEEPOPEN) || sk->sk_state == TCP_SYN_SENT)
		return;
	/* Only when idle with nothing outstanding: RFC 9293 MUST-26. */
	if (tcpx_rtx_head(sk) || tcpx_send_head(sk)) {
		timer_arm(tcb, TCPX_TIMER_KEEPALIVE, wait_ns);
		return;
	}
	if (idle < wait_ns && !tcb->recovery.keepalive_probes) {
		timer_arm(tcb, TCPX_TIMER_KEEPALIVE, wait_ns - idle);
		return;
	}
	if (keepalive_exhausted(tcb)) {
		tcpx_xmit_rst(tcb);
		timed_out(tcb);
		return;
	}
	TCPX_INC(sock_net(sk), KeepAlive);
	tcb->recovery.keepalive_probes++;
	tcpx_xmit_probe(tcb, tcb->snd.nxt - 1);
	timer_arm(tcb, TCPX_TIMER_KEEPALIVE, keepalive_intvl_ns(tcb));
}

/* --- delayed ACK, FIN-WAIT-2 --------------------------------------------- */

static void tcpx_expired_delack(struct tcpx_sock *tcb)
{
	bool quick;

	if (!tcb->rcv.ack_pending)
		return;
	TCPX_INC(sock_net(tcpx_to_sk(tcb)), DelayedACKs);
	quick = !tcb->rcv.quick_acks && !tcb->rcv.pingpong;
	tcpx_xmit_ack(tcb);
	if (quick)
		tcb->rcv.quick_acks = TCPX_QUICK_ACKS;
}

static void tcpx_expired_fin_wait_2(struct tcpx_sock *tcb)
{
	tcpx_sock_done(tcpx_to_sk(tcb), TCPX_EV_TIMEOUT, 0);
}

/* --- running them -------------------------------------------------------- */

static void (* const tcpx_expired[TCPX_TIMER_NR])(struct tcpx_sock *tcb) = {
	[TCPX_TIMER_RETRANSMIT]	= tcpx_expired_retransmit,
	[TCPX_TIMER_REORDER]	= tcpx_expired_reorder,
	[TCPX_TIMER_TAIL_PROBE]	= tcpx_expired_tail_probe,
	[TCPX_TIMER_PACE]	= tcpx_expired_pace,
	[TCPX_TIMER_PERSIST]	= tcpx_expired_persist,
	[TCPX_TIMER_KEEPALIVE]	= tcpx_expired_keepalive,
	[TCPX_TIMER_DELACK]	= tcpx_expired_delack,
	[TCPX_TIMER_FIN_WAIT_2]	= tcpx_expired_fin_wait_2,
};

static u64 earliest_deadline(const struct tcpx_timers *t)
{
	u64 first = TCPX_NEVER;
	int i;

	for (i = 0; i < TCPX_TIMER_SLOTS; i++)
		first = min(first, t->deadline_ns[i]);
	return first;
}

/*
 * Run what is due. A deadline that moved later while we waited for the lock is
 * not; a handler may end the connection, which stops the others.
 */
static void timer_run(struct tcpx_sock *tcb)
{
	struct tcpx_timers *t = &tcb->timers;
	struct sock *sk = tcpx_to_sk(tcb);
	u64 now = ktime_get_ns();
	u64 first;
	int i, id;

	sock_owned_by_me(sk);
	for (i = 0; i < TCPX_TIMER_SLOTS; i++) {
		if (t->deadline_ns[i] > now)
			continue;
		id = i ? i + TCPX_TIMER_LOSS_NR - 1 : t->loss;
		timer_stop(tcb, id);
		trace_tcpx_timer_expire(sk, id);
		TCPX_INC(sock_net(sk), Timeouts);
		tcpx_expired[id](tcb);
	}

	first = earliest_deadline(t);
	if (first < armed_ns(tcb))
		timer_start(tcb, first, now);
}

static enum hrtimer_restart tcpx_timer_fire(struct hrtimer *hrtimer)
{
	struct tcpx_sock *tcb = container_of(hrtimer, struct tcpx_sock,
					     timers.hrtimer);
	struct sock *sk = tcpx_to_sk(tcb);

	bh_lock_sock(sk);
	/* Started again meanwhile, it wants a reference beside ours. */
	lock_hrtimer(tcb);
	if (hrtimer_is_queued(hrtimer))
		sock_hold(sk);
	else
		clear_bit(TCPX_TIMER_QUEUED, &tcb->deferred);
	unlock_hrtimer(tcb);
	if (!sock_owned_by_user(sk))
		timer_run(tcb);
	else if (!test_and_set_bit(TCPX_DEFER_TIMERS, &tcb->deferred))
		sock_hold(sk);
	bh_unlock_sock(sk);
	sock_put(sk);
	return HRTIMER_NORESTART;
}

void tcpx_timers_run_deferred(struct tcpx_sock *tcb)
{
	timer_run(tcb);
}

void tcpx_timers_init(struct tcpx_sock *tcb)
{
	struct tcpx_timers *t = &tcb->timers;
	int i;

	for (i = 0; i < TCPX_TIMER_SLOTS; i++)
		t->deadline_ns[i] = TCPX_NEVER;
	hrtimer_setup(&t->hrtimer, tcpx_timer_fire, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_PINNED_SOFT);
}

/*
 * The socket is done; a handler that runs has its own reference. If one runs
 * and the hrtimer is queued behind it, let it expire now and drop its own.
 */
void tcpx_timers_destroy(struct tcpx_sock *tcb)
{
	struct hrtimer *hrtimer = &tcb->timers.hrtimer;
	int cancelled, i;

	for (i = 0; i < TCPX_TIMER_SLOTS; i++)
		WRITE_ONCE(tcb->timers.deadline_ns[i], TCPX_NEVER);
	lock_hrtimer(tcb);
	cancelled = hrtimer_try_to_cancel(hrtimer);
	if (cancelled == 1) {
		clear_bit(TCPX_TIMER_QUEUED, &tcb->deferred);
		__sock_put(tcpx_to_sk(tcb));
	} else if (cancelled < 0 && hrtimer_is_queued(hrtimer)) {
		hrtimer_start_range_ns(hrtimer, 0, 0,
				       HRTIMER_MODE_ABS_PINNED_SOFT);
	}
	unlock_hrtimer(tcb);
}

/* --- events -------------------------------------------------------------- */

static void arm_fin_wait_2(struct tcpx_sock *tcb)
{
	int s = READ_ONCE(tcb->user.linger2_s) ?:
		READ_ONCE(knobs_of(tcb)->fin_timeout_s);

	timer_arm(tcb, TCPX_TIMER_FIN_WAIT_2, (u64)s * NSEC_PER_SEC);
}

void tcpx_timers_state_changed(struct tcpx_sock *tcb)
{
	const struct sock *sk = tcpx_to_sk(tcb);

	switch (sk->sk_state) {
	case TCP_ESTABLISHED:
		tcpx_timers_keepalive_changed(tcb);
		break;
	case TCP_FIN_WAIT2:
		if (sock_flag(sk, SOCK_DEAD))
			arm_fin_wait_2(tcb);
		break;
	case TCP_CLOSE:
		tcpx_timers_destroy(tcb);
		break;
	}
}

/* close() made an orphan of a connection already in FIN-WAIT-2. */
void tcpx_timers_linger_changed(struct tcpx_sock *tcb)
{
	tcpx_timers_state_changed(tcb);
}

void tcpx_timers_data_sent(struct tcpx_sock *tcb)
{
	timer_stop(tcb, TCPX_TIMER_PERSIST);
	if (unlikely(timer_is_armed(tcb, TCPX_TIMER_REORDER)))
		return;
	if (tcpx_rack_may_probe(tcb) && use_probe(tcb, tcb->snd.last_data_ns))
		return;
	if (!is_loss_timer_armed(tcb))
		arm_retransmit(tcb, rto_ns(tcb));		/* RFC 6298 5.1 */
}

void tcpx_timers_acked(struct tcpx_sock *tcb, u64 now, bool advanced,
		       u64 reorder_ns)
{
	if (!tcpx_rtx_head(tcpx_to_sk(tcb))) {			/* 5.2 */
		timer_stop(tcb, TCPX_TIMER_RETRANSMIT);
	} else if (unlikely(reorder_ns)) {
		use_reorder(tcb, now, reorder_ns);
	} else if (tcpx_rack_may_probe(tcb)) {
		if ((advanced || !is_loss_timer_armed(tcb)) &&
		    !use_probe(tcb, now))
			arm_retransmit(tcb, rto_ns(tcb));
	} else if (advanced) {
		arm_retransmit(tcb, rto_ns(tcb));		/* 5.3 */
	} else if (!timer_is_armed(tcb, TCPX_TIMER_RETRANSMIT)) {
		arm_retransmit(tcb, rto_left_ns(tcb, now));
	}
}

/*
 * RFC 6675 6: a recovery may last longer than a RTO, and the ACK of the hole
 * that was repaired comes a round trip from now.
 */
void tcpx_timers_head_sent_again(struct tcpx_sock *tcb)
{
	if (timer_is_armed(tcb, TCPX_TIMER_RETRANSMIT))
		arm_retransmit(tcb, rto_ns(tcb));
}

/* Data waits with nothing in flight that could bring an ACK. */
void tcpx_timers_output_held(struct tcpx_sock *tcb)
{
	u64 delay_ns;

	if (timer_is_armed(tcb, TCPX_TIMER_PERSIST))
		return;
	delay_ns = window_is_shut(tcb) ? persist_ns(tcb) : SWS_OVERRIDE_NS;
	timer_arm(tcb, TCPX_TIMER_PERSIST, delay_ns);
}

void tcpx_timers_ack_delayed(struct tcpx_sock *tcb, u64 now_ns)
{
	const struct tcpx_knobs *knobs = knobs_of(tcb);
	u64 delay_ns = (u64)READ_ONCE(knobs->delack_ms) * NSEC_PER_MSEC;
	u32 owed_ms, max_ms;

	if (!tcb->rcv.ack_pending) {
		tcb->rcv.ack_pending = 1;
		tcb->rcv.ack_owed_ms = tcpx_ts_of(now_ns);
	} else {
		owed_ms = tcpx_ts_of(now_ns) - tcb->rcv.ack_owed_ms;
		max_ms = READ_ONCE(knobs->delack_max_ms);
		delay_ns = min(delay_ns, (u64)(max_ms - min(max_ms, owed_ms)) *
					 NSEC_PER_MSEC);
	}
	timer_arm_from(tcb, TCPX_TIMER_DELACK, now_ns, delay_ns);
}

void tcpx_timers_ack_held(struct tcpx_sock *tcb, u64 now_ns)
{
	u64 delay_ns = (u64)READ_ONCE(knobs_of(tcb)->delack_ms) * NSEC_PER_MSEC;

	delay_ns = min_t(u64, delay_ns, ACK_HELD_NS);
	if (!tcb->rcv.ack_pending) {
		tcb->rcv.ack_pending = 1;
		tcb->rcv.ack_owed_ms = tcpx_ts_of(now_ns);
	}
	if (deadline_of(tcb, TCPX_TIMER_DELACK) > now_ns + delay_ns)
		timer_arm_from(tcb, TCPX_TIMER_DELACK, now_ns, delay_ns);
}

void tcpx_timers_ack_sent(struct tcpx_sock *tcb)
{
	tcb->rcv.ack_pending = 0;
	tcb->rcv.pushed = 0;
	timer_stop(tcb, TCPX_TIMER_DELACK);
}

/* SO_KEEPALIVE, TCP_KEEPIDLE or the state changed. */
void tcpx_timers_keepalive_changed(struct tcpx_sock *tcb)
{
	const struct sock *sk = tcpx_to_sk(tcb);
	u64 wait_ns = keepalive_time_ns(tcb);
	u64 idle = idle_ns(tcb);

	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT))
		return;
	if (sock_flag(sk, SOCK_KEEPOPEN))
		timer_arm(tcb, TCPX_TIMER_KEEPALIVE,
			  idle < wait_ns ? wait_ns - idle : 0);
	else
		timer_stop(tcb, TCPX_TIMER_KEEPALIVE);
}

void tcpx_timers_keepalive(struct sock *sk, int on)
{
	sock_owned_by_me(sk);
	sock_valbool_flag(sk, SOCK_KEEPOPEN, on);
	tcpx_timers_keepalive_changed(tcpx_sk(sk));
}
