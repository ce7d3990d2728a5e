// SPDX-License-Identifier: GPL-2.0
/*
 * TCP Fast Open, RFC 7413.
 *
 * Server: a SYN with a good cookie makes the child at once, in SYN-RECEIVED
 * and with the SYN on its retransmission queue, as a simultaneous open does.
 * It can be accepted, read and written (TCPX_TFO_PENDING) before the final ACK,
 * and holds a place in its listener's queue until then. Cookies are native's:
 * with the same key one stack takes the other's.
 *
 * Client: text that goes with the SYN stays on the send queue as if it had not
 * been sent (TCPX_TFO_TEXT). When the SYN,ACK acknowledges it, it has been; if
 * not, it is sent as any other, with the ACK. A SYN that is sent again has
 * neither option nor text.
 *
 * The cookie and the MSS of a pair of addresses, and what failed with them, are
 * in the metrics cache.
 */
#include "fastopen.h"
#include "ip.h"
#include "listen.h"
#include "metrics.h"
#include "options.h"
#include "tcpx.h"

#include <linux/atomic.h>
#include <linux/net.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/tcp.h>

#include <net/dst.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

/* After a failure with a destination, doubling. */
#define NEGATIVE_S	60
#define NEGATIVE_SHIFT_MAX 6
#define BLACKHOLE_SHIFT_MAX 6

struct tcpx_fastopen_net {
	struct tcpx_fastopen_keys __rcu *keys;
	u32 disabled_s;			/* when the last black hole was met */
	atomic_t disabled;		/* how many in a row, 0: none */
};

static struct tcpx_fastopen_net *fastopen_net(const struct net *net)
{
	return tcpx_net(net)->fastopen;
}

static const struct tcpx_knobs *knobs_of(const struct sock *sk)
{
	return &tcpx_net(sock_net(sk))->knobs;
}

static struct tcpx_listen *listen_of(const struct sock *sk)
{
	return tcpx_sk(sk)->listen;
}

/* Flags are read locklessly by poll and ioctl. */
static void set_flags(struct tcpx_sock *tcb, u8 flags)
{
	WRITE_ONCE(tcb->user.fastopen, tcb->user.fastopen | flags);
}

static void clear_flags(struct tcpx_sock *tcb, u8 flags)
{
	WRITE_ONCE(tcb->user.fastopen, tcb->user.fastopen & ~flags);
}

static void set_client_fail(struct tcpx_sock *tcb, u8 why)
{
	clear_flags(tcb, 3 << TCPX_TFO_FAIL_SHIFT);
	set_flags(tcb, why << TCPX_TFO_FAIL_SHIFT);
}

/* --- keys ---------------------------------------------------------------- */

static u64 load_le64(const u8 *from)
{
	__le64 value;

	memcpy(&value, from, sizeof(value));
	return le64_to_cpu(value);
}

static void store_le64(u8 *to, u64 value)
{
	__le64 le = cpu_to_le64(value);

	memcpy(to, &le, sizeof(le));
}

static void replace_keys(struct tcpx_fastopen_keys __rcu **slot,
			 struct tcpx_fastopen_keys *keys)
{
	keys = unrcu_pointer(xchg(slot, RCU_INITIALIZER(keys)));
	if (keys)
		kfree_rcu(keys, rcu);
}

static struct tcpx_fastopen_keys __rcu **slot_of(struct net *net,
						 const struct sock *sk)
{
	return sk ? &listen_of(sk)->fastopen.keys : &fastopen_net(net)->keys;
}

int tcpx_fastopen_set_keys(struct net *net, struct sock *sk, const u8 *bytes,
			   unsigned int nr)
{
	struct tcpx_fastopen_keys *keys;
	unsigned int i;

	keys = kzalloc(sizeof(*keys), GFP_KERNEL);
	if (!keys)
		return -ENOMEM;

	keys->nr = nr;
	for (i = 0; i < nr; i++, bytes += TCPX_TFO_KEY_LEN) {
		keys->key[i].key[0] = load_le64(bytes);
		keys->key[i].key[1] = load_le64(bytes + 8);
	}
	replace_keys(slot_of(net, sk), keys);
	return 0;
}

unsigned int tcpx_fastopen_get_keys(struct net *net, const struct sock *sk,
				    u8 *bytes)
{
	const struct tcpx_fastopen_keys *keys;
	unsigned int i, nr = 0;

	rcu_read_lock();
	keys = rcu_dereference(*slot_of(net, sk));
	if (keys)
		nr = keys->nr;
	for (i = 0; i < nr; i++, bytes += TCPX_TFO_KEY_LEN) {
		store_le64(bytes, keys->key[i].key[0]);
		store_le64(bytes + 8, keys->key[i].key[1]);
	}
	rcu_read_unlock();
	return nr;
}

int tcpx_fastopen_init_net(struct net *net)
{
	struct tcpx_fastopen_net *fn;
	u8 key[TCPX_TFO_KEY_LEN];

	fn = kzalloc(sizeof(*fn), GFP_KERNEL);
	if (!fn)
		return -ENOMEM;

	tcpx_net(net)->fastopen = fn;
	get_random_bytes(key, sizeof(key));
	if (tcpx_fastopen_set_keys(net, NULL, key, 1)) {
		kfree(fn);
		return -ENOMEM;
	}
	memzero_explicit(key, sizeof(key));
	return 0;
}

void tcpx_fastopen_exit_net(struct net *net)
{
	struct tcpx_fastopen_net *fn = fastopen_net(net);

	replace_keys(&fn->keys, NULL);
	kfree(fn);
}

/* --- server: cookies ----------------------------------------------------- */

/* A keyed hash of both addresses, the client's first: native's. */
static u64 cookie_of(const struct tcpx_flow *flow, const siphash_key_t *key)
{
	struct {
		struct in6_addr theirs;
		struct in6_addr ours;
	} __aligned(SIPHASH_ALIGNMENT) in6;
	struct {
		__be32 theirs;
		__be32 ours;
	} __aligned(SIPHASH_ALIGNMENT) in4;

	if (flow->family == AF_INET) {
		in4.theirs = flow->daddr4;
		in4.ours = flow->saddr4;
		return siphash(&in4, sizeof(in4), key);
	}
	in6.theirs = flow->daddr6;
	in6.ours = flow->saddr6;
	return siphash(&in6, sizeof(in6), key);
}

static const struct tcpx_fastopen_keys *keys_of(const struct sock *listener)
{
	const struct tcpx_fastopen_keys *keys;

	keys = rcu_dereference(listen_of(listener)->fastopen.keys);
	return keys ?: rcu_dereference(fastopen_net(sock_net(listener))->keys);
}

void tcpx_fastopen_offer(const struct sock *listener,
			 const struct tcpx_flow *flow,
			 struct tcpx_options *opt, u8 *cookie)
{
	rcu_read_lock();
	store_le64(cookie, cookie_of(flow, &keys_of(listener)->key[0]));
	rcu_read_unlock();
	opt->cookie = cookie;
	opt->cookie_len = TCPX_TFO_COOKIE_LEN;
	opt->present |= TCPX_HAS_FASTOPEN;
}

static enum tcpx_fastopen_verdict check_cookie(const struct sock *sk,
					       const struct sk_buff *skb,
					       const struct tcpx_options *opt)
{
	const struct tcpx_fastopen_keys *keys = keys_of(sk);
	struct tcpx_flow flow;
	unsigned int i;

	if (opt->cookie_len != TCPX_TFO_COOKIE_LEN)
		return TCPX_TFO_OFFER;
	tcpx_flow_reply(&flow, sock_net(sk), skb);
	for (i = 0; i < keys->nr; i++) {
		if (cookie_of(&flow, &keys->key[i]) ==
		    load_le64(opt->cookie))
			return i ? TCPX_TFO_RENEW : TCPX_TFO_OPEN;
	}
	return TCPX_TFO_OFFER;
}

/* --- server: the queue --------------------------------------------------- */

void tcpx_fastopen_set_queue(struct sock *sk, int max)
{
	int most = READ_ONCE(sock_net(sk)->core.sysctl_somaxconn);

	WRITE_ONCE(listen_of(sk)->fastopen.max,
		   min_t(unsigned int, max, most));
}

void tcpx_fastopen_listen(struct sock *sk, int backlog)
{
	int knob = READ_ONCE(knobs_of(sk)->fastopen);

	if (knob & TCPX_TFO_ALL_LISTENERS && knob & TCPX_TFO_SERVER &&
	    !listen_of(sk)->fastopen.max)
		tcpx_fastopen_set_queue(sk, backlog);
}

void tcpx_fastopen_free_queue(struct tcpx_fastopen_queue *q)
{
	replace_keys(&q->keys, NULL);
}

/* RSTs of a minute ago don't count any more. */
static void advance(struct tcpx_fastopen_queue *q)
{
	u32 now = (u32)ktime_get_seconds() / TCPX_TFO_RESET_SLOT_S;
	u32 steps = min_t(u32, now - q->reset_slot, TCPX_TFO_RESET_SLOTS);
	u32 *resets;

	while (steps) {
		steps--;
		resets = &q->resets[(now - steps) % TCPX_TFO_RESET_SLOTS];
		q->pending -= *resets;
		*resets = 0;
	}
	q->reset_slot = now;
}

/* Is there room for one more; @take it. */
static bool has_room(struct sock *sk, bool take)
{
	struct tcpx_fastopen_queue *q = &listen_of(sk)->fastopen;
	u32 max = READ_ONCE(q->max);
	bool room;

	spin_lock(&listen_of(sk)->lock);
	if (q->pending >= max)
		advance(q);
	room = q->pending < max;
	if (room && take)
		q->pending++;
	spin_unlock(&listen_of(sk)->lock);
	if (!room)
		TCPX_INC(sock_net(sk), FastOpenListenOverflow);
	return room;
}

static void give_back(struct sock *sk, bool reset)
{
	struct tcpx_listen *l = listen_of(sk);
	struct tcpx_fastopen_queue *q = &l->fastopen;

	spin_lock_bh(&l->lock);
	if (reset) {
		advance(q);
		q->resets[q->reset_slot % TCPX_TFO_RESET_SLOTS]++;
	} else {
		q->pending--;
	}
	spin_unlock_bh(&l->lock);
}

void tcpx_fastopen_failed(struct sock *sk)
{
	TCPX_INC(sock_net(sk), FastOpenPassiveFail);
	give_back(sk, false);
}

/* --- server: a SYN ------------------------------------------------------- */

static bool needs_no_cookie(const struct sock *sk)
{
	return READ_ONCE(knobs_of(sk)->fastopen) & TCPX_TFO_SERVER_NO_COOKIE ||
	       tcpx_sk(sk)->user.fastopen_no_cookie;
}

/*
 * RFC 7413 4.2.2. The limit is looked at before the cookie, as in native: a
 * flood is not to cost hashes.
 */
enum tcpx_fastopen_verdict
tcpx_fastopen_syn_arrived(struct sock *sk, const struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	enum tcpx_fastopen_verdict verdict;
	struct net *net = sock_net(sk);
	struct tcpx_options opt;

	tcpx_options_parse(skb_transport_header(skb) + TCPX_HDR_LEN,
			   seg->hdr_len - TCPX_HDR_LEN, true, &opt);
	if (opt.present & TCPX_HAS_FASTOPEN && !opt.cookie_len)
		TCPX_INC(net, FastOpenCookieReqd);
	if (!(READ_ONCE(knobs_of(sk)->fastopen) & TCPX_TFO_SERVER) ||
	    !READ_ONCE(listen_of(sk)->fastopen.max) || !has_room(sk, false))
		return TCPX_TFO_NOTHING;

	if (needs_no_cookie(sk)) {
		verdict = TCPX_TFO_OPEN;
	} else {
		if (!(opt.present & TCPX_HAS_FASTOPEN))
			return TCPX_TFO_NOTHING;
		if (!opt.cookie_len)
			return TCPX_TFO_OFFER;
		verdict = check_cookie(sk, skb, &opt);
	}
	if (verdict == TCPX_TFO_OFFER)
		TCPX_INC(net, FastOpenPassiveFail);
	else if (!has_room(sk, true))
		verdict = TCPX_TFO_NOTHING;
	return verdict;
}

void tcpx_fastopen_opened(struct sock *child, struct sock *listener,
			  enum tcpx_fastopen_verdict verdict)
{
	struct tcpx_sock *tcb = tcpx_sk(child);
	struct net *net = sock_net(child);

	sock_owned_by_me(child);
	tcb->listener = listener;
	set_flags(tcb, TCPX_TFO_PENDING);
	TCPX_INC(net, FastOpenPassive);
	if (verdict != TCPX_TFO_RENEW)
		return;
	set_flags(tcb, TCPX_TFO_OPTION);
	TCPX_INC(net, FastOpenPassiveAltKey);
}

/*
 * 7413-6: a RST may be of a victim whose address was forged. Were the place
 * free at once, its SYN,ACKs could go on without limit.
 */
void tcpx_fastopen_settled(struct tcpx_sock *tcb, bool reset)
{
	struct sock *listener = tcb->listener;

	sock_owned_by_me(tcpx_to_sk(tcb));
	clear_flags(tcb, TCPX_TFO_PENDING);
	tcb->listener = NULL;
	give_back(listener, reset);
	sock_put(listener);
}

/* --- client: what is kept ------------------------------------------------ */

static void note_outcome(struct tcpx_metrics_fastopen *kept, bool failed)
{
	if (!failed) {
		kept->failures = 0;
		return;
	}
	kept->negative_s = (u32)ktime_get_seconds() +
			   (NEGATIVE_S << min_t(u8, kept->failures,
						NEGATIVE_SHIFT_MAX));
	if (kept->failures < U8_MAX)
		kept->failures++;
}

struct answer {
	const struct tcpx_options *opt;		/* NULL: none came */
	bool failed;
};

static void keep_answer(struct tcpx_metrics *m, const void *what)
{
	const struct answer *answer = what;
	const struct tcpx_options *opt = answer->opt;

	note_outcome(&m->fastopen, answer->failed);
	if (!opt)
		return;
	if (opt->present & TCPX_HAS_MSS)
		m->fastopen.mss = opt->mss;
	if (opt->present & TCPX_HAS_FASTOPEN) {
		m->fastopen.cookie_len = opt->cookie_len;
		memcpy(m->fastopen.cookie, opt->cookie, opt->cookie_len);
	}
}

/* What a SYN,ACK with @opt told; NULL: none came. */
static void keep(const struct sock *sk, const struct tcpx_options *opt,
		 bool failed)
{
	struct answer answer = { .opt = opt, .failed = failed };

	tcpx_metrics_update(sk, keep_answer, &answer);
}

/* 7413-4: the last attempt failed not long ago. */
static bool has_failed_lately(const struct tcpx_metrics_fastopen *kept)
{
	return kept->failures &&
	       (s32)((u32)ktime_get_seconds() - kept->negative_s) < 0;
}

/* --- client: black holes ------------------------------------------------- */

/*
 * Middleboxes may let the handshake pass and lose all that follows. As native,
 * with whom this began: active Fast Open pauses for the whole namespace, for
 * the knob's time, doubled each time it happens again.
 */
void tcpx_fastopen_blackholed(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct tcpx_fastopen_net *fn = fastopen_net(sock_net(sk));

	if (!READ_ONCE(knobs_of(sk)->fastopen_blackhole_s))
		return;
	WRITE_ONCE(fn->disabled_s, (u32)ktime_get_seconds());
	/* Pairs with the smp_rmb() of is_paused(): the time is seen first. */
	smp_mb__before_atomic();
	atomic_inc(&fn->disabled);
	TCPX_INC(sock_net(sk), FastOpenBlackhole);
}

static bool is_paused(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct tcpx_fastopen_net *fn = fastopen_net(sock_net(sk));
	u32 pause_s = READ_ONCE(knobs_of(sk)->fastopen_blackhole_s);
	int times = atomic_read(&fn->disabled);
	u32 passed_s;

	if (!pause_s || !times)
		return false;
	smp_rmb();	/* pairs with tcpx_fastopen_blackholed() */
	passed_s = (u32)ktime_get_seconds() - READ_ONCE(fn->disabled_s);
	/* Of whole seconds the first may have been a short one: one more. */
	if (passed_s <= (u64)pause_s << min(times - 1, BLACKHOLE_SHIFT_MAX))
		return true;
	set_flags(tcb, TCPX_TFO_PROBATION);
	return false;
}

void tcpx_fastopen_forget_blackholes(struct net *net)
{
	atomic_set(&fastopen_net(net)->disabled, 0);
}

void tcpx_fastopen_unreachable(struct tcpx_sock *tcb)
{
	if (tcb->user.fastopen & TCPX_TFO_ACTIVE)
		keep(tcpx_to_sk(tcb), NULL, true);
}

void tcpx_fastopen_timed_out(struct tcpx_sock *tcb, bool last)
{
	struct sock *sk = tcpx_to_sk(tcb);
	u8 timeouts = tcb->recovery.timeouts;

	if (last && sk->sk_state == TCP_SYN_SENT)
		tcpx_fastopen_unreachable(tcb);
	if (timeouts == 2 || (timeouts < 2 && last)) {
		tcpx_fastopen_blackholed(tcb);
		TCPX_INC(sock_net(sk), FastOpenActiveFail);
	}
}

static bool has_nothing_but_fin(const struct tcpx_sock *tcb)
{
	const struct sk_buff *skb = skb_rb_first(&tcb->rcv.ooo);

	return !tcb->stats.data_segs_in && skb && !skb_rb_next(skb) &&
	       tcpx_seg(skb)->flags & TCPX_FLAG_FIN;
}

static bool is_on_loopback(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get(sk);

	return dst && dst->dev->flags & IFF_LOOPBACK;
}

/* Data on the first attempt after a pause: the way is free again. */
void tcpx_fastopen_closed(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);

	if (has_nothing_but_fin(tcb))
		tcpx_fastopen_blackholed(tcb);
	else if (tcb->stats.data_segs_in && !is_on_loopback(sk) &&
		 tcb->user.fastopen & TCPX_TFO_PROBATION)
		tcpx_fastopen_forget_blackholes(sock_net(sk));
}

/* --- client: the SYN ----------------------------------------------------- */

static bool sends_no_cookie(const struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	const struct dst_entry *dst = __sk_dst_get(sk);

	return READ_ONCE(knobs_of(sk)->fastopen) & TCPX_TFO_CLIENT_NO_COOKIE ||
	       tcb->user.fastopen_no_cookie ||
	       (dst && dst_metric(dst, RTAX_FASTOPEN_NO_COOKIE));
}

u32 tcpx_fastopen_prepare(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct tcpx_metrics m;

	sock_owned_by_me(sk);
	tcpx_metrics_create(sock_net(sk));
	tcpx_metrics_get(sk, &m);
	if (is_paused(tcb) || has_failed_lately(&m.fastopen))
		return 0;
	if (!sends_no_cookie(tcb)) {
		set_flags(tcb, TCPX_TFO_OPTION);
		if (!m.fastopen.cookie_len) {
			set_client_fail(tcb, TFO_COOKIE_UNAVAILABLE);
			return 0;
		}
	}
	return tcpx_pmtu_syn_room(tcb, m.fastopen.mss);
}

bool tcpx_fastopen_defers(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);

	/* sendmsg() sends it. */
	if (inet_test_bit(DEFER_CONNECT, sk))
		return true;
	if (likely(!tcb->user.fastopen_connect))
		return false;
	if (!tcpx_fastopen_prepare(tcb))
		return false;
	inet_set_bit(DEFER_CONNECT, sk);
	return true;
}

static void take_cached(struct tcpx_sock *tcb, struct tcpx_options *opt,
			u8 *cookie)
{
	struct tcpx_metrics m;

	/* Without one, because it has gone since, it is asked for. */
	tcpx_metrics_get(tcpx_to_sk(tcb), &m);
	memcpy(cookie, m.fastopen.cookie, sizeof(m.fastopen.cookie));
	opt->cookie = cookie;
	opt->cookie_len = m.fastopen.cookie_len;
	opt->present |= TCPX_HAS_FASTOPEN;
}

void tcpx_fastopen_syn_option(struct tcpx_sock *tcb, struct tcpx_options *opt,
			      u8 *cookie)
{
	struct tcpx_flow flow;

	clear_flags(tcb, TCPX_TFO_OPTION);
	if (!(tcb->user.fastopen & TCPX_TFO_PENDING)) {
		set_flags(tcb, TCPX_TFO_ACTIVE);
		take_cached(tcb, opt, cookie);
		return;
	}
	tcpx_flow_of_sock(&flow, tcpx_to_sk(tcb));
	tcpx_fastopen_offer(tcb->listener, &flow, opt, cookie);
}

/* --- client: the answer -------------------------------------------------- */

void tcpx_fastopen_text_acked(struct tcpx_sock *tcb, u32 ack)
{
	struct sock *sk = tcpx_to_sk(tcb);
	struct sk_buff *skb = tcpx_send_head(sk);
	u32 text = tcb->snd.iss + 1;
	u32 len = ack - text;

	clear_flags(tcb, TCPX_TFO_TEXT);
	if (!skb || tcpx_tx_cb(skb)->seq != text)
		return;		/* sent since, by a FIN behind it */
	if (len < skb->len) {
		set_client_fail(tcb, tcb->stats.retrans_segs ?
				     TFO_SYN_RETRANSMITTED :
				     TFO_DATA_NOT_ACKED);
		TCPX_INC(sock_net(sk), FastOpenActiveFail);
		/* Without memory the rest counts as sent, and is sent again. */
		if (len)
			tcpx_output_split(tcb, skb, len, GFP_ATOMIC);
	} else {
		set_flags(tcb, TCPX_TFO_TEXT_ACKED);
		TCPX_INC(sock_net(sk), FastOpenActive);
	}
	if (!len)
		return;
	tcpx_output_sent(tcb, skb);
	tcb->stats.bytes_acked += len;
}

/*
 * RFC 7413 4.1.3.1, 7413-4: nothing but the cookie, or the text, that was taken
 * says that the option does not harm. A cookie that was not asked for is not
 * kept.
 */
void tcpx_fastopen_answered(struct tcpx_sock *tcb, u32 ack,
			    const struct tcpx_options *opt)
{
	bool text = tcb->user.fastopen & TCPX_TFO_TEXT;
	bool taken = text && ack != tcb->snd.iss + 1;
	struct tcpx_options told = *opt;

	if (!(tcb->user.fastopen & TCPX_TFO_ACTIVE))
		return;
	if (sends_no_cookie(tcb) || !told.cookie_len)
		told.present &= ~TCPX_HAS_FASTOPEN;
	keep(tcpx_to_sk(tcb), &told, !taken &&
	     !(told.present & TCPX_HAS_FASTOPEN) &&
	     (text || tcb->stats.retrans_segs));
	if (text)
		tcpx_fastopen_text_acked(tcb, ack);
}
