// SPDX-License-Identifier: GPL-2.0
/* One segment: header, options, back-pressure, hand it to IP. */
#include "tcpx.h"
#include "cookie.h"
#include "ip.h"
#include "listen.h"
#include "timewait.h"
#include "trace.h"

#include <linux/interrupt.h>
#include <linux/percpu.h>
#include <net/inet_ecn.h>
#include <net/tcp.h>

/* --- back-pressure ------------------------------------------------------- */

/* Sockets that may send again, since the device freed some of their skbs. */
struct output_queue {
	struct tasklet_struct tasklet;
	struct list_head socks;		/* tcpx_sock.output_node, IRQs off */
};

static DEFINE_PER_CPU(struct output_queue, output_queues);

static void output_again(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);

	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		tcpx_output(tcb);
	else if (!test_and_set_bit(TCPX_DEFER_OUTPUT, &tcb->deferred))
		sock_hold(sk);
	bh_unlock_sock(sk);
}

static void tcpx_xmit_tasklet(struct tasklet_struct *t)
{
	struct output_queue *queue = from_tasklet(queue, t, tasklet);
	struct tcpx_sock *tcb, *next;
	unsigned long flags;
	LIST_HEAD(socks);

	local_irq_save(flags);
	list_splice_init(&queue->socks, &socks);
	local_irq_restore(flags);

	list_for_each_entry_safe(tcb, next, &socks, output_node) {
		list_del_init(&tcb->output_node);
		/* Pairs with test_and_set_bit() in tcpx_xmit_wfree(). */
		smp_mb__before_atomic();
		clear_bit(TCPX_OUTPUT_QUEUED, &tcb->deferred);
		output_again(tcb);
		sock_put(tcpx_to_sk(tcb));
	}
}

/*
 * Destructor of what we sent: the device is done with it. Ends in a tail call
 * of the core, so that no text of the module runs after the last reference.
 */
static void tcpx_xmit_wfree(struct sk_buff *skb)
{
	struct tcpx_sock *tcb = tcpx_sk(skb->sk);
	struct output_queue *queue;
	unsigned long flags;

	if (test_bit(TCPX_THROTTLED, &tcb->deferred) &&
	    refcount_inc_not_zero(&skb->sk->sk_refcnt)) {
		if (test_and_set_bit(TCPX_OUTPUT_QUEUED, &tcb->deferred)) {
			__sock_put(skb->sk);
		} else {
			clear_bit(TCPX_THROTTLED, &tcb->deferred);
			local_irq_save(flags);
			queue = this_cpu_ptr(&output_queues);
			list_add_tail(&tcb->output_node, &queue->socks);
			tasklet_schedule(&queue->tasklet);
			local_irq_restore(flags);
		}
	}
	sock_wfree(skb);
}

/* About a millisecond of the present rate, two skbs at least. */
static u32 device_limit(const struct tcpx_sock *tcb, const struct sk_buff *skb)
{
	const struct tcpx_knobs *knobs =
		&tcpx_net(sock_net(tcpx_to_sk(tcb)))->knobs;
	u64 rate = (u64)tcb->cong.cwnd * USEC_PER_SEC;
	u32 limit;

	rate = div_u64(rate, max(tcpx_rtt_srtt_us(&tcb->rtt), 1U));
	limit = min_t(u64, rate >> 10, READ_ONCE(knobs->limit_output_bytes));

	return max(limit, 2 * skb->truesize);
}

bool tcpx_xmit_is_throttled(struct tcpx_sock *tcb, const struct sk_buff *skb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	u32 limit = device_limit(tcb, skb);

	if (refcount_read(&sk->sk_wmem_alloc) <= limit)
		return false;
	set_bit(TCPX_THROTTLED, &tcb->deferred);
	/* Pairs with the order in sock_wfree(): bit, then the count again. */
	smp_mb__after_atomic();
	return refcount_read(&sk->sk_wmem_alloc) > limit;
}

void tcpx_xmit_init(void)
{
	struct output_queue *queue;
	int cpu;

	for_each_possible_cpu(cpu) {
		queue = per_cpu_ptr(&output_queues, cpu);
		INIT_LIST_HEAD(&queue->socks);
		tasklet_setup(&queue->tasklet, tcpx_xmit_tasklet);
	}
}

/* No socket is left, hence nothing is queued; a tasklet may still return. */
void tcpx_xmit_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		tasklet_kill(&per_cpu_ptr(&output_queues, cpu)->tasklet);
}

/* --- header -------------------------------------------------------------- */

/* Order of the octets 12 and 13: data offset, reserved, control bits. */
static __be16 offset_and_flags(unsigned int hdr_len, u16 flags)
{
	return cpu_to_be16((hdr_len / 4) << 12 | flags);
}

static void build_header(struct sk_buff *skb, __be16 sport, __be16 dport,
			 u32 seq, u32 ack, u16 flags, u16 wnd,
			 unsigned int hdr_len)
{
	struct tcphdr *th = tcp_hdr(skb);

	th->source = sport;
	th->dest = dport;
	th->seq = cpu_to_be32(seq);
	th->ack_seq = flags & TCPX_FLAG_ACK ? cpu_to_be32(ack) : 0;
	*((__be16 *)th + 6) = offset_and_flags(hdr_len, flags);
	th->window = cpu_to_be16(wnd);
	th->check = 0;
	th->urg_ptr = 0;
}

static void set_urgent(const struct tcpx_sock *tcb, struct sk_buff *skb, u32 seq)
{
	struct tcphdr *th = tcp_hdr(skb);
	u32 up = tcb->snd.up - seq;

	/* RFC 6093 3.1: beyond the field, point as far as it reaches. */
	if (!tcpx_seq_after(tcb->snd.up, seq))
		return;
	th->urg = 1;
	th->urg_ptr = cpu_to_be16(min_t(u32, up, 0xffff));
}

/*
 * Of data and a FIN the time when they leave. It is not undercut by what is
 * sent meanwhile, should fq hold them.
 */
static u32 ts_now(const struct tcpx_sock *tcb, bool data)
{
	u64 now_ns = tcb->snd.last_data_ns;

	if (!data)
		now_ns = max(ktime_get_ns(), now_ns);
	return tcpx_ts_of(now_ns) + tcb->snd.ts_offset;
}

/* RFC 2883 4: a D-SACK is the first block. */
static unsigned int gather_sack(const struct tcpx_sock *tcb,
				struct tcpx_sack_block *blocks)
{
	unsigned int room = tcpx_options_sack_room(tcb->rcv.ts_ok);
	unsigned int nr = 0, i;

	if (!tcb->rcv.sack_ok)
		return 0;
	if (tcb->rcv.dsack)
		blocks[nr++] = tcb->rcv.dsack_block;
	for (i = 0; i < tcb->rcv.sack_nr && nr < room; i++)
		blocks[nr++] = tcb->rcv.sack[i];
	return nr;
}

/* @cookie: room for one, if the SYN has the option of Fast Open. */
static unsigned int syn_options(struct tcpx_sock *tcb,
				struct tcpx_options *opt, u8 *cookie)
{
	opt->present = TCPX_HAS_MSS;
	opt->mss = tcb->rcv.mss;
	if (tcb->rcv.wscale_ok) {
		opt->present |= TCPX_HAS_WSCALE;
		opt->wscale = tcb->rcv.wscale;
	}
	if (tcb->rcv.sack_ok)
		opt->present |= TCPX_HAS_SACK_OK;
	if (tcb->rcv.ts_ok) {
		opt->present |= TCPX_HAS_TS;
		opt->tsval = ts_now(tcb, false);
		opt->tsecr = tcb->rcv.ts_recent;
	}
	if (unlikely(tcb->user.fastopen & TCPX_TFO_OPTION))
		tcpx_fastopen_syn_option(tcb, opt, cookie);
	return tcpx_options_syn_size(opt);
}

static u16 window_field(struct tcpx_sock *tcb, u16 flags)
{
	struct net *net = sock_net(tcpx_to_sk(tcb));
	u32 wnd = tcpx_output_select_window(tcb);

	/* RFC 7323 2.2: not scaled on a SYN. */
	if (unlikely(flags & TCPX_FLAG_SYN))
		wnd = min_t(u32, wnd, TCPX_WINDOW_MAX);
	if (unlikely(!wnd && tcb->rcv.wnd))
		TCPX_INC(net, ToZeroWindowAdv);
	else if (unlikely(wnd && !tcb->rcv.wnd))
		TCPX_INC(net, FromZeroWindowAdv);
	tcb->rcv.wnd = wnd;
	tcb->rcv.wup = tcb->rcv.nxt;
	return flags & TCPX_FLAG_SYN ? wnd : wnd >> tcb->rcv.wscale;
}

static void ack_was_sent(struct tcpx_sock *tcb, bool told_sack)
{
	if (!told_sack)
		return;
	tcb->rcv.dsack = 0;
	tcb->rcv.ack_now = 0;
	if (tcb->rcv.quick_acks)
		tcb->rcv.quick_acks--;
	if (tcb->rcv.ack_pending)
		tcpx_timers_ack_sent(tcb);
}

/*
 * fq is told when @skb shall leave: when it was sent, which may be later than
 * now, or now. Without a time it would hold an ACK for the rate of the data.
 */
static void set_delivery_time(struct sk_buff *skb)
{
	ktime_t at = 0;

	if (unlikely(READ_ONCE(skb->sk->sk_pacing_status) == SK_PACING_FQ))
		at = skb->skb_mstamp_ns ?: ktime_get_ns();
	skb_set_delivery_time(skb, at, true);
}

/*
 * Put a header before the payload of @skb and send it. SACK blocks go where
 * they fit: a full data segment has no room for them, then the ACK that is
 * owed stays owed. Consumes @skb.
 */
static int send_segment(struct tcpx_sock *tcb, struct sk_buff *skb, u32 seq,
			u16 flags)
{
	struct tcpx_sack_block blocks[TCPX_SACK_MAX];
	struct sock *sk = tcpx_to_sk(tcb);
	struct inet_sock *inet = inet_sk(sk);
	unsigned int len = skb->len, hdr_len, nr = 0, accecn = 0;
	u8 cookie[TCPX_TFO_COOKIE_MAX];
	struct tcpx_options syn_opt;
	bool timed = len || flags & TCPX_FLAG_FIN;
	bool told_sack = true;
	__be32 *opt;
	int err;

	if (unlikely(flags & TCPX_FLAG_SYN)) {
		hdr_len = TCPX_HDR_LEN + syn_options(tcb, &syn_opt, cookie);
	} else {
		if (unlikely(tcb->rcv.sack_nr || tcb->rcv.dsack))
			nr = gather_sack(tcb, blocks);
		hdr_len = TCPX_HDR_LEN + tcpx_options_size(tcb->rcv.ts_ok, nr);
		if (unlikely(nr && len + tcpx_options_size(false, nr) >
				   tcb->snd.mss)) {
			told_sack = len == 0;
			nr = told_sack ? nr : 0;
			hdr_len = TCPX_HDR_LEN +
				  tcpx_options_size(tcb->rcv.ts_ok, nr);
		}
		if (unlikely(tcb->rcv.ecn & TCPX_ECN_ACCURATE) && !len &&
		    !(flags & TCPX_FLAG_RST)) {
			accecn = tcpx_accecn_option_size(tcb, TCPX_HDR_LEN_MAX -
							      hdr_len);
			hdr_len += accecn;
		}
	}

	if (unlikely(tcb->rcv.ecn))
		flags = tcpx_ecn_send(tcb, skb, seq, flags);
	skb_push(skb, hdr_len);
	skb_reset_transport_header(skb);
	build_header(skb, inet->inet_sport, inet->inet_dport, seq,
		     tcb->rcv.nxt, flags, window_field(tcb, flags), hdr_len);
	opt = (__be32 *)(skb->data + TCPX_HDR_LEN);
	if (unlikely(flags & TCPX_FLAG_SYN)) {
		tcpx_options_build_syn(opt, &syn_opt);
	} else {
		if (tcb->rcv.ts_ok)
			opt = tcpx_options_build_ts(opt, ts_now(tcb, timed),
						    tcb->rcv.ts_recent);
		if (nr)
			opt = tcpx_options_build_sack(opt, nr, blocks);
		if (unlikely(accecn))
			tcpx_accecn_option_build(tcb, opt, accecn);
	}
	if (unlikely(tcb->snd.urgent))
		set_urgent(tcb, skb, seq);

	skb->sk = sk;
	skb->destructor = tcpx_xmit_wfree;
	refcount_add(skb->truesize, &sk->sk_wmem_alloc);
	skb_set_dst_pending_confirm(skb, READ_ONCE(sk->sk_dst_pending_confirm));

	trace_tcpx_segment_out(sk, skb, seq, flags, len);
	tcb->stats.segs_out += max_t(u16, 1, skb_shinfo(skb)->gso_segs);
	TCPX_ADD(sock_net(sk), OutSegs, max_t(u16, 1, skb_shinfo(skb)->gso_segs));
	if (flags & TCPX_FLAG_ACK)
		ack_was_sent(tcb, told_sack);

	set_delivery_time(skb);
	err = tcb->ip->xmit(sk, skb);
	return net_xmit_eval(err);	/* a macro: twice */
}

/* --- segments of a connection -------------------------------------------- */

/*
 * The original stays queued; an earlier clone may still sit in a queue and
 * shares the header's room, then a copy of the header is needed.
 */
static struct sk_buff *clone_for_xmit(struct sk_buff *skb, gfp_t gfp)
{
	struct list_head anchor = skb->tcp_tsorted_anchor;
	struct sk_buff *clone;

	/* Not to be taken for the dst and the destructor. */
	skb->_skb_refdst = 0;
	skb->destructor = NULL;
	if (unlikely(skb_cloned(skb)))
		clone = pskb_copy(skb, gfp);
	else
		clone = skb_clone(skb, gfp);
	skb->tcp_tsorted_anchor = anchor;
	if (!clone)
		return NULL;
	memset(clone->cb, 0, sizeof(clone->cb));
	clone->dev = NULL;
	clone->_skb_refdst = 0;
	return clone;
}

int tcpx_xmit_data(struct tcpx_sock *tcb, struct sk_buff *skb, u64 now_ns,
		   gfp_t gfp)
{
	const struct tcpx_tx_cb *cb = tcpx_tx_cb(skb);
	struct sk_buff *clone;
	u16 flags = cb->flags;

	skb->skb_mstamp_ns = tcpx_timers_departure(tcb, skb->len, now_ns);
	clone = clone_for_xmit(skb, gfp);
	if (unlikely(!clone))
		return -ENOBUFS;

	if (clone->len > cb->gso_size && cb->gso_size) {
		skb_shinfo(clone)->gso_size = cb->gso_size;
		skb_shinfo(clone)->gso_segs = cb->gso_segs;
		skb_shinfo(clone)->gso_type = tcb->ip->family == AF_INET ?
					      SKB_GSO_TCPV4 : SKB_GSO_TCPV6;
	} else {
		skb_shinfo(clone)->gso_size = 0;
		skb_shinfo(clone)->gso_segs = 0;
		skb_shinfo(clone)->gso_type = 0;
	}
	if (tcpx_to_sk(tcb)->sk_state != TCP_SYN_SENT)
		flags |= TCPX_FLAG_ACK;
	if (clone->len)
		tcb->stats.data_segs_out += cb->gso_segs;
	if (clone->len || flags & TCPX_FLAG_FIN)
		tcb->snd.last_data_ns = skb->skb_mstamp_ns;
	return send_segment(tcb, clone, cb->seq, flags);
}

static struct sk_buff *alloc_control(gfp_t gfp)
{
	struct sk_buff *skb = alloc_skb(MAX_TCP_HEADER, gfp);

	if (skb) {
		skb_reserve(skb, MAX_TCP_HEADER);
		skb->ip_summed = CHECKSUM_PARTIAL;
	}
	return skb;
}

static void send_control(struct tcpx_sock *tcb, u32 seq, u16 flags)
{
	struct sk_buff *skb = alloc_control(sk_gfp_mask(tcpx_to_sk(tcb),
							GFP_ATOMIC |
							__GFP_NOWARN));

	if (skb)
		send_segment(tcb, skb, seq, flags);
	else if (flags == TCPX_FLAG_ACK)
		tcpx_timers_ack_delayed(tcb, ktime_get_ns());	/* again */
}

void tcpx_xmit_ack(struct tcpx_sock *tcb)
{
	if (tcpx_to_sk(tcb)->sk_state == TCP_CLOSE)
		return;
	send_control(tcb, tcb->snd.nxt, TCPX_FLAG_ACK);
}

void tcpx_xmit_probe(struct tcpx_sock *tcb, u32 seq)
{
	if (tcpx_to_sk(tcb)->sk_state == TCP_CLOSE)
		return;
	send_control(tcb, seq, TCPX_FLAG_ACK);
}

bool tcpx_xmit_is_limited(struct net *net, u32 *last_ms)
{
	u32 gap_ms = READ_ONCE(tcpx_net(net)->knobs.invalid_ratelimit_ms);
	u32 now = tcpx_ts_clock() ?: 1;

	if (*last_ms && now - *last_ms < gap_ms) {
		TCPX_INC(net, ACKSkipped);
		return true;
	}
	*last_ms = now;
	return false;
}

/*
 * Text is answered always: the peer retransmits because it missed our ACK;
 * without text two confused ends could go on for ever.
 */
void tcpx_xmit_limited_ack(struct tcpx_sock *tcb, const struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);

	if ((seg->flags & TCPX_FLAG_SYN || !seg->len) &&
	    tcpx_xmit_is_limited(sock_net(tcpx_to_sk(tcb)), &tcb->rcv.ack_limit_ms))
		return;
	tcpx_xmit_ack(tcb);
}

/*
 * RFC 5961 7: so many in a period. Counted for each connection: a count that
 * connections share tells the one's owner about the other (CVE-2016-5696).
 */
static bool challenges_are_used_up(struct tcpx_sock *tcb)
{
	const struct tcpx_knobs *knobs =
		&tcpx_net(sock_net(tcpx_to_sk(tcb)))->knobs;
	u32 now = tcpx_ts_clock();

	if (!tcb->rcv.challenges || now - tcb->rcv.challenge_ms >=
				    READ_ONCE(knobs->challenge_ack_period_ms)) {
		tcb->rcv.challenge_ms = now;
		tcb->rcv.challenges = 0;
	}
	if (tcb->rcv.challenges >=
	    min(READ_ONCE(knobs->challenge_ack_limit), U16_MAX))
		return true;
	tcb->rcv.challenges++;
	return false;
}

void tcpx_xmit_challenge_ack(struct tcpx_sock *tcb)
{
	struct net *net = sock_net(tcpx_to_sk(tcb));

	if (challenges_are_used_up(tcb)) {
		TCPX_INC(net, ACKSkipped);
		return;
	}
	TCPX_INC(net, ChallengeACK);
	tcpx_xmit_ack(tcb);
}

/* RFC 9293 3.10.5: SEG.SEQ = SND.NXT; with an ACK the peer's checks pass. */
void tcpx_xmit_rst(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);

	TCPX_INC(sock_net(sk), OutRsts);
	send_control(tcb, tcb->snd.nxt, TCPX_FLAG_RST | TCPX_FLAG_ACK);
}

/* --- segments without a connection --------------------------------------- */

struct bare_segment {
	u32 seq;
	u32 ack;
	u16 flags;
	u16 wnd;
	bool ts;
	u32 tsval;
	u32 tsecr;
};

static struct sk_buff *build_bare(const struct tcpx_flow *flow,
				  const struct bare_segment *seg,
				  const struct tcpx_options *syn_opt)
{
	unsigned int opt_len = tcpx_options_size(seg->ts, 0);
	struct sk_buff *skb = alloc_control(GFP_ATOMIC | __GFP_NOWARN);
	__be32 *opt;

	if (!skb)
		return NULL;
	if (syn_opt)
		opt_len = tcpx_options_syn_size(syn_opt);
	skb_push(skb, TCPX_HDR_LEN + opt_len);
	skb_reset_transport_header(skb);
	build_header(skb, flow->sport, flow->dport, seg->seq, seg->ack,
		     seg->flags, seg->wnd, TCPX_HDR_LEN + opt_len);
	opt = (__be32 *)(skb->data + TCPX_HDR_LEN);
	if (syn_opt)
		tcpx_options_build_syn(opt, syn_opt);
	else if (seg->ts)
		tcpx_options_build_ts(opt, seg->tsval, seg->tsecr);
	return skb;
}

static void send_bare(const struct sock *sk, const struct tcpx_ip_ops *ip,
		      const struct tcpx_flow *flow,
		      const struct bare_segment *seg,
		      const struct tcpx_options *syn_opt)
{
	struct sk_buff *skb = build_bare(flow, seg, syn_opt);

	if (!skb || !sk) {
		kfree_skb(skb);
		return;
	}
	TCPX_INC(flow->net, OutSegs);
	if (seg->flags & TCPX_FLAG_RST)
		TCPX_INC(flow->net, OutRsts);
	ip->send_flow(sk, skb, flow);
}

static const struct sock *control_sock(const struct tcpx_ip_ops *ip,
				       const struct net *net)
{
	const struct tcpx_net *tn = tcpx_net(net);

	return ip->family == AF_INET ? tn->ctl4 : tn->ctl6;
}

/* RFC 9293 3.10.7.1; never in answer to a RST. */
void tcpx_xmit_rst_reply(struct net *net, const struct sk_buff *skb)
{
	const struct tcpx_ip_ops *ip = tcpx_ip_of_skb(skb);
	const struct tcpx_seg *in = tcpx_seg(skb);
	struct bare_segment seg = { .flags = TCPX_FLAG_RST };
	struct tcpx_flow flow;

	if (in->flags & TCPX_FLAG_RST)
		return;
	if (in->flags & TCPX_FLAG_ACK) {
		seg.seq = in->ack;
	} else {
		seg.flags |= TCPX_FLAG_ACK;
		seg.ack = in->end_seq;
	}
	tcpx_flow_reply(&flow, net, skb);
	send_bare(control_sock(ip, net), ip, &flow, &seg, NULL);
}

static u32 request_ts(const struct tcpx_request *req)
{
	u32 clock = tcpx_ts_clock();

	if (unlikely(req->cookie))
		clock = tcpx_cookie_ts(req, clock);
	return clock + req->ts_offset;
}

void tcpx_xmit_syn_ack(struct tcpx_request *req, bool first)
{
	const struct sock *listener = req->common.skc_listener;
	struct tcpx_options opt = { .present = TCPX_HAS_MSS };
	struct bare_segment seg = {
		.seq = req->iss,
		.ack = req->irs + 1,
		.flags = TCPX_FLAG_SYN | TCPX_FLAG_ACK,
		.wnd = min_t(u32, req->rcv_wnd, TCPX_WINDOW_MAX),
	};
	u8 cookie[TCPX_TFO_COOKIE_LEN];
	const struct tcpx_ip_ops *ip;
	struct tcpx_flow flow;
	unsigned int room;

	ip = tcpx_flow_of(&flow, &req->common);
	flow.mark = req->mark;
	flow.tos = req->tos;
	opt.mss = req->mss_adv;
	if (unlikely(first && req->offer))
		tcpx_fastopen_offer(listener, &flow, &opt, cookie);
	seg.flags |= tcpx_ecn_request_flags(req);
	if (req->wscale_ok) {
		opt.present |= TCPX_HAS_WSCALE;
		opt.wscale = req->rcv_wscale;
	}
	if (req->sack_ok)
		opt.present |= TCPX_HAS_SACK_OK;
	if (req->ts_ok) {
		opt.present |= TCPX_HAS_TS;
		opt.tsval = request_ts(req);
		opt.tsecr = req->ts_recent;
	}
	if (unlikely(first && READ_ONCE(req->ecn) & TCPX_ECN_ACCURATE)) {
		room = TCPX_OPTIONS_LEN_MAX - tcpx_options_syn_size(&opt);
		opt.accecn_len = tcpx_accecn_syn_ack_option(flow.net, room);
	}
	send_bare(listener, ip, &flow, &seg, &opt);
}

void tcpx_xmit_syn_ack_again(struct tcpx_request *req)
{
	struct net *net = sock_net(req->common.skc_listener);

	if (tcpx_xmit_is_limited(net, &req->ack_limit_ms))
		return;
	TCPX_INC(net, SynRetrans);
	TCPX_INC(net, RetransSegs);
	tcpx_xmit_syn_ack(req, false);
}

void tcpx_xmit_request_ack(struct tcpx_request *req)
{
	const struct sock *listener = req->common.skc_listener;
	struct bare_segment seg = {
		.seq = req->iss + 1,
		.ack = req->irs + 1,
		.flags = TCPX_FLAG_ACK,
		.wnd = min_t(u32, DIV_ROUND_UP(req->rcv_wnd,
						1U << req->rcv_wscale),
			     TCPX_WINDOW_MAX),
		.ts = req->ts_ok,
		.tsval = request_ts(req),
		.tsecr = req->ts_recent,
	};
	const struct tcpx_ip_ops *ip;
	struct tcpx_flow flow;

	if (tcpx_xmit_is_limited(sock_net(listener), &req->ack_limit_ms))
		return;
	if (unlikely(READ_ONCE(req->ecn) & TCPX_ECN_ACCURATE))
		seg.flags |= tcpx_accecn_request_flags();
	ip = tcpx_flow_of(&flow, &req->common);
	flow.mark = req->mark;
	flow.tos = req->tos;
	send_bare(listener, ip, &flow, &seg, NULL);
}

void tcpx_xmit_timewait_ack(struct tcpx_timewait *tw)
{
	struct net *net = read_pnet(&tw->common.skc_net);
	struct bare_segment seg = {
		.seq = tw->common.skc_tw_snd_nxt,
		.ack = tw->common.skc_tw_rcv_nxt,
		.flags = TCPX_FLAG_ACK | tcpx_accecn_timewait_flags(tw->ace),
		.wnd = tw->rcv_wnd,
		.ts = tw->ts_ok,
		.tsval = tcpx_ts_clock() + tw->ts_offset,
		.tsecr = tw->ts_recent,
	};
	const struct tcpx_ip_ops *ip;
	struct tcpx_flow flow;

	ip = tcpx_flow_of(&flow, &tw->common);
	flow.mark = tw->mark;
	flow.tos = tw->tos;
	send_bare(control_sock(ip, net), ip, &flow, &seg, NULL);
}
