// SPDX-License-Identifier: GPL-2.0
/*
 * Metrics cache, RFC 9040: temporal sharing. When a connection is over, what it
 * learnt of its path is kept for a pair of addresses, for an hour; the next ones
 * begin with it:
 *
 * - SRTT. The segments of a handshake are small: where it was faster than the
 *   connections before, the first RTO of the data is theirs. It is never made
 *   shorter, and SRTT itself begins anew (RFC 6298 2.2 from the first sample).
 * - Whether there was reordering, so that RACK waits from the start instead of
 *   taking three segments for a loss (RFC 8985 6.2, step 4).
 * - ssthresh, if the knob no_ssthresh_metrics_save is 0: off by default, as in
 *   native TCP. An old one keeps a connection slow on a path that is free now.
 *
 * Not shared: cwnd (RFC 9040 8.1: only with care), and what the SYN begins with.
 *
 * The cache is bounded: a new pair takes the place of the one of its set that
 * was not used for longest. What is Fast Open's there, fastopen.c looks after.
 */
#include "metrics.h"
#include "ip.h"
#include "tcpx.h"

#include <linux/jhash.h>
#include <linux/mm.h>
#include <linux/proc_fs.h>
#include <linux/random.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <net/ipv6.h>

#define SETS		128		/* power of two */
#define WAYS		4
#define VALID_S		3600		/* as native's */

struct metrics_set {
	spinlock_t lock;		/* guards @way */
	struct tcpx_metrics way[WAYS];
};

struct tcpx_metrics_net {
	struct metrics_set *sets;	/* NULL until the first connection */
	u32 seed;
};

static struct tcpx_metrics_net *metrics_net(const struct net *net)
{
	return tcpx_net(net)->metrics;
}

static const struct tcpx_knobs *knobs_of(const struct sock *sk)
{
	return &tcpx_net(sock_net(sk))->knobs;
}

static u32 now_s(void)
{
	return (u32)ktime_get_seconds() ?: 1;
}

/* --- the table ----------------------------------------------------------- */

void tcpx_metrics_create(struct net *net)
{
	struct tcpx_metrics_net *mn = metrics_net(net);
	struct metrics_set *sets;
	int i;

	if (likely(READ_ONCE(mn->sets)))
		return;

	sets = kvcalloc(SETS, sizeof(*sets), GFP_KERNEL_ACCOUNT);
	if (!sets)
		return;
	for (i = 0; i < SETS; i++)
		spin_lock_init(&sets[i].lock);
	if (cmpxchg(&mn->sets, NULL, sets))
		kvfree(sets);
}

void tcpx_metrics_prepare(struct net *net)
{
	if (!READ_ONCE(tcpx_net(net)->knobs.no_metrics_save))
		tcpx_metrics_create(net);
}

static void set_pair(struct tcpx_metrics *key, const struct sock *sk)
{
	struct tcpx_flow flow;

	tcpx_flow_of_sock(&flow, sk);
	memset(key, 0, sizeof(*key));
	if (flow.family == AF_INET) {
		ipv6_addr_set_v4mapped(flow.saddr4, &key->saddr);
		ipv6_addr_set_v4mapped(flow.daddr4, &key->daddr);
	} else {
		key->saddr = flow.saddr6;
		key->daddr = flow.daddr6;
	}
}

static struct metrics_set *sets_of(const struct net *net)
{
	/* Pairs with the cmpxchg(): their locks were initialised. */
	return smp_load_acquire(&metrics_net(net)->sets);
}

/* NULL: there is no cache. */
static struct metrics_set *set_of(const struct net *net,
				  const struct tcpx_metrics *key)
{
	struct metrics_set *sets = sets_of(net);
	u32 hash;

	if (!sets)
		return NULL;
	hash = jhash2((const u32 *)key, 8, metrics_net(net)->seed);
	return &sets[hash & (SETS - 1)];
}

static bool is_of(const struct tcpx_metrics *entry,
		  const struct tcpx_metrics *key)
{
	return entry->used_s && ipv6_addr_equal(&entry->daddr, &key->daddr) &&
	       ipv6_addr_equal(&entry->saddr, &key->saddr);
}

/* The entry of @key, or else the one to give up. */
static struct tcpx_metrics *find(struct metrics_set *set,
				 const struct tcpx_metrics *key)
{
	struct tcpx_metrics *oldest = set->way;
	int i;

	for (i = 0; i < WAYS; i++) {
		if (is_of(&set->way[i], key))
			return &set->way[i];
		if (set->way[i].used_s < oldest->used_s)
			oldest = &set->way[i];
	}
	return oldest;
}

void tcpx_metrics_get(const struct sock *sk, struct tcpx_metrics *copy)
{
	struct tcpx_metrics *found;
	struct metrics_set *set;

	set_pair(copy, sk);
	set = set_of(sock_net(sk), copy);
	if (!set)
		return;
	spin_lock_bh(&set->lock);
	found = find(set, copy);
	if (is_of(found, copy)) {
		found->used_s = now_s();
		*copy = *found;
	}
	spin_unlock_bh(&set->lock);
}

void tcpx_metrics_update(const struct sock *sk,
			 void (*change)(struct tcpx_metrics *entry,
					const void *what),
			 const void *what)
{
	struct tcpx_metrics key, *entry;
	struct metrics_set *set;

	set_pair(&key, sk);
	set = set_of(sock_net(sk), &key);
	if (!set)
		return;
	spin_lock_bh(&set->lock);
	entry = find(set, &key);
	if (!is_of(entry, &key))
		*entry = key;
	entry->used_s = now_s();
	change(entry, what);
	spin_unlock_bh(&set->lock);
}

/* --- connections --------------------------------------------------------- */

static bool is_valid(u32 then_s)
{
	return then_s && now_s() - then_s < VALID_S;
}

void tcpx_metrics_apply(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);
	const struct tcpx_knobs *knobs = knobs_of(sk);
	struct tcpx_metrics m;

	sock_owned_by_me(sk);
	if (READ_ONCE(knobs->no_metrics_save))
		return;
	tcpx_metrics_get(sk, &m);
	if (is_valid(m.reordered_s) && tcb->rack.is_used)
		tcb->rack.reordering_seen = 1;
	if (!is_valid(m.saved_s))
		return;
	if (m.srtt_us > tcpx_rtt_srtt_us(&tcb->rtt))
		tcpx_rtt_expect(&tcb->rtt, m.srtt_us);
	if (m.ssthresh && !READ_ONCE(knobs->no_ssthresh_metrics_save))
		tcb->cong.ssthresh = min(tcb->cong.ssthresh, m.ssthresh);
}

/*
 * A longer round trip counts at once, a shorter one by and by. A connection
 * that ended without an answer doesn't know, and the next had better not, too.
 */
static void save_srtt(struct tcpx_metrics *m, const struct tcpx_rtt *rtt)
{
	u32 srtt_us = tcpx_rtt_srtt_us(rtt);

	if (rtt->backoff || !srtt_us)
		m->srtt_us = 0;
	else if (!is_valid(m->saved_s) || srtt_us >= m->srtt_us)
		m->srtt_us = srtt_us;
	else
		m->srtt_us -= (m->srtt_us - srtt_us) >> 3;
}

/*
 * As native: a slow start that went on beyond the old one has refuted it; where
 * there is loss, cwnd says nothing.
 */
static void save_ssthresh(struct tcpx_metrics *m, const struct tcpx_cong *cong,
			  bool is_open)
{
	u32 half = cong->cwnd / 2;

	if (!is_valid(m->saved_s))
		m->ssthresh = 0;
	if (cong->ssthresh >= TCPX_CONG_INFINITE)
		m->ssthresh = m->ssthresh ? max(m->ssthresh, half) : 0;
	else if (is_open && cong->cwnd >= cong->ssthresh)
		m->ssthresh = max(half, cong->ssthresh);
	else if (m->ssthresh)
		m->ssthresh = max(m->ssthresh, cong->ssthresh);
}

static void save(struct tcpx_metrics *m, const void *what)
{
	const struct tcpx_sock *tcb = what;
	const struct tcpx_knobs *knobs = knobs_of(tcpx_to_sk(tcb));

	save_srtt(m, &tcb->rtt);
	if (!READ_ONCE(knobs->no_ssthresh_metrics_save))
		save_ssthresh(m, &tcb->cong,
			      tcb->recovery.state == TCPX_OPEN);
	m->saved_s = m->used_s;
	/* Not for longer by connections that have it from here. */
	if (tcb->rack.reordering_seen && !is_valid(m->reordered_s))
		m->reordered_s = m->used_s;
}

void tcpx_metrics_save(struct tcpx_sock *tcb)
{
	struct sock *sk = tcpx_to_sk(tcb);

	sock_owned_by_me(sk);
	/* Or nothing was sent that could tell. */
	if (!READ_ONCE(knobs_of(sk)->no_metrics_save) &&
	    (tcpx_rtt_has_sample(&tcb->rtt) || tcb->rtt.backoff))
		tcpx_metrics_update(sk, save, tcb);
}

void tcpx_metrics_forget(struct net *net)
{
	struct metrics_set *set = sets_of(net);
	int i, k;

	for (i = 0; set && i < SETS; i++, set++) {
		spin_lock_bh(&set->lock);
		for (k = 0; k < WAYS; k++) {
			set->way[k].saved_s = 0;
			set->way[k].reordered_s = 0;
		}
		spin_unlock_bh(&set->lock);
	}
}

/* --- /proc/net/tcpx_metrics ---------------------------------------------- */

static void show_address(struct seq_file *seq, const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		seq_printf(seq, "%pI4 ", &addr->s6_addr32[3]);
	else
		seq_printf(seq, "%pI6c ", addr);
}

static void show_entry(struct seq_file *seq, const struct tcpx_metrics *m)
{
	bool saved = is_valid(m->saved_s);

	show_address(seq, &m->saddr);
	show_address(seq, &m->daddr);
	seq_printf(seq, "%u %u %u %u %u %u\n", now_s() - m->used_s,
		   saved ? m->srtt_us : 0, is_valid(m->reordered_s),
		   saved ? m->ssthresh : 0, m->fastopen.mss,
		   m->fastopen.cookie_len);
}

static int tcpx_metrics_show(struct seq_file *seq, void *v)
{
	struct tcpx_metrics copy[WAYS];
	struct metrics_set *set;
	int i, k;

	seq_puts(seq, "local remote age_s srtt_us reordered ssthresh mss cookie_len\n");
	set = sets_of(seq_file_single_net(seq));
	for (i = 0; set && i < SETS; i++, set++) {
		spin_lock_bh(&set->lock);
		memcpy(copy, set->way, sizeof(copy));
		spin_unlock_bh(&set->lock);
		for (k = 0; k < WAYS; k++) {
			if (copy[k].used_s)
				show_entry(seq, &copy[k]);
		}
	}
	return 0;
}

int tcpx_metrics_init_net(struct net *net)
{
	struct tcpx_metrics_net *mn;

	mn = kzalloc(sizeof(*mn), GFP_KERNEL);
	if (!mn)
		return -ENOMEM;

	mn->seed = get_random_u32();
	tcpx_net(net)->metrics = mn;
	if (proc_create_net_single("tcpx_metrics", 0444, net->proc_net,
				   tcpx_metrics_show, NULL))
		return 0;
	kfree(mn);
	return -ENOMEM;
}

void tcpx_metrics_exit_net(struct net *net)
{
	struct tcpx_metrics_net *mn = metrics_net(net);

	remove_proc_entry("tcpx_metrics", net->proc_net);
	kvfree(mn->sets);
	kfree(mn);
}
