// SPDX-License-Identifier: GPL-2.0
/*
 * Lookup tables. Connections are in one hlist_nulls table for all namespaces;
 * a reader that ends on another bucket's nulls value followed an object that
 * was freed and reused meanwhile, and starts again. Listeners are few and
 * freed after a grace period: a plain RCU list by port.
 */
#include "hash.h"

#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/rculist.h>
#include <linux/rculist_nulls.h>
#include <linux/spinlock.h>

#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "ip.h"
#include "tcpx.h"

#define LISTEN_BUCKETS	256U		/* power of two */
#define BATCH		16

/* What a packet or a new connection is compared by; ours and theirs. */
struct tcpx_hash_key {
	struct net *net;
	u32 hash;
	int dif;
	int sdif;
	u16 family;			/* of the packets */
	u16 num;			/* our port, host order */
	__be16 dport;
	__be32 saddr4;
	__be32 daddr4;
	const struct in6_addr *saddr6;
	const struct in6_addr *daddr6;
};

static struct {
	struct hlist_nulls_head *buckets;
	spinlock_t *locks;
	unsigned int mask;
	unsigned int lock_mask;
} connections __read_mostly;

/* @listen_lock guards changes of @listeners. */
static struct hlist_head listeners[LISTEN_BUCKETS];
static DEFINE_SPINLOCK(listen_lock);

static unsigned int hash_buckets;
module_param(hash_buckets, uint, 0444);
MODULE_PARM_DESC(hash_buckets,
		 "Buckets of the connection table (default: by memory)");

/* Packets of this object are IPv4, be it on an IPv6 socket. */
static bool speaks_ipv4(const struct sock_common *common)
{
	return common->skc_family == AF_INET ||
	       ipv6_addr_v4mapped(&common->skc_v6_daddr);
}

static void hash_key(struct tcpx_hash_key *key)
{
	if (key->family == AF_INET)
		key->hash = inet_ehashfn(key->net, key->saddr4, key->num,
					 key->daddr4, key->dport);
	else
		key->hash = inet6_ehashfn(key->net, key->saddr6, key->num,
					  key->daddr6, key->dport);
}

/* IP's control block is gone once demux.c has made the segment of it. */
static void interfaces_of_skb(struct tcpx_hash_key *key,
			      const struct sk_buff *skb)
{
	if (!skb->dev) {
		key->dif = tcpx_seg(skb)->iif;
		key->sdif = tcpx_seg(skb)->sdif;
	} else if (key->family == AF_INET) {
		key->dif = inet_iif(skb);
		key->sdif = inet_sdif(skb);
	} else {
		key->dif = inet6_iif(skb);
		key->sdif = inet6_sdif(skb);
	}
}

static void key_of_skb(struct tcpx_hash_key *key, struct net *net,
		       const struct sk_buff *skb)
{
	const struct tcphdr *th = tcp_hdr(skb);

	key->net = net;
	key->num = ntohs(th->dest);
	key->dport = th->source;
	if (ip_hdr(skb)->version == 4) {
		key->family = AF_INET;
		key->saddr4 = ip_hdr(skb)->daddr;
		key->daddr4 = ip_hdr(skb)->saddr;
	} else {
		key->family = AF_INET6;
		key->saddr6 = &ipv6_hdr(skb)->daddr;
		key->daddr6 = &ipv6_hdr(skb)->saddr;
	}
	interfaces_of_skb(key, skb);
	hash_key(key);
}

static void key_of_object(struct tcpx_hash_key *key,
			  const struct sock_common *common)
{
	key->net = read_pnet(&common->skc_net);
	key->num = common->skc_num;
	key->dport = common->skc_dport;
	key->dif = common->skc_bound_dev_if;
	key->sdif = 0;
	if (speaks_ipv4(common)) {
		key->family = AF_INET;
		key->saddr4 = common->skc_rcv_saddr;
		key->daddr4 = common->skc_daddr;
	} else {
		key->family = AF_INET6;
		key->saddr6 = &common->skc_v6_rcv_saddr;
		key->daddr6 = &common->skc_v6_daddr;
	}
	hash_key(key);
}

static bool is_match(const struct sock_common *common,
		     const struct tcpx_hash_key *key)
{
	if (common->skc_hash != key->hash || common->skc_num != key->num ||
	    common->skc_dport != key->dport ||
	    !net_eq(read_pnet(&common->skc_net), key->net) ||
	    !inet_sk_bound_dev_eq(key->net, common->skc_bound_dev_if,
				  key->dif, key->sdif))
		return false;

	if (key->family == AF_INET)
		return common->skc_daddr == key->daddr4 &&
		       common->skc_rcv_saddr == key->saddr4 &&
		       speaks_ipv4(common);

	return common->skc_family == AF_INET6 &&
	       ipv6_addr_equal(&common->skc_v6_daddr, key->daddr6) &&
	       ipv6_addr_equal(&common->skc_v6_rcv_saddr, key->saddr6);
}

static spinlock_t *lock_of(u32 hash)
{
	return &connections.locks[hash & connections.lock_mask];
}

static struct hlist_nulls_head *bucket_of(u32 hash)
{
	return &connections.buckets[hash & connections.mask];
}

static struct sock_common *find(const struct tcpx_hash_key *key)
{
	unsigned int slot = key->hash & connections.mask;
	const struct hlist_nulls_node *node;
	struct sock_common *common;

restart:
	hlist_nulls_for_each_entry_rcu(common, node,
				       &connections.buckets[slot],
				       skc_nulls_node) {
		if (!is_match(common, key))
			continue;
		if (!refcount_inc_not_zero(&common->skc_refcnt))
			return NULL;
		/* It may have become another connection since. */
		if (likely(is_match(common, key)))
			return common;
		tcpx_hash_put(common);
		goto restart;
	}
	if (get_nulls_value(node) != slot)
		goto restart;

	return NULL;
}

struct sock_common *tcpx_hash_find(struct net *net, const struct sk_buff *skb)
{
	struct tcpx_hash_key key;

	key_of_skb(&key, net, skb);
	return find(&key);
}

struct sock_common *tcpx_hash_find_flow(const struct tcpx_flow *flow, int dif,
					int sdif)
{
	struct tcpx_hash_key key = {
		.net = flow->net,
		.family = flow->family,
		.num = ntohs(flow->sport),
		.dport = flow->dport,
		.dif = dif,
		.sdif = sdif,
	};

	if (flow->family == AF_INET) {
		key.saddr4 = flow->saddr4;
		key.daddr4 = flow->daddr4;
	} else {
		key.saddr6 = &flow->saddr6;
		key.daddr6 = &flow->daddr6;
	}
	hash_key(&key);
	return find(&key);
}

void tcpx_hash_put(struct sock_common *common)
{
	switch (READ_ONCE(common->skc_state)) {
	case TCP_TIME_WAIT:
		tcpx_timewait_put((struct tcpx_timewait *)common);
		break;
	case TCP_NEW_SYN_RECV:
		tcpx_request_put((struct tcpx_request *)common);
		break;
	default:
		sock_put((struct sock *)common);
	}
}

/*
 * The object that keeps @common out, NULL if there is none. A TIME-WAIT block
 * that gives way is in *@reused, referenced.
 */
static struct sock_common *find_conflict(struct sock_common *common,
					 const struct tcpx_hash_key *key,
					 struct tcpx_timewait **reused)
{
	const struct hlist_nulls_node *node;
	struct sock_common *other;

	hlist_nulls_for_each_entry(other, node, bucket_of(key->hash),
				   skc_nulls_node) {
		struct tcpx_timewait *tw = (struct tcpx_timewait *)other;

		if (!is_match(other, key))
			continue;
		if (other->skc_state != TCP_TIME_WAIT ||
		    common->skc_state != TCP_SYN_SENT ||
		    !tcpx_timewait_may_reuse(tw, (struct sock *)common))
			return other;
		/* The table's reference cannot go before our lock does. */
		refcount_inc(&other->skc_refcnt);
		hlist_nulls_del_init_rcu(&other->skc_nulls_node);
		*reused = tw;
		return NULL;
	}

	return NULL;
}

int tcpx_hash_insert(struct sock_common *common, bool unique)
{
	struct tcpx_timewait *reused = NULL;
	struct tcpx_hash_key key;
	spinlock_t *lock;
	int err = 0;

	key_of_object(&key, common);
	lock = lock_of(key.hash);

	spin_lock_bh(lock);
	if (unique && find_conflict(common, &key, &reused)) {
		err = -EADDRNOTAVAIL;
	} else {
		common->skc_hash = key.hash;
		tcpx_early_add_port(key.num);
		hlist_nulls_add_head_rcu(&common->skc_nulls_node,
					 bucket_of(key.hash));
	}
	spin_unlock_bh(lock);

	if (reused) {
		tcpx_timewait_reused(reused);
		tcpx_timewait_put(reused);
	}
	return err;
}

/* Readers see either @old or @new, never neither. */
static void replace_node(struct hlist_nulls_node *old,
			 struct hlist_nulls_node *new)
{
	struct hlist_nulls_node *next = old->next;

	new->next = next;
	WRITE_ONCE(new->pprev, old->pprev);
	rcu_assign_pointer(*(struct hlist_nulls_node __rcu **)new->pprev, new);
	if (!is_a_nulls(next))
		WRITE_ONCE(next->pprev, &new->next);
	WRITE_ONCE(old->pprev, NULL);
}

bool tcpx_hash_replace(struct sock_common *old, struct sock_common *new)
{
	struct tcpx_hash_key key;
	bool replaced = false;
	spinlock_t *lock;

	key_of_object(&key, new);
	lock = lock_of(key.hash);

	spin_lock_bh(lock);
	if (!hlist_nulls_unhashed(&old->skc_nulls_node)) {
		DEBUG_NET_WARN_ON_ONCE(old->skc_hash != key.hash);
		new->skc_hash = key.hash;
		replace_node(&old->skc_nulls_node, &new->skc_nulls_node);
		replaced = true;
	}
	spin_unlock_bh(lock);
	return replaced;
}

bool tcpx_hash_remove(struct sock_common *common)
{
	bool removed = false;
	spinlock_t *lock;

	/* Pairs with the WRITE_ONCE() of those that take it out. */
	if (hlist_nulls_unhashed_lockless(&common->skc_nulls_node))
		return false;

	lock = lock_of(common->skc_hash);
	spin_lock_bh(lock);
	if (!hlist_nulls_unhashed(&common->skc_nulls_node)) {
		hlist_nulls_del_init_rcu(&common->skc_nulls_node);
		removed = true;
	}
	spin_unlock_bh(lock);
	return removed;
}

/*
 * Listeners hang on skc_bind_node: the node of the connection table may be
 * used for a connect() right after, while readers still stand on this one.
 */
static struct hlist_head *listen_bucket(const struct net *net, u16 num)
{
	return &listeners[(num ^ net_hash_mix(net)) & (LISTEN_BUCKETS - 1)];
}

void tcpx_hash_add_listener(struct sock *sk)
{
	struct hlist_head *head = listen_bucket(sock_net(sk), sk->sk_num);

	sock_set_flag(sk, SOCK_RCU_FREE);
	spin_lock_bh(&listen_lock);
	hlist_add_head_rcu(&sk->sk_bind_node, head);
	spin_unlock_bh(&listen_lock);
}

void tcpx_hash_remove_listener(struct sock *sk)
{
	spin_lock_bh(&listen_lock);
	hlist_del_init_rcu(&sk->sk_bind_node);
	spin_unlock_bh(&listen_lock);
}

/* Negative: not for this packet. The address counts most, as in native. */
static int score_listener(const struct sock *sk,
			  const struct tcpx_hash_key *key)
{
	int score = 0;

	if (sk->sk_num != key->num || !net_eq(sock_net(sk), key->net) ||
	    !inet_sk_bound_dev_eq(key->net, READ_ONCE(sk->sk_bound_dev_if),
				  key->dif, key->sdif))
		return -1;

	if (key->family == AF_INET) {
		if (ipv6_only_sock(sk))
			return -1;
		if (sk->sk_rcv_saddr) {
			if (sk->sk_rcv_saddr != key->saddr4)
				return -1;
			score += 8;
		}
		if (sk->sk_family == AF_INET)
			score += 2;
	} else {
		if (sk->sk_family != AF_INET6)
			return -1;
		if (!ipv6_addr_any(&sk->sk_v6_rcv_saddr)) {
			if (!ipv6_addr_equal(&sk->sk_v6_rcv_saddr,
					     key->saddr6))
				return -1;
			score += 8;
		}
	}

	if (READ_ONCE(sk->sk_bound_dev_if))
		score += 4;
	if (READ_ONCE(sk->sk_incoming_cpu) == raw_smp_processor_id())
		score++;
	return score;
}

struct sock *tcpx_hash_find_listener(struct net *net,
				     const struct sk_buff *skb)
{
	struct sock *sk, *best = NULL;
	struct tcpx_hash_key key;
	unsigned int equal = 0;
	int best_score = -1;
	u32 pick;

	key_of_skb(&key, net, skb);
	pick = key.hash;
	hlist_for_each_entry_rcu(sk, listen_bucket(net, key.num),
				 sk_bind_node) {
		int score = score_listener(sk, &key);

		if (score < 0 || score < best_score)
			continue;
		if (score > best_score) {
			best = sk;
			best_score = score;
			equal = 1;
		} else if (sk->sk_reuseport) {
			/* The n-th of the group wins with 1/n: even shares. */
			pick = next_pseudo_random32(pick);
			if (!reciprocal_scale(pick, ++equal))
				best = sk;
		}
	}

	return best;
}

int tcpx_hash(struct sock *sk)
{
	if (sk->sk_state != TCP_LISTEN)
		return tcpx_hash_insert(&sk->__sk_common, false);

	tcpx_hash_add_listener(sk);
	return 0;
}

void tcpx_unhash(struct sock *sk)
{
	if (sk->sk_state == TCP_LISTEN)
		tcpx_hash_remove_listener(sk);
	else
		tcpx_hash_remove(&sk->__sk_common);
}

/* Take @common into @batch if it is the next one of @net in its bucket. */
static unsigned int copy_out(struct net *net, struct sock_common *common,
			     unsigned int *skip, struct tcpx_hash_pos *pos,
			     struct sock_common **batch)
{
	if (!net_eq(read_pnet(&common->skc_net), net))
		return 0;
	if (*skip) {
		--*skip;
		return 0;
	}
	pos->offset++;
	if (!refcount_inc_not_zero(&common->skc_refcnt))
		return 0;
	*batch = common;
	return 1;
}

static unsigned int batch_listeners(struct net *net, struct tcpx_hash_pos *pos,
				    struct sock_common **batch,
				    unsigned int max)
{
	unsigned int skip = pos->offset;
	unsigned int nr = 0;
	struct sock *sk;

	spin_lock_bh(&listen_lock);
	hlist_for_each_entry(sk, &listeners[pos->bucket], sk_bind_node) {
		if (nr == max)
			break;
		nr += copy_out(net, &sk->__sk_common, &skip, pos, batch + nr);
	}
	spin_unlock_bh(&listen_lock);
	return nr;
}

static unsigned int batch_connections(struct net *net,
				      struct tcpx_hash_pos *pos,
				      struct sock_common **batch,
				      unsigned int max)
{
	unsigned int slot = pos->bucket - LISTEN_BUCKETS;
	const struct hlist_nulls_node *node;
	unsigned int skip = pos->offset;
	struct sock_common *common;
	unsigned int nr = 0;

	if (hlist_nulls_empty(&connections.buckets[slot]))
		return 0;

	spin_lock_bh(lock_of(slot));
	hlist_nulls_for_each_entry(common, node, &connections.buckets[slot],
				   skc_nulls_node) {
		if (nr == max)
			break;
		nr += copy_out(net, common, &skip, pos, batch + nr);
	}
	spin_unlock_bh(lock_of(slot));
	return nr;
}

unsigned int tcpx_hash_batch(struct net *net, struct tcpx_hash_pos *pos,
			     struct sock_common **batch, unsigned int max)
{
	unsigned int end = LISTEN_BUCKETS + connections.mask + 1;
	unsigned int nr = 0;

	while (pos->bucket < end) {
		if (pos->bucket < LISTEN_BUCKETS)
			nr += batch_listeners(net, pos, batch + nr, max - nr);
		else
			nr += batch_connections(net, pos, batch + nr, max - nr);
		if (nr == max)
			break;
		pos->bucket++;
		pos->offset = 0;
	}
	return nr;
}

int tcpx_hash_walk(struct net *net,
		   int (*fn)(struct sock_common *common, void *arg), void *arg)
{
	struct sock_common *batch[BATCH];
	struct tcpx_hash_pos pos = {};
	unsigned int nr, i;
	int ret = 0;

	do {
		nr = tcpx_hash_batch(net, &pos, batch, ARRAY_SIZE(batch));
		for (i = 0; i < nr; i++) {
			if (!ret)
				ret = fn(batch[i], arg);
			tcpx_hash_put(batch[i]);
		}
	} while (nr && !ret);

	return ret;
}

/* One bucket for 128 KB of memory, as native has it. */
static unsigned int default_buckets(void)
{
	unsigned long nr = totalram_pages() >> (17 - PAGE_SHIFT);

	return clamp(nr, 1024UL, 512UL * 1024);
}

int tcpx_hash_init(void)
{
	unsigned int nr, i;
	int err;

	nr = hash_buckets ?: default_buckets();
	nr = roundup_pow_of_two(clamp(nr, 16U, 1U << 24));
	connections.buckets = kvmalloc_array(nr, sizeof(*connections.buckets),
					     GFP_KERNEL);
	if (!connections.buckets)
		return -ENOMEM;
	connections.mask = nr - 1;
	for (i = 0; i < nr; i++)
		INIT_HLIST_NULLS_HEAD(&connections.buckets[i], i);

	/* Not more locks than buckets: a bucket has one lock. */
	err = alloc_bucket_spinlocks(&connections.locks,
				     &connections.lock_mask, nr, 64,
				     GFP_KERNEL);
	if (err)
		goto out_free_buckets;

	return 0;

out_free_buckets:
	kvfree(connections.buckets);
	return err;
}

void tcpx_hash_exit(void)
{
	free_bucket_spinlocks(connections.locks);
	kvfree(connections.buckets);
}
